"""What is stored of a plan, and the plan made again from it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from skep.core.scheduler.decision import Catalogue
from skep.core.scheduler.fleet import Fleet
from skep.core.scheduler.placement import place
from skep.core.scheduler.plan import Assignment, Closest, Plan, Shortfall
from skep.core.scheduler.record.cells import digest_of, fleet_of, roster_of, varying_of
from skep.core.scheduler.record.codec import plain, policy_from, request_from
from skep.core.scheduler.record.packed import ReplayError, reading
from skep.core.scheduler.weighers import CATALOGUE

FORMAT = 2


@dataclass(frozen=True)
class Record:
    """All inputs of a plan and its answer. Plans share a roster as long as no Cell's changed."""

    document: dict[str, Any]
    """JSON: request, policy, time, answer, names of the filters, digest of all Cells' facts."""
    varying: bytes
    """The facts of the Cells that change all the time."""
    roster: bytes
    """The facts that seldom change."""
    roster_digest: str


def record(plan: Plan, fleet: Fleet, catalogue: Catalogue = CATALOGUE) -> Record:
    """Return what to store of a plan; plan, fleet and catalogue as `place` gave and got them."""
    roster, varying = roster_of(fleet), varying_of(fleet)
    document = {
        "format": FORMAT,
        "now": plan.now,
        "request": plain(plan.request),
        "policy": plain(plan.policy),
        "filters": [each.name for each in catalogue.filters],
        "digest": digest_of(varying, roster.digest),
        "assignments": [list(each) for each in plan.tried],
        "shortfalls": plain(plan.shortfalls),
        "turn": plan.turn,
    }
    return Record(document, varying, roster.content, roster.digest)


def recorded_plan(document: Mapping[str, Any]) -> Plan:
    """Return the plan as it was recorded.

    Raises:
        ReplayError: the document is of another format, or none.
    """
    with _reading(document):
        tried = tuple(Assignment(*each) for each in document["assignments"])
        shortfalls = tuple(_shortfall(each) for each in document["shortfalls"])
        return Plan(
            request=request_from(document["request"]),
            policy=policy_from(document["policy"]),
            now=document["now"],
            assignments=() if any(each.fatal for each in shortfalls) else tried,
            shortfalls=shortfalls,
            turn=document["turn"],
            tried=tried,
        )


def recorded_fleet(document: Mapping[str, Any], roster: bytes, varying: bytes) -> Fleet:
    """Return the Cells as they were when the plan was made, in the order of their ids.

    Raises:
        ReplayError: these are not the bytes that were recorded with the document.
    """
    with _reading(document):
        if digest_of(varying, digest_of(roster)) != document["digest"]:
            raise ReplayError("the recorded Cells do not match their digest")
    return fleet_of(roster, varying)


def recorded_catalogue(document: Mapping[str, Any], catalogue: Catalogue = CATALOGUE) -> Catalogue:
    """Return the catalogue without filters that came after the plan: they refused nobody then.

    Raises:
        ReplayError: a filter that took part is not there any more.
    """
    with _reading(document):
        known = {each.name: each for each in catalogue.filters}
        missing = [name for name in document["filters"] if name not in known]
        if missing:
            raise ReplayError(f"filter {missing[0]!r} took part and is not installed any more")
        filters = tuple(known[name] for name in document["filters"])
        return Catalogue(filters, catalogue.weighers)


def replay(
    document: Mapping[str, Any],
    roster: bytes,
    varying: bytes,
    catalogue: Catalogue = CATALOGUE,
) -> Plan:
    """Plan again from the recorded inputs; equal to `recorded_plan` unless the rules changed.

    Raises:
        ReplayError: the Cells are not those of the plan, or a filter is gone.
    """
    stored, fleet = recorded_plan(document), recorded_fleet(document, roster, varying)
    rules = recorded_catalogue(document, catalogue)
    return place(stored.request, fleet, stored.policy, stored.now, rules)


@contextmanager
def _reading(document: Mapping[str, Any]) -> Iterator[None]:
    with reading("what is stored of it"):
        if document["format"] != FORMAT:
            raise ReplayError(f"its format is {document['format']!r}, known is {FORMAT}")
        yield


def _shortfall(document: Mapping[str, Any]) -> Shortfall:
    closest = document["closest"]
    if closest is not None:
        closest = Closest(**{**closest, "lacks": _pairs(closest["lacks"])})
    return Shortfall(**{**document, "removed": _pairs(document["removed"]), "closest": closest})


def _pairs(document: Iterable[Any]) -> tuple[tuple[Any, Any], ...]:
    return tuple((one, other) for one, other in document)
