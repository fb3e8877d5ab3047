# SPDX-License-Identifier: Apache-2.0
"""The guest agent's channel. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add

_NAME = "org.qemu.guest_agent.0"


def render() -> ET.Element:
    """Return the element; libvirt chooses the socket."""
    element = ET.Element("channel", {"type": "unix"})
    add(element, "target", {"type": "virtio", "name": _NAME})
    return element


def write(devices: ET.Element, wanted: bool) -> None:  # noqa: FBT001  a field's value
    """Set or remove the channel; others stay."""
    found = _find(devices)
    if wanted and found is None:
        devices.append(render())
    elif not wanted and found is not None:
        devices.remove(found)


def read(devices: ET.Element) -> bool:
    """Whether there is one."""
    return _find(devices) is not None


def _find(devices: ET.Element) -> ET.Element | None:
    return next(
        (
            each
            for each in devices.findall("channel")
            if each.find(f"target[@name='{_NAME}']") is not None
        ),
        None,
    )
