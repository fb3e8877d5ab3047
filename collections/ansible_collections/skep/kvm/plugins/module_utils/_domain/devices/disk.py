# SPDX-License-Identifier: Apache-2.0
"""Disks: a volume of the Cell, a file or a block device. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, fields
from typing import Any, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add, attribute
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import (
    Directories,
    check_path,
    is_block_device,
    path_of_volume,
    volume_of_path,
)
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

OWNED = frozenset(
    {"driver", "source", "target", "iotune", "boot", "type", "device", "file", "dev", "bus"}
    | {"cache", "discard", "order"}
)
PREFIXES: Mapping[str, str] = {"virtio": "vd", "scsi": "sd", "sata": "sd", "ide": "hd"}
_DEVICE = re.compile(r"(vd|sd|hd)[a-z]{1,2}")
_BYTES_PER_MIB = 1 << 20


@dataclass(frozen=True)
class Iotune:
    """Limits of one disk; 0 is none."""

    read_mib_s: int = 0
    write_mib_s: int = 0
    total_mib_s: int = 0
    read_iops: int = 0
    write_iops: int = 0
    total_iops: int = 0


@dataclass(frozen=True)
class Disk:
    """A disk and the device under which the guest sees it."""

    path: str
    device: str
    bus: str = "virtio"
    format: str = "qcow2"
    cache: str = "default"
    discard: str = "unmap"
    boot_order: int = 0
    iotune: Iotune = field(default_factory=Iotune)


def parse(item: Mapping[str, Any], directories: Directories) -> Disk:
    """Return the checked disk; exactly one of volume and path says where it lies."""
    if bool(item["volume"]) == bool(item["path"]):
        raise InvalidItemError("disks", item["volume"], "exactly one of volume and path")
    kind = item["format"]
    if item["path"]:
        path = check_path(item["path"], directories.disk_prefixes)
        kind = kind or ("raw" if is_block_device(path) else "qcow2")
    else:
        kind = kind or "qcow2"
        path = path_of_volume(directories.volumes, item["volume"], kind)
    if is_block_device(path) and kind != "raw":
        raise InvalidItemError("format", kind, "raw for a block device")
    return Disk(
        path=path,
        device=check_device(item["device"] or _device_of(item), item["bus"]),
        bus=item["bus"],
        format=kind,
        cache=item["cache"],
        discard=item["discard"],
        boot_order=check_boot_order(item["boot_order"]),
        iotune=_iotune(item["iotune"] or {}),
    )


def key(disk: Disk) -> str:
    """What tells it from the domain's other disks."""
    return disk.device


def render(disk: Disk) -> ET.Element:
    """Return the element; the format is said, never probed."""
    block = is_block_device(disk.path)
    element = ET.Element("disk", {"type": "block" if block else "file", "device": "disk"})
    driver = {"name": "qemu", "type": disk.format}
    if disk.cache != "default":
        driver["cache"] = disk.cache
    add(element, "driver", {**driver, "discard": disk.discard})
    add(element, "source", {"dev" if block else "file": disk.path})
    add(element, "target", {"dev": disk.device, "bus": disk.bus})
    limits = limits_of(disk.iotune)
    if any(limits.values()):
        iotune = add(element, "iotune")
        for name, value in limits.items():
            if value:
                add(iotune, name, text=str(value))
    if disk.boot_order:
        add(element, "boot", {"order": str(disk.boot_order)})
    return element


def read(element: ET.Element) -> Disk | None:
    """Return the disk; None for a CD drive and for what only others use (networks, pools)."""
    path = attribute(element, "source", "file") or attribute(element, "source", "dev")
    if element.get("device", "disk") != "disk" or not path:
        return None
    return Disk(
        path=path,
        device=attribute(element, "target", "dev"),
        bus=attribute(element, "target", "bus"),
        format=attribute(element, "driver", "type", "raw"),
        cache=attribute(element, "driver", "cache", "default"),
        # What QEMU does where nothing is said.
        discard=attribute(element, "driver", "discard", "ignore"),
        boot_order=int(attribute(element, "boot", "order", "0")),
        iotune=_read_iotune(element),
    )


def as_item(disk: Disk, directories: Directories) -> Dict[str, Any]:
    """Return it as the module's options."""
    volume = volume_of_path(directories.volumes, disk.path)
    where = {"volume": volume} if volume else {"path": disk.path}
    item = {each.name: getattr(disk, each.name) for each in fields(disk)}
    del item["path"]
    return {**where, **item, "iotune": vars(disk.iotune).copy()}


def limits_of(iotune: Iotune) -> Dict[str, int]:
    """Return the limits by libvirt's names: bytes and operations in a second."""
    names = {"read": "read", "write": "write", "total": "total"}
    limits = {}
    for ours, theirs in names.items():
        limits[f"{theirs}_bytes_sec"] = getattr(iotune, f"{ours}_mib_s") * _BYTES_PER_MIB
        limits[f"{theirs}_iops_sec"] = getattr(iotune, f"{ours}_iops")
    return limits


def check_device(device: str, bus: str) -> str:
    """Return the device's name, or raise InvalidItemError where it does not fit the bus."""
    if _DEVICE.fullmatch(device) is None or not device.startswith(PREFIXES[bus]):
        raise InvalidItemError("device", device, f"{PREFIXES[bus]}a to {PREFIXES[bus]}zz on {bus}")
    return device


def check_boot_order(order: int) -> int:
    """Return the place in the boot order; 0 is not in it."""
    if not 0 <= order <= 99:  # noqa: PLR2004  more than any guest has devices
        raise InvalidItemError("boot_order", order, "0 to 99; 0 is none")
    return order


def _device_of(item: Mapping[str, Any]) -> str:
    """The volume's last letter on the bus: UUID-vdb is vdb on virtio, sdb on scsi."""
    if not item["volume"]:
        raise InvalidItemError("device", None, "needed where path is given")
    return PREFIXES[item["bus"]] + str(item["volume"])[-1]


def _iotune(item: Mapping[str, Any]) -> Iotune:
    given = {name: value for name, value in item.items() if value is not None}
    for name, value in given.items():
        if value < 0:
            raise InvalidItemError(name, value, "0 or more; 0 is no limit")
    iotune = Iotune(**given)
    for unit in ("mib_s", "iops"):
        parts = (getattr(iotune, f"read_{unit}"), getattr(iotune, f"write_{unit}"))
        if getattr(iotune, f"total_{unit}") and any(parts):
            raise InvalidItemError("iotune", f"total_{unit}", "not beside read and write limits")
    return iotune


def _read_iotune(element: ET.Element) -> Iotune:
    values: Dict[str, int] = {}
    for name in ("read", "write", "total"):
        speed = int(element.findtext(f"iotune/{name}_bytes_sec") or 0)
        values[f"{name}_mib_s"] = speed // _BYTES_PER_MIB
        values[f"{name}_iops"] = int(element.findtext(f"iotune/{name}_iops_sec") or 0)
    return Iotune(**values)
