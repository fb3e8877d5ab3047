# SPDX-License-Identifier: Apache-2.0
"""A storage pool as wanted: the checked form of one item. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

DIRECTORY = "/var/lib/skep/pools"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_LVM_NAME = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_+.-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9a-fA-F:]{2,39}")
_PATH = re.compile(r"(/[A-Za-z0-9_.+@-]{1,255}){1,16}")
# A pool there would hide or fill what the Cell itself needs.
_SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr")


@dataclass(frozen=True)
class PoolSpec:
    """One item; only the fields of its type count."""

    name: str
    state: str
    type: str | None = None
    path: str = ""
    host: str = ""
    export: str = ""
    nfs_version: str | None = None
    volume_group: str = ""
    thin_pool: str = ""
    devices: Tuple[str, ...] = ()
    size_bytes: int | None = None
    autostart: bool = True
    purge: bool = False


def parse(item: Mapping[str, Any]) -> PoolSpec:
    """Return the checked item."""
    name = _matching("name", item["name"], _NAME, "a-z 0-9 first, then up to 62 of a-z 0-9 _ . -")
    kind = item["type"]
    _check_needed(item, kind)
    devices = tuple(dict.fromkeys(_device(each) for each in item["devices"] or []))
    group, thin_pool = item["volume_group"] or "", item["thin_pool"] or name
    if item["size_bytes"] is not None and item["size_bytes"] < 1:
        raise InvalidItemError("size_bytes", item["size_bytes"], "at least 1")
    return PoolSpec(
        name=name,
        state=item["state"],
        type=kind,
        path=_path("path", item["path"] or f"{DIRECTORY}/{name}"),
        host=_matching("host", item["host"], _HOST, "a host name or address")
        if kind == "nfs"
        else "",
        export=_export(item["export"]) if kind == "nfs" else "",
        nfs_version=item["nfs_version"],
        volume_group=_lvm_name("volume_group", group) if group else "",
        thin_pool=_lvm_name("thin_pool", thin_pool) if kind == "lvm_thin" else "",
        devices=devices,
        size_bytes=item["size_bytes"],
        autostart=item["autostart"],
        purge=item["purge"],
    )


_NEEDED = {"nfs": ("host", "export"), "lvm": ("volume_group",), "lvm_thin": ("volume_group",)}
_ONLY = {
    "path": ("dir", "nfs"),
    "host": ("nfs",),
    "export": ("nfs",),
    "nfs_version": ("nfs",),
    "volume_group": ("lvm", "lvm_thin"),
    "devices": ("lvm", "lvm_thin"),
    "thin_pool": ("lvm_thin",),
    "size_bytes": ("lvm_thin",),
}


def _check_needed(item: Mapping[str, Any], kind: str | None) -> None:
    """Each type has options of its own; one of another type is a mistake, not a wish."""
    if item["state"] == "absent":
        return
    for field in _NEEDED.get(str(kind), ()):
        if not item[field]:
            raise InvalidItemError(field, item[field], f"needed for type {kind}")
    for field, kinds in _ONLY.items():
        if item[field] is not None and kind not in kinds:
            raise InvalidItemError(field, item[field], f"for type {' or '.join(kinds)} only")


def _matching(field: str, value: str, pattern: re.Pattern[str], rule: str) -> str:
    if pattern.fullmatch(value) is None:
        raise InvalidItemError(field, value, rule)
    return value


def _lvm_name(field: str, value: str) -> str:
    return _matching(field, value, _LVM_NAME, "up to 63 of A-Z a-z 0-9 _ + . -, no dash first")


def _path(field: str, value: str) -> str:
    rule = "an absolute path of A-Z a-z 0-9 _ . + @ - without . and .."
    _matching(field, value, _PATH, rule)
    parts = PurePosixPath(value).parts
    if ".." in parts or "." in value.split("/"):
        raise InvalidItemError(field, value, rule)
    if parts[1] in _SYSTEM:
        raise InvalidItemError(field, value, f"not below /{parts[1]}, which belongs to the system")
    return value


def _export(value: str) -> str:
    rule = "the absolute path that the server exports"
    if value != "/" and (_PATH.fullmatch(value) is None or ".." in value.split("/")):
        raise InvalidItemError("export", value, rule)
    return value


def _device(value: str) -> str:
    if not value.startswith("/dev/") or _PATH.fullmatch(value) is None or ".." in value.split("/"):
        raise InvalidItemError("devices", value, "paths of block devices below /dev")
    return value
