# SPDX-License-Identifier: Apache-2.0
"""Memory now and at most; between them the balloon moves. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import number, put

KIB_PER_MIB = 1024


def write(domain: ET.Element, now_mib: int, most_mib: int) -> None:
    """Set both: a larger maximum with the old current value would be ballooned away."""
    put(domain, _element("memory", most_mib))
    put(domain, _element("currentMemory", now_mib))


def read_now(domain: ET.Element) -> int:
    """Return what the guest has, in MiB."""
    return (number(domain, "currentMemory") or number(domain, "memory")) // KIB_PER_MIB


def read_most(domain: ET.Element) -> int:
    """Return what the guest can have, in MiB; libvirt always answers in KiB."""
    return number(domain, "memory") // KIB_PER_MIB


def _element(tag: str, mib: int) -> ET.Element:
    element = ET.Element(tag, {"unit": "KiB"})
    element.text = str(mib * KIB_PER_MIB)
    return element
