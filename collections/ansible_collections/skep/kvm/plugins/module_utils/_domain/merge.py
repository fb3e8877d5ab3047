# SPDX-License-Identifier: Apache-2.0
"""Compares a wanted domain with libvirt's, by meaning, and makes the least change. Pure.

libvirt adds much to a definition: addresses, controllers, defaults, the versioned machine. None
of that counts as a difference, and all of it is kept when something else changes, so that the
guest finds its devices where they were. Disks and network cards are ours as a whole: one that is
not wanted is removed.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Tuple

Key = Callable[[ET.Element], "str | None"]


@dataclass(frozen=True)
class Change:
    """One place in the XML; None is an element or attribute that is not there."""

    path: str
    before: str | None
    after: str | None


def merge(wanted: ET.Element, actual: ET.Element) -> Tuple[ET.Element, List[Change]]:
    """Return libvirt's definition with what is wanted put in, and what that changed."""
    if wanted.get("type") != actual.get("type"):
        # Another accelerator: CPU and timers of the old one would not fit.
        return wanted, [Change("@type", actual.get("type"), wanted.get("type"))]
    merged = copy.deepcopy(actual)
    changes: List[Change] = []
    _merge_element(wanted, merged, "", changes)
    return merged, changes


def _merge_element(wanted: ET.Element, actual: ET.Element, path: str, out: List[Change]) -> None:
    _merge_attributes(wanted, actual, path, out)
    _merge_text(wanted, actual, path, out)
    if wanted.tag == "devices":
        _remove_unwanted(wanted, actual, path, out)
    for child in wanted:
        here = f"{path}/{_label(child)}".lstrip("/")
        twin = _find_twin(child, actual)
        if twin is None:
            actual.append(copy.deepcopy(child))
            out.append(Change(here, None, _summary(child)))
        else:
            _merge_element(child, twin, here, out)


def _merge_attributes(wanted: ET.Element, actual: ET.Element, path: str, out: List[Change]) -> None:
    for name, value in wanted.attrib.items():
        have = actual.get(name)
        if have is None or not _same(name, value, have):
            out.append(Change(f"{path}/@{name}".lstrip("/"), have, value))
            actual.set(name, value)


def _merge_text(wanted: ET.Element, actual: ET.Element, path: str, out: List[Change]) -> None:
    value = (wanted.text or "").strip()
    have = (actual.text or "").strip()
    if value and value != have:
        out.append(Change(path, have or None, value))
        actual.text = wanted.text


def _remove_unwanted(wanted: ET.Element, actual: ET.Element, path: str, out: List[Change]) -> None:
    for child in list(actual):
        if _is_owned(child) and _find_twin(child, wanted) is None:
            out.append(Change(f"{path}/{_label(child)}", _summary(child), None))
            actual.remove(child)


def _find_twin(child: ET.Element, parent: ET.Element) -> ET.Element | None:
    mine = _identity(child)
    return next((each for each in parent.findall(child.tag) if _identity(each) == mine), None)


def _identity(element: ET.Element) -> str | None:
    """What tells this element from its siblings of one tag; None where there is only one."""
    key = _KEYS.get(element.tag)
    return key(element) if key else None


def _attribute(path: str, name: str) -> Key:
    def read(element: ET.Element) -> str | None:
        found = element.find(path)
        return None if found is None else (found.get(name) or "").lower()

    return read


_KEYS: Mapping[str, Key] = {
    "disk": _attribute("target", "dev"),
    "interface": _attribute("mac", "address"),
    "serial": _attribute("target", "port"),
    "controller": lambda element: element.get("type"),
    "boot": lambda element: element.get("dev"),
}


def _is_owned(element: ET.Element) -> bool:
    """Disks and network cards; a CD drive is put in and taken out by others."""
    if element.tag == "disk":
        return element.get("device", "disk") == "disk"
    return element.tag == "interface"


def _same(attribute: str, wanted: str, have: str) -> bool:
    if attribute == "machine":
        # libvirt turns pc into the newest pc-i440fx-VERSION and keeps it, as a guest needs.
        return have == wanted or have.startswith(_MACHINES.get(wanted, wanted) + "-")
    if attribute == "address":
        return wanted.lower() == have.lower()
    return wanted == have


_MACHINES: Dict[str, str] = {"pc": "pc-i440fx", "q35": "pc-q35"}


def _label(element: ET.Element) -> str:
    tag = element.tag.rsplit("}", 1)[-1]
    identity = _identity(element)
    return f"{tag}[{identity}]" if identity else tag


def _summary(element: ET.Element) -> str:
    """The element in one line, without what libvirt added for itself."""
    source = element.find("source")
    if source is not None:
        return next(iter(source.attrib.values()), "present")
    return (element.text or "").strip() or " ".join(element.attrib.values()) or "present"
