# SPDX-License-Identifier: Apache-2.0
"""Snapshots as libvirt's XML, in both directions. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import List, Sequence, Tuple


@dataclass(frozen=True)
class Disk:
    """A disk of a domain as a snapshot sees it; `alias` is its name in a running QEMU."""

    device: str
    format: str
    alias: str

    @property
    def is_fit(self) -> bool:
        """Only a qcow2 file has room for snapshots of itself."""
        return self.format == "qcow2"


@dataclass(frozen=True)
class Facts:
    """What libvirt knows about one snapshot."""

    name: str
    parent: str | None
    description: str
    state: str
    has_memory: bool
    is_external: bool
    created_s: int
    disks: Tuple[str, ...]


def disks_of(domain_xml: str) -> Tuple[Disk, ...]:
    """Return the disks that the guest can write to."""
    # libvirt wrote this text; expat caps entity expansion besides.
    root = ET.fromstring(domain_xml)  # noqa: S314
    return tuple(
        Disk(
            device=_attribute(each, "target", "dev"),
            format=_format(each),
            alias=_attribute(each, "alias", "name"),
        )
        for each in root.iterfind("devices/disk")
        if each.get("device", "disk") == "disk" and each.find("readonly") is None
    )


def render(name: str, description: str, disks: Sequence[Disk], *, memory: bool) -> str:
    """Return what libvirt needs to make a snapshot inside the disks."""
    root = ET.Element("domainsnapshot")
    _add(root, "name", name)
    _add(root, "description", description)
    ET.SubElement(root, "memory", {"snapshot": "internal" if memory else "no"})
    root.append(_disks(disks))
    return ET.tostring(root, encoding="unicode")


def render_made(made: Facts, domain_xml: str, disks: Sequence[Disk], parent: str | None) -> str:
    """Return what tells libvirt of a snapshot of disks that QEMU has made already."""
    root = ET.Element("domainsnapshot")
    _add(root, "name", made.name)
    _add(root, "description", made.description)
    _add(root, "state", made.state)
    _add(root, "creationTime", str(made.created_s))
    if parent is not None:
        _add(ET.SubElement(root, "parent"), "name", parent)
    ET.SubElement(root, "memory", {"snapshot": "no"})
    root.append(_disks(disks))
    root.append(ET.fromstring(domain_xml))  # noqa: S314  as above
    return ET.tostring(root, encoding="unicode")


def described(snapshot_xml: str, description: str) -> str:
    """Return the same snapshot with another description."""
    root = ET.fromstring(snapshot_xml)  # noqa: S314  as above
    element = root.find("description")
    if element is None:
        element = ET.Element("description")
        root.insert(1, element)
    element.text = description
    return ET.tostring(root, encoding="unicode")


def facts_of(snapshot_xml: str) -> Facts:
    """Return what a snapshot's XML says."""
    root = ET.fromstring(snapshot_xml)  # noqa: S314  as above
    memory = _attribute(root, "memory", "snapshot")
    disks = [each for each in root.iterfind("disks/disk") if each.get("snapshot") != "no"]
    kinds = {memory, *(each.get("snapshot") for each in disks)}
    return Facts(
        name=root.findtext("name") or "",
        parent=root.findtext("parent/name"),
        description=root.findtext("description") or "",
        state=root.findtext("state") or "",
        has_memory=memory in {"internal", "external"},
        is_external="external" in kinds,
        created_s=int(root.findtext("creationTime") or 0),
        disks=tuple(each.get("name", "") for each in disks),
    )


def tree(snapshots: Sequence[Facts]) -> List[Facts]:
    """Return parents before their children, and among brothers the older first."""
    known = {each.name for each in snapshots}
    ordered: List[Facts] = []
    waiting = sorted(snapshots, key=lambda each: (each.created_s, each.name), reverse=True)
    pending = [each for each in waiting if each.parent not in known]
    while pending:
        ordered.append(pending.pop())
        pending += [each for each in waiting if each.parent == ordered[-1].name]
    return ordered


def _disks(disks: Sequence[Disk]) -> ET.Element:
    element = ET.Element("disks")
    for each in disks:
        ET.SubElement(element, "disk", {"name": each.device, "snapshot": "internal"})
    return element


def _format(disk: ET.Element) -> str:
    """A volume on a block device or the network is no file, whatever its content."""
    if disk.get("type") != "file":
        return str(disk.get("type"))
    return _attribute(disk, "driver", "type") or "raw"


def _attribute(element: ET.Element, path: str, name: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get(name, "")


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text
