# SPDX-License-Identifier: Apache-2.0
"""A domain as wanted: the checked form of one item. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._host import files

_NAME_MAX = 64
# libvirt names files after the domain (NAME.xml, NAME.log), and a file name has 255 bytes.
_NAME_BYTES_MAX = 240
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BRIDGE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
# Unicast: the second hexadecimal digit is even.
_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")


@dataclass(frozen=True)
class Disk:
    """A volume and the device under which the guest sees it."""

    path: str
    device: str


@dataclass(frozen=True)
class Nic:
    """A network card on a bridge of the Cell."""

    bridge: str
    mac: str


@dataclass(frozen=True)
class Definition:
    """What libvirt has to know to start the domain."""

    domain_type: str
    memory_mib: int
    vcpus: int
    disks: Tuple[Disk, ...]
    nics: Tuple[Nic, ...]
    serial_log: str


@dataclass(frozen=True)
class DomainSpec:
    """One item; without a definition it is a power operation on what is there."""

    uuid: str
    name: str
    state: str
    definition: Definition | None = None
    force: bool = False
    timeout_s: int = 60


@dataclass(frozen=True)
class Directories:
    """Where the Cell keeps volumes and serial logs."""

    volumes: str = files.VOLUME_DIRECTORY
    serial_logs: str = files.SERIAL_LOG_DIRECTORY


def parse(item: Mapping[str, Any], uuid: str, directories: Directories) -> DomainSpec:
    """Return the checked item; `uuid` is known, the name may be empty for a power operation."""
    definition = _definition(item, uuid, directories)
    name = item["name"] or ""
    if name:
        check_name(name)
    if definition is not None and not name:
        raise InvalidItemError("name", name, "needed where memory_mib is given")
    if definition is None and item["state"] == "present":
        raise InvalidItemError("memory_mib", None, "needed for state present")
    if item["timeout_s"] < 0:
        raise InvalidItemError("timeout_s", item["timeout_s"], "0 or more")
    return DomainSpec(
        uuid, name, item["state"], definition, force=item["force"], timeout_s=item["timeout_s"]
    )


def check_name(name: str) -> str:
    """Return the name, or raise InvalidItemError; it may hold markup and templates, it is data."""
    if not 1 <= len(name) <= _NAME_MAX or len(name.encode("utf-8", "replace")) > _NAME_BYTES_MAX:
        rule = f"1 to {_NAME_MAX} characters and {_NAME_BYTES_MAX} bytes"
        raise InvalidItemError("name", name, rule)
    if "/" in name or name != name.strip():
        raise InvalidItemError("name", name, "no '/' and no space at either end")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in name):
        raise InvalidItemError("name", name, "printable characters only")
    return name


def _definition(item: Mapping[str, Any], uuid: str, directories: Directories) -> Definition | None:
    if item["memory_mib"] is None and item["vcpus"] is None:
        if item["disks"] or item["nics"]:
            raise InvalidItemError("memory_mib", None, "needed where disks or nics are given")
        return None
    return Definition(
        domain_type=item["domain_type"],
        memory_mib=_at_least_one("memory_mib", item["memory_mib"]),
        vcpus=_at_least_one("vcpus", item["vcpus"]),
        disks=_disks(item["disks"] or [], directories.volumes),
        nics=_nics(item["nics"] or []),
        serial_log=str(files.serial_log_path(directories.serial_logs, uuid)),
    )


def _at_least_one(field: str, value: int | None) -> int:
    if value is None or value < 1:
        raise InvalidItemError(field, value, "at least 1, and both memory_mib and vcpus")
    return value


def _disks(items: list[Mapping[str, Any]], directory: str) -> Tuple[Disk, ...]:
    disks = tuple(
        Disk(str(files.volume_path(directory, each["volume"])), each["volume"][-3:])
        for each in items
    )
    if len({each.device for each in disks}) < len(disks):
        raise InvalidItemError("disks", [each.device for each in disks], "each device once")
    return disks


def _nics(items: list[Mapping[str, Any]]) -> Tuple[Nic, ...]:
    nics = tuple(Nic(_bridge(each["bridge"]), _mac(each["mac"])) for each in items)
    if len({each.mac for each in nics}) < len(nics):
        raise InvalidItemError("nics", [each.mac for each in nics], "each MAC address once")
    return nics


def _bridge(value: str) -> str:
    if _BRIDGE.fullmatch(value) is None:
        raise InvalidItemError("bridge", value, "1 to 15 of A-Z a-z 0-9 _ . -")
    return value


def _mac(value: str) -> str:
    if _MAC.fullmatch(value.lower()) is None:
        raise InvalidItemError("mac", value, "a unicast address such as 52:54:00:12:34:56")
    return value.lower()
