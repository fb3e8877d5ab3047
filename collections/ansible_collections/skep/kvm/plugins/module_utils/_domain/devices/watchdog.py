# SPDX-License-Identifier: Apache-2.0
"""The watchdog: what happens when the guest no longer feeds it. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import overlay, swap

_MODEL = "i6300esb"
_SELECT = f"watchdog[@model='{_MODEL}']"


def render(action: str) -> ET.Element:
    """Return the element."""
    return ET.Element("watchdog", {"model": _MODEL, "action": action})


def write(devices: ET.Element, action: str) -> None:
    """Set the action; `none` is no watchdog. A chipset's own watchdog stays."""
    old = devices.find(_SELECT)
    if action == "none":
        if old is not None:
            devices.remove(old)
    elif old is None:
        devices.append(render(action))
    else:
        swap(devices, old, overlay(old, render(action), frozenset()))


def read(devices: ET.Element) -> str:
    """Return the action."""
    found = devices.find(_SELECT)
    return "none" if found is None else found.get("action", "reset")
