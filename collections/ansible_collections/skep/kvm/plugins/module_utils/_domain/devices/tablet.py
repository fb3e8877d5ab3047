# SPDX-License-Identifier: Apache-2.0
"""The USB tablet, with which a screen's pointer follows the person's. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add, remove_all

_SELECT = "input[@type='tablet'][@bus='usb']"
_NO_USB = "controller[@type='usb'][@model='none']"


def write(devices: ET.Element, wanted: bool) -> None:  # noqa: FBT001  a field's value
    """Set or remove it; a USB controller that came with it stays, since others may use it."""
    if not wanted:
        remove_all(devices, _SELECT)
    elif not read(devices):
        remove_all(devices, _NO_USB)
        if devices.find("controller[@type='usb']") is None:
            add(devices, "controller", {"type": "usb", "model": "qemu-xhci"})
        add(devices, "input", {"type": "tablet", "bus": "usb"})
    if devices.find("controller[@type='usb']") is None:
        # libvirt would add one; nothing uses it and the firmware would look behind it.
        add(devices, "controller", {"type": "usb", "model": "none"})


def read(devices: ET.Element) -> bool:
    """Whether there is one."""
    return devices.find(_SELECT) is not None
