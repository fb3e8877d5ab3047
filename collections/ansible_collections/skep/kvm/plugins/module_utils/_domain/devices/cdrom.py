# SPDX-License-Identifier: Apache-2.0
"""CD drives: a media image of the Cell, a file below an allowed folder, or nothing. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.disk import (
    check_boot_order,
    check_device,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add, attribute
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import (
    Directories,
    check_path,
    medium_of_path,
    path_of_medium,
)
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

OWNED = frozenset(
    {"driver", "source", "target", "boot", "readonly", "type", "device", "file", "dev", "bus"}
    | {"order"}
)
_BUSES: Mapping[str, str] = {"hd": "ide", "sd": "sata"}


@dataclass(frozen=True)
class Cdrom:
    """A drive; an empty path is an empty drive."""

    device: str
    bus: str = "sata"
    path: str = ""
    boot_order: int = 0


def parse(item: Mapping[str, Any], directories: Directories) -> Cdrom:
    """Return the checked drive."""
    if item["image"] and item["path"]:
        raise InvalidItemError("cdroms", item["path"], "at most one of image and path")
    path = ""
    if item["image"]:
        path = path_of_medium(directories.images, item["image"])
    elif item["path"]:
        path = check_path(item["path"], (*directories.disk_prefixes, directories.volumes))
    device = item["device"]
    bus = item["bus"] or _BUSES.get(device[:2], "sata")
    order = check_boot_order(item["boot_order"])
    return Cdrom(check_device(device, bus), bus, path, order)


def key(cdrom: Cdrom) -> str:
    """What tells it from the domain's other drives."""
    return cdrom.device


def render(cdrom: Cdrom) -> ET.Element:
    """Return the element."""
    element = ET.Element("disk", {"type": "file", "device": "cdrom"})
    add(element, "driver", {"name": "qemu", "type": "raw"})
    if cdrom.path:
        add(element, "source", {"file": cdrom.path})
    add(element, "target", {"dev": cdrom.device, "bus": cdrom.bus})
    add(element, "readonly")
    if cdrom.boot_order:
        add(element, "boot", {"order": str(cdrom.boot_order)})
    return element


def read(element: ET.Element) -> Cdrom | None:
    """Return the drive; None for a disk."""
    if element.get("device") != "cdrom":
        return None
    return Cdrom(
        device=attribute(element, "target", "dev"),
        bus=attribute(element, "target", "bus"),
        path=attribute(element, "source", "file") or attribute(element, "source", "dev"),
        boot_order=int(attribute(element, "boot", "order", "0")),
    )


def as_item(cdrom: Cdrom, directories: Directories) -> Dict[str, Any]:
    """Return it as the module's options."""
    image = medium_of_path(directories.images, cdrom.path)
    where = {"image": image} if image else {"path": cdrom.path or None}
    drive = {"device": cdrom.device, "bus": cdrom.bus, "boot_order": cdrom.boot_order}
    return {**drive, **where}
