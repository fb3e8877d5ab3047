"""What a Cell answered about what it can do, checked: a Cell may say anything. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_ARCHITECTURE = re.compile(r"[a-z0-9_]{1,32}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_LAST_VLAN = 4094


def read_capabilities(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `Cell.capabilities` out of cell_info's answer, or None if it is not well formed.

    What the Cell does not know (null) counts as nothing: the scheduler promises only what is sure.
    """
    said = answer.get("capabilities")
    if not isinstance(said, Mapping) or not _is_name(_ARCHITECTURE)(said.get("architecture")):
        return None
    found: dict[str, Any] = {"architecture": said["architecture"]}
    for name, (most, is_fine) in _LISTS.items():
        values = said.get(name)
        values = [] if values is None else values
        if not isinstance(values, list) or len(values) > most or not all(map(is_fine, values)):
            return None
        found[name] = sorted(set(values))
    return found


def _is_name(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_vlan(value: object) -> bool:
    return type(value) is int and 1 <= value <= _LAST_VLAN


_LISTS: dict[str, tuple[int, Callable[[object], bool]]] = {
    "cpu_models": (512, _is_name(_NAME)),
    "firmwares": (2, _is_name(re.compile("bios|uefi"))),
    "machines": (512, _is_name(_NAME)),
    "networks": (256, _is_name(_INTERFACE)),
    "vlans": (_LAST_VLAN, _is_vlan),
}
