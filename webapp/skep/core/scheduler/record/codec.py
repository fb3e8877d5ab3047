"""Requests, policies and fleets as plain JSON values, and back."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any

from skep.core.scheduler.fleet import CellRow, Fleet
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
    """Return the fleet as one list per fact, Cells in the order of their ids."""
    rows = sorted(fleet, key=lambda each: each.id)
    return {each.name: [plain(getattr(row, each.name)) for row in rows] for each in fields(CellRow)}


def fleet_from(document: Mapping[str, Sequence[Any]]) -> Fleet:
    """Return the fleet that `columns` wrote."""
    names = list(document)
    rows = zip(*document.values(), strict=True)
    return Fleet(CellRow(**_with_sets(CellRow, dict(zip(names, row, strict=True)))) for row in rows)


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
