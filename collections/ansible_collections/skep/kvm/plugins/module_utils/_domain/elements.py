# SPDX-License-Identifier: Apache-2.0
"""Small moves on XML elements that all device and section files share. Pure."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from typing import AbstractSet, Mapping


def add(
    parent: ET.Element, tag: str, attributes: Mapping[str, str] | None = None, text: str = ""
) -> ET.Element:
    """Append a child and return it."""
    child = ET.SubElement(parent, tag, dict(attributes or {}))
    child.text = text or None
    return child


def attribute(parent: ET.Element, path: str, name: str, default: str = "") -> str:
    """Return an attribute of a descendant, or the default where either is missing."""
    found = parent.find(path)
    return default if found is None else found.get(name, default)


def number(parent: ET.Element, path: str) -> int:
    """Return the number that is a descendant's text, 0 where it is missing."""
    return int((parent.findtext(path) or "0").strip())


def child_of(parent: ET.Element, tag: str) -> ET.Element:
    """Return the child with this tag, made if it is missing."""
    found = parent.find(tag)
    return ET.SubElement(parent, tag) if found is None else found


def remove_all(parent: ET.Element, path: str) -> None:
    """Remove the children that the path finds."""
    for child in parent.findall(path):
        parent.remove(child)


def put(parent: ET.Element, element: ET.Element) -> None:
    """Set the only child with this tag, in the old one's place if there was one."""
    for old in parent.findall(element.tag):
        swap(parent, old, element)
        return
    parent.append(element)


def swap(parent: ET.Element, old: ET.Element, new: ET.Element) -> None:
    """Replace a child in its place."""
    index = list(parent).index(old)
    parent.remove(old)
    parent.insert(index, new)


def overlay(old: ET.Element, new: ET.Element, owned: AbstractSet[str]) -> ET.Element:
    """Return `new` with what libvirt or others put into `old` and we know nothing about.

    Args:
        old: the element as libvirt keeps it.
        new: the element as we write it.
        owned: tags of children and names of attributes that are ours: what `new` does not have
            of these is gone.
    """
    merged = copy.deepcopy(new)
    _keep_attributes(old, merged, owned)
    for child in old:
        twin = merged.find(child.tag)
        if twin is not None:
            _keep_attributes(child, twin, owned)
        elif child.tag not in owned:
            merged.append(copy.deepcopy(child))
    return merged


def _keep_attributes(old: ET.Element, new: ET.Element, owned: AbstractSet[str]) -> None:
    for name, value in old.attrib.items():
        if name not in new.attrib and name not in owned:
            new.set(name, value)
