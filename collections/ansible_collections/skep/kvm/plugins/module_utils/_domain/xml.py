# SPDX-License-Identifier: Apache-2.0
"""A definition as libvirt's XML and back, and the least change of what libvirt has. Pure.

Built with an XML library from data, never from templates of strings: a name that holds markup
stays a name. Each part is written where it changed and nowhere else, so that all that libvirt
or others added stays, and the guest finds its devices where they were.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from dataclasses import dataclass, fields
from typing import Any, Callable, Dict, FrozenSet, List, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Definition
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices import (
    cdrom,
    channel,
    controller,
    disk,
    graphics,
    interface,
    rng,
    serial,
    tablet,
    tpm,
    watchdog,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import (
    add,
    overlay,
    put,
    swap,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import (
    boot,
    cpu,
    memory,
    metadata,
)

Write = Callable[[ET.Element, str, Definition], None]


@dataclass(frozen=True)
class _Part:
    """Fields that are written together; `write` takes <domain>, the uuid and the definition."""

    names: FrozenSet[str]
    write: Write


@dataclass(frozen=True)
class ListPart:
    """A list of devices: how one is written, read and told from the others."""

    tag: str
    render: Callable[[Any], ET.Element]
    read: Callable[[ET.Element], Any]
    key: Callable[[Any], str]
    owned: FrozenSet[str]


LISTS: Dict[str, ListPart] = {
    "disks": ListPart("disk", disk.render, disk.read, disk.key, disk.OWNED),
    "cdroms": ListPart("disk", cdrom.render, cdrom.read, cdrom.key, cdrom.OWNED),
    "nics": ListPart("interface", interface.render, interface.read, interface.key, interface.OWNED),
}


def render(uuid: str, definition: Definition) -> ET.Element:
    """Return the <domain> element of a new domain."""
    domain = ET.Element("domain", {"type": definition.domain_type})
    add(domain, "name", text=definition.name)
    add(domain, "uuid", text=uuid)
    for part in _PARTS:
        part.write(domain, uuid, definition)
    _finish_new(domain, definition)
    return domain


def edit(actual: ET.Element, uuid: str, base: Definition, wanted: Definition) -> ET.Element:
    """Return libvirt's element with what differs between `base`, read from it, and `wanted`."""
    if base.domain_type != wanted.domain_type:
        # Another accelerator: CPU and timers of the old one would not fit.
        return render(uuid, wanted)
    edited = copy.deepcopy(actual)
    changed = {each.name for each in fields(Definition)} & {
        name for name in vars(base) if getattr(base, name) != getattr(wanted, name)
    }
    for part in _PARTS:
        if part.names & changed:
            part.write(edited, uuid, wanted)
    return edited


def read(domain: ET.Element, *, autostart: bool = False) -> Definition:
    """Return libvirt's definition as data; `autostart` is not in the XML."""
    devices = _devices(domain)
    lists = {name: tuple(find_all(domain, name).values()) for name in LISTS}
    return Definition(
        name=domain.findtext("name") or "",
        domain_type=domain.get("type", ""),
        memory_mib=memory.read_now(domain),
        memory_max_mib=memory.read_most(domain),
        vcpus=cpu.read_now(domain),
        vcpus_max=cpu.read_most(domain),
        topology=cpu.read_topology(domain),
        cpu=cpu.read_cpu(domain),
        cpu_shares=cpu.read_shares(domain),
        cpu_quota_percent=cpu.read_quota(domain),
        machine=boot.read_machine(domain),
        firmware=boot.read_firmware(domain),
        boot=boot.read_boot(domain),
        graphics=graphics.read(devices),
        serial=serial.read(devices),
        guest_agent=channel.read(devices),
        rng=rng.read(devices),
        watchdog=watchdog.read(devices),
        tablet=tablet.read(devices),
        tpm=tpm.read(devices),
        autostart=autostart,
        labels=metadata.read(domain),
        is_instance=metadata.is_marked(domain),
        **lists,
    )


def parse(text: str) -> ET.Element:
    """Return the element of a text that libvirt wrote; expat caps entity expansion besides."""
    return ET.fromstring(text)  # noqa: S314


def to_text(element: ET.Element) -> str:
    """Return the element as indented text."""
    ET.indent(element)
    return ET.tostring(element, encoding="unicode") + "\n"


def find_all(domain: ET.Element, name: str) -> Dict[str, Any]:
    """Return the devices of one list by their keys."""
    part = LISTS[name]
    found = (part.read(each) for each in _devices(domain).findall(part.tag))
    return {part.key(each): each for each in found if each is not None}


