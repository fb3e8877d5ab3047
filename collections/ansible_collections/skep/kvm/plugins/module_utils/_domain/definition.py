# SPDX-License-Identifier: Apache-2.0
"""A definition as data, the same for what is wanted and what libvirt has. Pure.

What is not given is left as libvirt has it; a new domain gets the defaults. What libvirt adds to
a definition (addresses, controllers, the versioned machine) is no part of it and no change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Tuple, Union

from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.cdrom import Cdrom
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.disk import Disk
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.graphics import (
    NONE,
    Graphics,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.interface import Nic
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.serial import Serial
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import boot
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections.cpu import Cpu, Topology
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections.metadata import Labels
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

Drive = Union[Disk, Cdrom]
Device = Union[Disk, Cdrom, Nic]


@dataclass(frozen=True)
class Definition:
    """What libvirt has to know to start the domain; the values here are those of a new one."""

    name: str = ""
    domain_type: str = "kvm"
    memory_mib: int = 0
    memory_max_mib: int = 0
    vcpus: int = 0
    vcpus_max: int = 0
    topology: Topology | None = None
    cpu: Cpu | None = None
    cpu_shares: int = 0
    cpu_quota_percent: int = 0
    machine: str = "pc"
    firmware: str = "bios"
    boot: Tuple[str, ...] = ("disk",)
    disks: Tuple[Disk, ...] = ()
    cdroms: Tuple[Cdrom, ...] = ()
    nics: Tuple[Nic, ...] = ()
    graphics: Graphics = NONE
    serial: Serial = field(default_factory=lambda: Serial("none"))
    guest_agent: bool = False
    rng: bool = True
    watchdog: str = "none"
    tablet: bool = False
    tpm: bool = False
    autostart: bool = False
    labels: Labels = ()
    is_instance: bool = True

    @property
    def drives(self) -> Tuple[Drive, ...]:
        """All that has a place on a disk bus."""
        return (*self.disks, *self.cdroms)

    @property
    def devices(self) -> Tuple[Device, ...]:
        """All that can be booted from."""
        return (*self.drives, *self.nics)


Given = Mapping[str, Any]


def create(given: Given, serial_log: str) -> Definition:
    """Return a new domain's definition, or raise InvalidItemError where something is missing."""
    for name in ("name", "memory_mib", "vcpus"):
        if not given.get(name):
            raise InvalidItemError(name, None, "needed to define a new domain")
    base = Definition(serial=Serial("logged", serial_log))
    changed: Dict[str, Any] = dict(given)
    if "machine" not in given and given.get("firmware", "bios") in boot.UEFI:
        changed["machine"] = "q35"
    changed.setdefault("cpu", _default_cpu(given.get("domain_type", base.domain_type)))
    return _checked(replace(base, **_with_maxima(changed, base)), given)


def change(base: Definition, given: Given) -> Definition:
    """Return libvirt's definition with what is given put in."""
    changed: Dict[str, Any] = dict(given)
    if boot.is_same_machine(given.get("machine", base.machine), base.machine):
        changed.pop("machine", None)
    if given.get("domain_type", base.domain_type) != base.domain_type:
        changed.setdefault("cpu", _default_cpu(given["domain_type"]))
    return _checked(replace(base, is_instance=True, **_with_maxima(changed, base)), given)


def _default_cpu(domain_type: str) -> Cpu | None:
    """Return host-model under KVM, which libvirt writes down and checks before a migration.

    That is what host-passthrough lacks. Without KVM libvirt's own default is fine.
    """
    return Cpu("host-model") if domain_type == "kvm" else None


def _with_maxima(given: Dict[str, Any], base: Definition) -> Dict[str, Any]:
    """A maximum that nobody set goes with the value; one that was set stays, unless exceeded."""
    for now, most in (("memory_mib", "memory_max_mib"), ("vcpus", "vcpus_max")):
        if now not in given or most in given:
            continue
        had_room = getattr(base, most) > getattr(base, now)
        given[most] = max(given[now], getattr(base, most)) if had_room else given[now]
    return given


def _checked(wanted: Definition, given: Given) -> Definition:
    """Check what only the whole definition shows."""
    _check_sizes(wanted)
    _check_devices(wanted)
    _check_chipset(wanted)
    return _with_boot(wanted, given)


def _check_sizes(wanted: Definition) -> None:
    pairs = ((wanted.memory_mib, "memory_max_mib"), (wanted.vcpus, "vcpus_max"))
    for now, most in pairs:
        if getattr(wanted, most) < now:
            raise InvalidItemError(most, getattr(wanted, most), f"at least the {now} of now")
    topology = wanted.topology
    if topology is not None:
        product = topology.sockets * topology.cores * topology.threads
        if product != wanted.vcpus_max:
            rule = f"sockets x cores x threads is vcpus_max, {wanted.vcpus_max}"
            raise InvalidItemError("topology", product, rule)


def _check_devices(wanted: Definition) -> None:
    names = [each.device for each in wanted.drives]
    if len(set(names)) < len(names):
        raise InvalidItemError("disks", names, "each device once")
    paths = [each.path for each in wanted.disks]
    if len(set(paths)) < len(paths):
        raise InvalidItemError("disks", paths, "each volume once")
    macs = [each.mac for each in wanted.nics]
    if len(set(macs)) < len(macs):
        raise InvalidItemError("nics", macs, "each MAC address once")


def _check_chipset(wanted: Definition) -> None:
    chipset = boot.chipset_of(wanted.machine)
    if wanted.firmware == "uefi_secure" and chipset != "q35":
        raise InvalidItemError("firmware", wanted.firmware, "only on machine q35")
    for each in wanted.drives:
        if each.bus == "ide" and chipset == "q35":
            raise InvalidItemError("bus", "ide", "not on machine q35; sata is its successor")


def _with_boot(wanted: Definition, given: Given) -> Definition:
    """Either kinds of devices are booted from in order, or the devices say their place."""
    orders = [each.boot_order for each in wanted.devices if each.boot_order]
    if not orders:
        return replace(wanted, boot=wanted.boot or Definition.boot)
    if len(set(orders)) < len(orders):
        raise InvalidItemError("boot_order", sorted(orders), "each place once")
    if given.get("boot"):
        raise InvalidItemError("boot", list(given["boot"]), "not beside a device's boot_order")
    return replace(wanted, boot=())
