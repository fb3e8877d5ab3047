# SPDX-License-Identifier: Apache-2.0
"""A domain as wanted: the checked form of one item. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Given
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices import (
    cdrom,
    disk,
    graphics,
    interface,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.serial import Serial
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import cpu, metadata
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._host import files

_NAME_MAX = 64
# libvirt names files after the domain (NAME.xml, NAME.log), and a file name has 255 bytes.
_NAME_BYTES_MAX = 240
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MEMORY_MAX_MIB = 1 << 24  # 16 TiB
_VCPUS_MAX = 4096
_PERCENT_MAX = 100
_SHARES = (2, 262144)


@dataclass(frozen=True)
class DomainSpec:
    """One item; where nothing of a definition is given it is a power operation on what is there."""

    uuid: str
    name: str
    state: str
    given: Given = field(default_factory=dict)
    serial_log: str = ""
    force: bool = False
    timeout_s: int = 60
    on_timeout: str = "fail"

    @property
    def is_definition(self) -> bool:
        """Whether it says anything about the definition; a name alone does with state present."""
        return bool(self.given)


def parse(item: Mapping[str, Any], uuid: str, directories: Directories) -> DomainSpec:
    """Return the checked item; `uuid` is known, the name may be empty."""
    name = item["name"] or ""
    if name:
        check_name(name)
    if item["timeout_s"] < 0:
        raise InvalidItemError("timeout_s", item["timeout_s"], "0 or more")
    log = str(files.serial_log_path(directories.serial_logs, uuid)) if uuid else ""
    given = _given(item, directories, log)
    if name and item["uuid"] and (given or item["state"] == "present"):
        given["name"] = name
    return DomainSpec(
        uuid=uuid,
        name=name,
        state=item["state"],
        given=given,
        serial_log=log,
        force=item["force"],
        timeout_s=item["timeout_s"],
        on_timeout=item["on_timeout"],
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


def _given(item: Mapping[str, Any], directories: Directories, log: str) -> Dict[str, Any]:
    given: Dict[str, Any] = {}
    for name, check in _plain().items():
        if item[name] is not None:
            given[name] = check(name, item[name])
    for name, parse_one in _LISTS.items():
        if item[name] is not None:
            given[name] = tuple(parse_one(each, directories) for each in item[name])
    if item["serial"] is not None:
        mode = item["serial"]
        given["serial"] = Serial(mode, log if mode == "logged" else "")
    return given


Check = Callable[[str, Any], Any]
_LISTS: Mapping[str, Callable[[Mapping[str, Any], Directories], Any]] = {
    "disks": disk.parse,
    "cdroms": cdrom.parse,
    "nics": interface.parse,
}


def _plain() -> Mapping[str, Check]:
    """The fields whose check needs nothing but their value."""
    as_it_is = dict.fromkeys(
        ("domain_type", "firmware", "guest_agent", "rng", "watchdog", "tablet", "tpm", "autostart"),
        _any,
    )
    return {
        **as_it_is,
        "memory_mib": _between(1, _MEMORY_MAX_MIB),
        "memory_max_mib": _between(1, _MEMORY_MAX_MIB),
        "vcpus": _between(1, _VCPUS_MAX),
        "vcpus_max": _between(1, _VCPUS_MAX),
        "topology": lambda _, value: cpu.parse_topology(value),
        "cpu": lambda _, value: cpu.parse_cpu(value),
        "cpu_shares": _zero_or(*_SHARES),
        "cpu_quota_percent": _zero_or(1, _PERCENT_MAX),
        "machine": cpu.check_word,
        "boot": _boot,
        "graphics": lambda _, value: graphics.parse(value),
        "labels": lambda _, value: metadata.parse(value),
    }


def _any(name: str, value: Any) -> Any:  # noqa: ANN401, ARG001  a choice or a boolean
    return value


def _between(least: int, most: int) -> Check:
    def check(name: str, value: int) -> int:
        if not least <= value <= most:
            raise InvalidItemError(name, value, f"{least} to {most}")
        return value

    return check


def _zero_or(least: int, most: int) -> Check:
    def check(name: str, value: int) -> int:
        if value and not least <= value <= most:
            raise InvalidItemError(name, value, f"{least} to {most}, or 0 for none")
        return value

    return check


def _boot(name: str, value: list[str]) -> tuple[str, ...]:
    if not value or len(set(value)) < len(value):
        raise InvalidItemError(name, value, "each kind once, and at least one")
    return tuple(value)
