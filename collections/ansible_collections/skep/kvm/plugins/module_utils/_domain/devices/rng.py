# SPDX-License-Identifier: Apache-2.0
"""The random number generator. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add, remove_all


def render() -> ET.Element:
    """Return the element."""
    element = ET.Element("rng", {"model": "virtio"})
    add(element, "backend", {"model": "random"}, "/dev/urandom")
    return element


def write(devices: ET.Element, wanted: bool) -> None:  # noqa: FBT001  a field's value
    """Set or remove it."""
    if not wanted:
        remove_all(devices, "rng")
    elif not read(devices):
        devices.append(render())


def read(devices: ET.Element) -> bool:
    """Whether there is one."""
    return devices.find("rng") is not None
