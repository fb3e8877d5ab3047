# SPDX-License-Identifier: Apache-2.0
"""Cells as hosts of an inventory, from what the Core lists or what the Cells announce. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_POOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MEMBERS = frozenset({"online", "offline"})
_STATES = _MEMBERS | {"discovered", "enrolling"}
_LOGIN = {
    "ansible_user": "skep",
    "ansible_become": True,
    "ansible_python_interpreter": "/usr/bin/python3",
}


@dataclass(frozen=True)
class CellRecord:
    """One host: its name, groups and variables."""

    name: str
    groups: List[str]
    variables: Dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """One Cell's last announcement and the address that it came from."""

    id: str
    fingerprint: str
    sender: str
    cell: Mapping[str, Any]


def from_core(items: Iterable[Any]) -> List[CellRecord]:
    """Return hosts from the items of the Core's list; an item of another shape is left out."""
    return [_from_core(each) for each in items if _is_listed(each)]


def from_announcements(
    heard: Sequence[Heard], fingerprints: Sequence[str]
) -> Tuple[List[CellRecord], List[str]]:
    """Return hosts, and why others were left out: a name must belong to one key.

    Only keys in `fingerprints` are members; if that is empty, all that say they are in a pool.
    """
    times = Counter(each.cell["name"] for each in heard)
    cells = [_from_beacon(each, fingerprints) for each in heard if times[each.cell["name"]] == 1]
    dropped = [
        f"Cell {name} was left out: {count} different keys announce this name"
        for name, count in sorted(times.items())
        if count > 1
    ]
    return sorted(cells, key=lambda each: each.name), dropped


def group_of_pool(pool: str) -> str:
    """Return the group's name: letters, digits and underscores, as Ansible wants."""
    return "pool_" + re.sub(r"[^A-Za-z0-9_]", "_", pool)


def _is_listed(item: Any) -> bool:  # noqa: ANN401  whatever JSON held
    return (
        isinstance(item, Mapping)
        and isinstance(item.get("name"), str)
        and _NAME.fullmatch(item["name"]) is not None
        and item.get("state") in _STATES
    )


def _from_core(item: Mapping[str, Any]) -> CellRecord:
    state, pool = item["state"], _pool(item.get("pool"))
    variables = {
        **_LOGIN,
        **_facts(item, pool),
        "skep_id": item.get("id"),
        "skep_fingerprint": item.get("fingerprint"),
        "skep_state": state,
    }
    return _record(item["name"], state, pool, variables, _address(item.get("address")))


def _from_beacon(heard: Heard, fingerprints: Sequence[str]) -> CellRecord:
    pool = _pool(heard.cell.get("pool"))
    is_member = heard.fingerprint in fingerprints if fingerprints else pool is not None
    state = "online" if is_member else "discovered"
    variables = {
        **_LOGIN,
        **_facts(heard.cell, pool),
        "skep_id": heard.id,
        "skep_fingerprint": heard.fingerprint,
        "skep_state": state,
    }
    announced = heard.cell.get("addresses") or []
    address = heard.sender if heard.sender in announced or not announced else announced[0]
    return _record(heard.cell["name"], state, pool, variables, _address(address))


def _facts(cell: Mapping[str, Any], pool: str | None) -> Dict[str, Any]:
    return {
        "skep_pool": pool,
        "skep_kvm": cell.get("kvm"),
        "skep_capacity": cell.get("capacity"),
        "skep_load": cell.get("load"),
        "skep_versions": cell.get("versions"),
    }


def _record(
    name: str, state: str, pool: str | None, variables: Dict[str, Any], address: str | None
) -> CellRecord:
    groups = [f"cell_{state}"]
    if state in _MEMBERS:
        groups.append("cells")
        if pool is not None:
            groups.append(group_of_pool(pool))
    if address is not None:
        variables["ansible_host"] = address
    return CellRecord(name, groups, variables)


def _pool(value: Any) -> str | None:  # noqa: ANN401  whatever JSON held
    return value if isinstance(value, str) and _POOL.fullmatch(value) else None


def _address(value: Any) -> str | None:  # noqa: ANN401  whatever JSON held
    """An address only: a host name or an option would be taken by ssh."""
    try:
        return str(ipaddress.ip_address(value)) if isinstance(value, str) else None
    except ValueError:
        return None
