"""Requests, policies and fleets as plain JSON values, and back."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any

from skep.core.scheduler.fleet import CellRow, Fleet
from skep.core.scheduler.fleet.row import FLAGS, FLOATS, INTEGERS, TRAITS
from skep.core.scheduler.policy import Policy, Scale, Tie
from skep.core.scheduler.query import Query, parse_query
from skep.core.scheduler.request import Flavor, Group, Needs, Request


def plain(value: object) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value; sets become sorted lists, a query its source."""
    if isinstance(value, Query):
        return value.source
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return [plain(each) for each in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value


def request_from(document: Mapping[str, Any]) -> Request:
    """Return the request that `plain` wrote."""
    groups = tuple(_group(each) for each in document["groups"])
    return Request(**{**document, "groups": groups})


def policy_from(document: Mapping[str, Any]) -> Policy:
    """Return the policy that `plain` wrote."""
    scale, tie = Scale(document["scale"]), Tie(document["tie"])
    without = frozenset(document["without"])
    return Policy(**{**document, "scale": scale, "tie": tie, "without": without})


def columns(fleet: Fleet) -> dict[str, list[Any]]:
    """Return the fleet as one list per fact of `CellRow`, Cells in the order of their ids."""
    order = sorted(range(len(fleet)), key=fleet.ids.__getitem__)
    numbers = {name: fleet.column(name)[order].tolist() for name in (*INTEGERS, *FLOATS, *FLAGS)}
    traits = {name: _plain_each(fleet.values[row][name] for row in order) for name in TRAITS}
    return {
        "id": [fleet.ids[row] for row in order],
        "name": [fleet.names[row] for row in order],
        "conflict": [fleet.conflicts[row] for row in order],
        "facts": [plain(fleet.facts[row]) for row in order],
        **numbers,
        **traits,
    }


def fleet_from(document: Mapping[str, Sequence[Any]]) -> Fleet:
    """Return the fleet that `columns` wrote."""
    names = list(document)
    rows = zip(*document.values(), strict=True)
    return Fleet(CellRow(**_with_sets(CellRow, dict(zip(names, row, strict=True)))) for row in rows)


def _plain_each(values: Iterable[object]) -> list[Any]:
    """Return `plain` of each; most Cells of a fleet share a few sets, which are made once."""
    known: dict[object, Any] = {}
    found = []
    for value in values:
        if not isinstance(value, frozenset | str):
            found.append(plain(value))
        elif value in known:
            found.append(known[value])
        else:
            found.append(known.setdefault(value, plain(value)))
    return found


def _group(document: Mapping[str, Any]) -> Group:
    known = _with_sets(Group, document)
    known["names"] = tuple(document["names"])
    known["flavor"] = Flavor(**document["flavor"])
    known["needs"] = Needs(**_with_sets(Needs, document["needs"]))
    known["query"] = parse_query(document["query"])
    return Group(**known)


def _with_sets(kind: type[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    sets = {each.name for each in fields(kind) if isinstance(each.default, frozenset)}
    return {name: frozenset(it) if name in sets else it for name, it in document.items()}
