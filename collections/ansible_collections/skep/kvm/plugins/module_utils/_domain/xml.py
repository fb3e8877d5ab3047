# SPDX-License-Identifier: Apache-2.0
"""Writes a domain as libvirt's XML, one function for each element. Pure.

Built with an XML library from data, never from templates of strings: a name that holds markup
stays a name.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import (
    Definition,
    Disk,
    Nic,
)

NAMESPACE = "urn:skep:kvm:instance:1"
_KIB_PER_MIB = 1024

ET.register_namespace("skep", NAMESPACE)


def render(uuid: str, name: str, definition: Definition) -> ET.Element:
    """Return the <domain> element."""
    domain = ET.Element("domain", {"type": definition.domain_type})
    _add(domain, "name", text=name)
    _add(domain, "uuid", text=uuid)
    domain.append(_metadata(uuid))
    _memory(domain, definition.memory_mib)
    _add(domain, "vcpu", text=str(definition.vcpus))
    domain.append(_os())
    domain.append(_features())
    if definition.domain_type == "kvm":
        # host-model, not host-passthrough: libvirt writes the model down and checks it against
        # the target before a migration.
        _add(domain, "cpu", {"mode": "host-model"})
    _add(domain, "clock", {"offset": "utc"})
    _lifecycle(domain)
    domain.append(_devices(definition))
    return domain


def to_text(domain: ET.Element) -> str:
    """Return the element as indented text."""
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def _metadata(uuid: str) -> ET.Element:
    """The mark by which a Cell's domain is known as an instance of the cluster."""
    metadata = ET.Element("metadata")
    _add(metadata, f"{{{NAMESPACE}}}instance", {"id": uuid})
    return metadata


def _memory(domain: ET.Element, memory_mib: int) -> None:
    kib = str(memory_mib * _KIB_PER_MIB)
    _add(domain, "memory", {"unit": "KiB"}, kib)
    # Said, since a larger memory with the old current value would be ballooned away.
    _add(domain, "currentMemory", {"unit": "KiB"}, kib)


def _os() -> ET.Element:
    """Machine pc with SeaBIOS.

    Under TCG its firmware reaches the disk in 0.08 s, q35's in 0.10 s since every device of q35
    sits behind a PCI bridge that the firmware visits (measured, QEMU 7.2). q35 is for UEFI.
    """
    element = ET.Element("os")
    _add(element, "type", {"arch": "x86_64", "machine": "pc"}, "hvm")
    _add(element, "boot", {"dev": "hd"})
    return element


def _features() -> ET.Element:
    """ACPI is what a graceful shutdown presses; without APIC there is one CPU."""
    element = ET.Element("features")
    _add(element, "acpi")
    _add(element, "apic")
    return element


def _lifecycle(domain: ET.Element) -> None:
    _add(domain, "on_poweroff", text="destroy")
    _add(domain, "on_reboot", text="restart")
    # A crashed guest is seen as stopped; the Core decides, a crash loop on the Cell would hide it.
    _add(domain, "on_crash", text="destroy")


def _devices(definition: Definition) -> ET.Element:
    """No graphics and no video: the console is the serial line."""
    devices = ET.Element("devices")
    # libvirt would add one; nothing uses it and the firmware would look behind it.
    _add(devices, "controller", {"type": "usb", "model": "none"})
    devices.extend([_disk(each) for each in definition.disks])
    devices.extend([_interface(each) for each in definition.nics])
    devices.append(_serial(definition.serial_log))
    # Pages that the guest frees go back to the Cell.
    _add(devices, "memballoon", {"model": "virtio", "freePageReporting": "on"})
    rng = _add(devices, "rng", {"model": "virtio"})
    _add(rng, "backend", {"model": "random"}, "/dev/urandom")
    return devices


def _disk(disk: Disk) -> ET.Element:
    """The format is said, never probed; what the guest discards is given back."""
    element = ET.Element("disk", {"type": "file", "device": "disk"})
    _add(element, "driver", {"name": "qemu", "type": "qcow2", "discard": "unmap"})
    _add(element, "source", {"file": disk.path})
    _add(element, "target", {"dev": disk.device, "bus": "virtio"})
    return element


def _interface(nic: Nic) -> ET.Element:
    element = ET.Element("interface", {"type": "bridge"})
    _add(element, "mac", {"address": nic.mac})
    _add(element, "source", {"bridge": nic.bridge})
    _add(element, "model", {"type": "virtio"})
    return element


def _serial(log: str) -> ET.Element:
    """The log is written by virtlogd, which caps its size; it outlives restarts and migrations."""
    element = ET.Element("serial", {"type": "pty"})
    _add(element, "log", {"file": log, "append": "on"})
    _add(element, "target", {"port": "0"})
    return element


def _add(
    parent: ET.Element, tag: str, attributes: Mapping[str, str] | None = None, text: str = ""
) -> ET.Element:
    child = ET.SubElement(parent, tag, dict(attributes or {}))
    child.text = text or None
    return child
