# SPDX-License-Identifier: Apache-2.0
"""What libvirt has, as the options of the module `domain`, and what waits for a restart."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Definition
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices import (
    cdrom,
    disk,
    interface,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import differences
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections.cpu import Cpu
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    InvalidItemError,
    LibvirtError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain

# The policies of CPU features that are in the running XML as they are in the definition.
_SEEN = frozenset({"require", "disable"})


def look(
    host: Hypervisor, wanted: Sequence[str] | None, directories: Directories
) -> Dict[str, Any]:
    """Return the wanted domains, all if None, and which of them do not exist."""
    missing: List[str] = []
    found: Dict[str, LiveDomain] = {}
    if wanted is None:
        found = {each.uuid: each for each in host.domains()}
    for each in wanted or ():
        domain = _find(host, each)
        if domain is None:
            missing.append(each)
        else:
            found[domain.uuid] = domain
    described = (_described(each, directories) for each in found.values())
    domains = sorted((each for each in described if each), key=lambda each: str(each["name"]))
    return {"domains": domains, "missing": missing}


def describe(domain: LiveDomain, directories: Directories) -> Dict[str, Any]:
    """Return all about a domain that exists."""
    definition = xml.read(xml.parse(domain.persistent_xml()), autostart=domain.autostart())
    return {
        "uuid": domain.uuid,
        "name": domain.name,
        "state": domain.state(),
        "is_migrating": domain.is_migrating(),
        "is_instance": definition.is_instance,
        "definition": as_item(definition, directories),
        "pending": pending_fields(domain),
        "graphics": _console(domain),
    }


def as_item(definition: Definition, directories: Directories) -> Dict[str, Any]:
    """Return a definition as options, so that it can be given back to the module `domain`."""
    item = {name: getattr(definition, name) for name in _PLAIN}
    cpu, topology = definition.cpu, definition.topology
    item.update(
        boot=list(definition.boot) or None,
        topology=vars(topology).copy() if topology else None,
        cpu=_cpu(cpu) if cpu else None,
        disks=[disk.as_item(each, directories) for each in definition.disks],
        cdroms=[cdrom.as_item(each, directories) for each in definition.cdroms],
        nics=[interface.as_item(each, directories) for each in definition.nics],
        graphics=vars(definition.graphics).copy(),
        serial=definition.serial.mode,
        labels=dict(definition.labels),
    )
    # Ansible takes no null for a list of choices.
    return {name: value for name, value in item.items() if value is not None}


def pending_fields(domain: LiveDomain) -> List[str]:
    """Return the fields in which a running domain is not yet as defined."""
    running = domain.running_xml()
    if not running:
        return []
    now, then = xml.read(xml.parse(running)), xml.read(xml.parse(domain.persistent_xml()))
    found = differences(now, then)
    return [each.path for each in found if each.name != "cpu" or _is_other_cpu(now.cpu, then.cpu)]


def _find(host: Hypervisor, wanted: str) -> LiveDomain | None:
    try:
        return host.find(files.check_uuid(wanted)) or host.find_by_name(wanted)
    except InvalidItemError:
        return host.find_by_name(wanted)


def _described(domain: LiveDomain, directories: Directories) -> Dict[str, Any] | None:
    """None for a domain that vanished while we looked."""
    try:
        return describe(domain, directories)
    except LibvirtError:
        if domain.state() == "absent":
            return None
        raise


def _is_other_cpu(now: Cpu | None, then: Cpu | None) -> bool:
    """Libvirt writes the model of a host, and what the accelerator adds, into the running XML."""
    if then is None or then.mode != "custom":
        return False
    lacks = {each for each in then.features if each[1] in _SEEN} - set(now.features if now else ())
    return now is None or now.model != then.model or bool(lacks)


def _cpu(cpu: Cpu) -> Mapping[str, Any]:
    features = [{"name": name, "policy": policy} for name, policy in cpu.features]
    named = {"model": cpu.model or None, "vendor": cpu.vendor or None}
    return {"mode": cpu.mode, **named, "features": features}


def _console(domain: LiveDomain) -> Dict[str, Any] | None:
    """Where the screen listens now; None for a domain that has none or is off."""
    text = domain.running_xml()
    element = xml.parse(text).find("devices/graphics") if text else None
    if element is None:
        return None
    listen = element.find("listen")
    socket = listen.get("socket") if listen is not None else None
    port = element.get("port")
    return {
        "type": element.get("type"),
        "address": None if socket else element.get("listen"),
        "port": int(port) if port and not socket else None,
        "socket": socket,
    }


_PLAIN = (
    "name",
    "domain_type",
    "memory_mib",
    "memory_max_mib",
    "vcpus",
    "vcpus_max",
    "cpu_shares",
    "cpu_quota_percent",
    "machine",
    "firmware",
    "guest_agent",
    "rng",
    "watchdog",
    "tablet",
    "tpm",
    "autostart",
)
