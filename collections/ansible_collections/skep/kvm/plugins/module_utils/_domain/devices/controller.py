# SPDX-License-Identifier: Apache-2.0
"""Controllers that libvirt would not add by itself, or not as we want them. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add

# On q35 a device is plugged into a port of its own, and ports cannot be added to a running guest.
_SPARE_PORTS = 8


def render_scsi() -> ET.Element:
    """Return the controller of SCSI disks; libvirt's choice would be an LSI card of 1998."""
    return ET.Element("controller", {"type": "scsi", "index": "0", "model": "virtio-scsi"})


def ensure_scsi(devices: ET.Element) -> None:
    """Add a SCSI controller where a disk needs one."""
    needs = devices.find("disk/target[@bus='scsi']") is not None
    if needs and devices.find("controller[@type='scsi']") is None:
        devices.append(render_scsi())


def add_spare_ports(devices: ET.Element) -> None:
    """Add ports for disks and cards that come while it runs."""
    add(devices, "controller", {"type": "pci", "index": "0", "model": "pcie-root"})
    for _ in range(_SPARE_PORTS):
        add(devices, "controller", {"type": "pci", "model": "pcie-root-port"})