def find_element(domain: ET.Element, name: str, key: str) -> ET.Element | None:
    """Return the element of one device of a list."""
    return _elements(_devices(domain), LISTS[name]).get(key)


def _devices(domain: ET.Element) -> ET.Element:
    found = domain.find("devices")
    return ET.SubElement(domain, "devices") if found is None else found


def _elements(devices: ET.Element, part: ListPart) -> Dict[str, ET.Element]:
    pairs = ((part.read(each), each) for each in devices.findall(part.tag))
    return {part.key(model): each for model, each in pairs if model is not None}


def _write_list(name: str) -> Write:
    part = LISTS[name]

    def write(domain: ET.Element, uuid: str, definition: Definition) -> None:  # noqa: ARG001
        devices = _devices(domain)
        there = _elements(devices, part)
        wanted = {part.key(each): each for each in getattr(definition, name)}
        for key in set(there) - set(wanted):
            devices.remove(there[key])
        for key, model in wanted.items():
            _write_device(devices, part, there.get(key), model)
        controller.ensure_scsi(devices)

    return write


def _write_device(devices: ET.Element, part: ListPart, old: ET.Element | None, model: Any) -> None:  # noqa: ANN401  one of the lists' models
    new = part.render(model)
    if old is None:
        devices.append(new)
    elif part.read(old) != model:
        moved = getattr(part.read(old), "bus", "") != getattr(model, "bus", "")
        merged = overlay(old, new, part.owned | {"address"} if moved else part.owned)
        swap(devices, old, merged)


def _write_name(domain: ET.Element, uuid: str, definition: Definition) -> None:  # noqa: ARG001
    name = ET.Element("name")
    name.text = definition.name
    put(domain, name)


def _finish_new(domain: ET.Element, definition: Definition) -> None:
    """What a new domain gets and nobody chooses."""
    features = domain.find("features")
    if features is None:
        features = add(domain, "features")
    # ACPI is what a graceful shutdown presses; without APIC there is one CPU.
    add(features, "acpi")
    add(features, "apic")
    add(domain, "clock", {"offset": "utc"})
    add(domain, "on_poweroff", text="destroy")
    add(domain, "on_reboot", text="restart")
    # A crashed guest is seen as stopped; the Core decides, a crash loop on the Cell would hide it.
    add(domain, "on_crash", text="destroy")
    devices = _devices(domain)
    # Pages that the guest frees go back to the Cell.
    add(devices, "memballoon", {"model": "virtio", "freePageReporting": "on"})
    if boot.chipset_of(definition.machine) == "q35":
        controller.add_spare_ports(devices)


def _device_part(name: str, write: Callable[[ET.Element, Any], None]) -> _Part:
    return _Part(
        frozenset({name}),
        lambda domain, _, definition: write(_devices(domain), getattr(definition, name)),
    )


def _parts() -> List[_Part]:
    return [
        _Part(frozenset({"name"}), _write_name),
        _Part(
            frozenset({"labels", "is_instance"}),
            lambda domain, uuid, wanted: metadata.write(domain, uuid, wanted.labels),
        ),
        _Part(
            frozenset({"memory_mib", "memory_max_mib"}),
            lambda domain, _, wanted: memory.write(
                domain, wanted.memory_mib, wanted.memory_max_mib
            ),
        ),
        _Part(
            frozenset({"vcpus", "vcpus_max"}),
            lambda domain, _, wanted: cpu.write_count(domain, wanted.vcpus, wanted.vcpus_max),
        ),
        _Part(
            frozenset({"cpu_shares", "cpu_quota_percent"}),
            lambda domain, _, wanted: cpu.write_tuning(
                domain, wanted.cpu_shares, wanted.cpu_quota_percent
            ),
        ),
        _Part(
            frozenset({"machine"}),
            lambda domain, _, wanted: boot.write_machine(domain, wanted.machine),
        ),
        _Part(
            frozenset({"firmware"}),
            lambda domain, _, wanted: boot.write_firmware(domain, wanted.firmware),
        ),
        _Part(frozenset({"boot"}), lambda domain, _, wanted: boot.write_boot(domain, wanted.boot)),
        _Part(
            frozenset({"cpu", "topology"}),
            lambda domain, _, wanted: cpu.write_model(domain, wanted.cpu, wanted.topology),
        ),
    ]


_PARTS: Tuple[_Part, ...] = (
    *_parts(),
    *(_Part(frozenset({name}), _write_list(name)) for name in LISTS),
    _device_part("graphics", graphics.write),
    _device_part("serial", serial.write),
    _device_part("guest_agent", channel.write),
    _device_part("rng", rng.write),
    _device_part("watchdog", watchdog.write),
    _device_part("tablet", tablet.write),
    _device_part("tpm", tpm.write),
)
