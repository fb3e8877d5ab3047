"""What placement would do: the same plan, nothing of it written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from skep.core.scheduler import (
    CellRow,
    Fleet,
    Plan,
    Policy,
    Shortfall,
    explain,
    place,
    policy_named,
)
from skep.core.services.placement.explanations import (
    counts_record,
    explanation_record,
    reasons_record,
)
from skep.core.services.placement.fleet import Known, resident_fleet
from skep.core.services.placement.plans import make_request
from skep.core.services.placement.request import (
    PlacementRequest,
    Wanted,
    find_wanted,
    pool_policy,
)
from skep.core.services.records import Record, timestamp
from skep.core.store.base import reading, utc_now
from skep.core.store.models import Pool
from skep.domain.names import numbered


@dataclass(frozen=True)
class WhatIf:
    """What to suppose; `explain` names the instance whose decision is shown, the first if None.

    `add_cells` holds {name, cpus, memory_mib, disk_gib, count, tags, labels, kvm}; several of one
    kind are called NAME-1 ... NAME-count.
    """

    policy: str | None = None
    multipliers: Mapping[str, float] = field(default_factory=dict)
    remove_cells: Sequence[str] = ()
    add_cells: Sequence[Mapping[str, Any]] = ()
    explain: str | None = None
    limit: int = 50


def preview(request: PlacementRequest, what_if: WhatIf, actor: str) -> Record:
    """Plan a request and show the plan with one decision in full.

    Raises:
        NotFoundError, InvalidNameError, InvalidStateError, QueryError: as `reserve`; and a Cell
            to be left out is none of the members.
        UnknownPolicyError, NotInPlanError: the policy, or the instance to explain.
    """
    resident = resident_fleet()
    with reading() as session:
        wanted = find_wanted(session, request, actor)
    policy = _policy(wanted.pool, what_if)
    with resident.known(wanted.pool.id) as known:
        fleet = _supposed(known, wanted.pool, what_if)
        asked = make_request(wanted.pool, wanted.groups, known)
        plan = place(asked, fleet, policy, utc_now().timestamp(), resident.catalogue)
        shown = what_if.explain or _interesting(plan, wanted)
        said = explain(plan, fleet, shown, resident.catalogue, what_if.limit)
    decided_at = datetime.fromtimestamp(plan.now, UTC)
    return {**_record(plan), "decision": explanation_record(said, decided_at)}


def _policy(pool: Pool, what_if: WhatIf) -> Policy:
    own = pool_policy(pool)
    if what_if.policy is not None:
        named = policy_named(what_if.policy)
        kept = ("cores_overcommit", "memory_overcommit", "disk_overcommit")
        limits = ("load_limit", "io_limit", "max_instances")
        own = named.changed(**{name: getattr(own, name) for name in (*kept, *limits)})
    return own.changed(what_if.multipliers)


def _supposed(known: Known, pool: Pool, what_if: WhatIf) -> Fleet:
    if not what_if.remove_cells and not what_if.add_cells:
        return known.fleet
    fleet = known.fleet.copy()
    for ref in what_if.remove_cells:
        fleet.remove(_id_of(fleet, ref))
    for kind in what_if.add_cells:
        facts = {**kind, "tags": frozenset(kind.get("tags", ()))}
        for called in numbered(facts.pop("name"), facts.pop("count", 1)):
            fleet.add(CellRow(id=f"supposed {called}", name=called, pool=pool.name, **facts))
    return fleet


def _id_of(fleet: Fleet, ref: str) -> str:
    if ref in fleet.row_of or ref not in fleet.names:
        return ref  # an id; what is neither is refused by the fleet
    return fleet.ids[fleet.names.index(ref)]


def _interesting(plan: Plan, wanted: Wanted) -> str:
    """Return the first instance that found no Cell, or else the first of all."""
    return plan.shortfalls[0].instance if plan.shortfalls else wanted.names[0]


def _record(plan: Plan) -> Record:
    kept = ("instance", "cell", "score", "runner_up", "runner_up_score")
    split = Counter(each.cell for each in plan.assignments)
    return {
        "feasible": plan.feasible,
        "policy": plan.policy.name,
        "seed": plan.request.seed,
        "decided_at": timestamp(datetime.fromtimestamp(plan.now, UTC)),
        "assignments": [{name: getattr(each, name) for name in kept} for each in plan.assignments],
        "split": [{"cell": cell, "count": count} for cell, count in split.most_common()],
        "shortfalls": [_shortfall_record(each) for each in plan.shortfalls],
    }


def _shortfall_record(each: Shortfall) -> Record:
    closest = each.closest
    return {
        "instance": each.instance,
        "asked": each.asked,
        "placed": each.placed,
        "fatal": each.fatal,
        "removed": counts_record(each.removed),
        "closest": closest and {"cell": closest.cell, "lacks": reasons_record(closest.lacks)},
        "words": each.words(),
    }
