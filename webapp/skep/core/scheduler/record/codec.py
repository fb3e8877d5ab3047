"""Requests and policies as plain JSON values, and back."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any

from skep.core.scheduler.policy import Policy, Scale, Tie
from skep.core.scheduler.query import Query, parse_query
from skep.core.scheduler.request import Flavor, Group, Needs, Request


def plain(value: object) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value; sets become sorted lists, a query its source."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Query):
        return value.source
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return [plain(each) for each in sorted(value)]
    return [plain(each) for each in value]  # type: ignore[attr-defined]


def request_from(document: Mapping[str, Any]) -> Request:
    """Return the request that `plain` wrote."""
    groups = tuple(_group(each) for each in document["groups"])
    return Request(**{**document, "groups": groups})


def policy_from(document: Mapping[str, Any]) -> Policy:
    """Return the policy that `plain` wrote."""
    scale, tie = Scale(document["scale"]), Tie(document["tie"])
    without = frozenset(document["without"])
    return Policy(**{**document, "scale": scale, "tie": tie, "without": without})


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
