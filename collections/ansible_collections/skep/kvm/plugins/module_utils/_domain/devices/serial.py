# SPDX-License-Identifier: Apache-2.0
"""The serial line and its log. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import (
    add,
    attribute,
    remove_all,
)


@dataclass(frozen=True)
class Serial:
    """`logged` to a file, `plain`, or `none`."""

    mode: str
    log: str = ""


def write(devices: ET.Element, serial: Serial) -> None:
    """Set the line. The log is written by virtlogd, which caps its size; it outlives restarts."""
    remove_all(devices, "serial")
    remove_all(devices, "console")  # libvirt makes it anew, as the line's twin
    if serial.mode == "none":
        return
    element = add(devices, "serial", {"type": "pty"})
    if serial.mode == "logged":
        add(element, "log", {"file": serial.log, "append": "on"})
    add(element, "target", {"port": "0"})


def read(devices: ET.Element) -> Serial:
    """Return the first line."""
    element = devices.find("serial")
    if element is None:
        return Serial("none")
    log = attribute(element, "log", "file")
    return Serial("logged", log) if log else Serial("plain")
