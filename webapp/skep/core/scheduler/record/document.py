"""What is stored of a plan, and the plan made again from it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from skep.core.scheduler.decision import Catalogue
from skep.core.scheduler.explanation import explain
from skep.core.scheduler.fleet import Fleet
from skep.core.scheduler.placement import place
from skep.core.scheduler.plan import Assignment, Closest, Plan, Shortfall
from skep.core.scheduler.record.codec import columns, fleet_from, plain, policy_from, request_from
from skep.core.scheduler.weighers import CATALOGUE
from skep.domain.errors import SkepError

FORMAT = 1
# Up to here every Cell's line is kept; a larger fleet keeps the best few and the counts.
_SMALL_FLEET, _BEST, _MOST_GROUPS = 200, 5, 20


@dataclass(eq=False)
class ReplayError(SkepError):
    """The stored inputs are not those of the stored plan."""

    code: ClassVar[str] = "not_replayable"
    template: ClassVar[str] = "the plan can't be made again: {problem}"
    problem: str


def record(
    plan: Plan, fleet: Fleet, catalogue: Catalogue = CATALOGUE, *, with_fleet: bool = True
) -> dict[str, Any]:
    """Return the plan as a JSON document.

    Args:
        plan: what `place` answered.
        fleet: the Cells as `place` got them.
        catalogue: as `place` got it.
        with_fleet: put the Cells in too, so that the document alone can be replayed; without
            them the digest still proves that a fleet kept elsewhere is the right one.
    """
    cells = columns(fleet)
    return {
        "format": FORMAT,
        "now": plan.now,
        "request": plain(plan.request),
        "policy": plain(plan.policy),
        "digest": _digest(cells),
        "fleet": cells if with_fleet else None,
        "assignments": plain(plan.assignments),
        "shortfalls": plain(plan.shortfalls),
        "turn": plan.turn,
        "decisions": _decisions(plan, fleet, catalogue),
    }


def recorded_plan(document: Mapping[str, Any]) -> Plan:
    """Return the plan as it was recorded."""
    _check_format(document)
    return Plan(
        request=request_from(document["request"]),
        policy=policy_from(document["policy"]),
        now=document["now"],
        assignments=tuple(Assignment(*each) for each in document["assignments"]),
        shortfalls=tuple(_shortfall(each) for each in document["shortfalls"]),
        turn=document["turn"],
    )


def recorded_fleet(document: Mapping[str, Any]) -> Fleet:
    """Return the Cells as they were when the plan was made.

    Raises:
        ReplayError: the document has none, or they were changed.
    """
    _check_format(document)
    if document["fleet"] is None:
        raise ReplayError("its Cells were not recorded; give a fleet with the same digest")
    if _digest(document["fleet"]) != document["digest"]:
        raise ReplayError("the recorded Cells do not match their digest")
    return fleet_from(document["fleet"])


def replay(
    document: Mapping[str, Any], fleet: Fleet | None = None, catalogue: Catalogue = CATALOGUE
) -> Plan:
    """Plan again from the recorded inputs; equal to `recorded_plan` unless the rules changed.

    Raises:
        ReplayError: the Cells are not there, or not those of the plan.
    """
    if fleet is None:
        fleet = recorded_fleet(document)
    elif digest(fleet) != document["digest"]:
        raise ReplayError("the given fleet does not match the recorded digest")
    stored = recorded_plan(document)
    return place(stored.request, fleet, stored.policy, stored.now, catalogue)


def digest(fleet: Fleet) -> str:
    """Return a digest of every fact of every Cell, independent of row order."""
    return _digest(columns(fleet))


def _digest(cells: Mapping[str, Any]) -> str:
    text = json.dumps(cells, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _check_format(document: Mapping[str, Any]) -> None:
    if document.get("format") != FORMAT:
        raise ReplayError(f"its format is {document.get('format')!r}, known is {FORMAT}")


def _decisions(plan: Plan, fleet: Fleet, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return the first groups' first decision in full (small fleets), or its best Cells."""
    most = None if len(fleet) <= _SMALL_FLEET else _BEST
    found = []
    for group in plan.request.groups[:_MOST_GROUPS]:
        if group.names:
            first = explain(plan, fleet, group.names[0], catalogue, most)
            kept = ("instance", "cell", "tie", "accepted", "removed", "lines")
            found.append({name: plain(getattr(first, name)) for name in kept})
    return found


def _shortfall(document: Mapping[str, Any]) -> Shortfall:
    closest = document["closest"]
    if closest is not None:
        closest = Closest(**{**closest, "lacks": _pairs(closest["lacks"])})
    return Shortfall(**{**document, "removed": _pairs(document["removed"]), "closest": closest})


def _pairs(document: Iterable[Any]) -> tuple[tuple[Any, Any], ...]:
    return tuple((one, other) for one, other in document)
