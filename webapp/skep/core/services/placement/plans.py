"""Planning and committing as one: what is planned is written only if nobody planned meanwhile."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from skep.core import scheduler
from skep.core.scheduler import Flavor, Fleet, Group, Policy, Request, explain, owner_key, place
from skep.core.services.placement.fleet import Known, resident_fleet
from skep.core.services.placement.request import pool_policy
from skep.core.store.base import insert_missing, new_id, utc_now, writing
from skep.core.store.models import Instance, InstanceGroup, InstanceGroupMember, Plan, Pool, Roster
from skep.domain.errors import NoValidCellError, Rejection, SkepError

Answer = TypeVar("Answer")
_SEEDS = 2**31
_REPLANS = 3
_PAUSE_S = 0.02
_KEPT_AT_LEAST = timedelta(days=1)
_SHOWN = 20  # Cells that a refusal names


@dataclass(eq=False)
class PlacementConflictError(SkepError):
    """Another Core placed in the pool each time that we had a plan."""

    code: ClassVar[str] = "placement_conflict"
    template: ClassVar[str] = (
        "pool {pool!r}: {plans} plans in a row were overtaken by another Core; repeat the request"
    )
    pool: str
    plans: int


@dataclass(frozen=True)
class Leaving:
    """An instance that is promised on a Cell and is about to be placed anew."""

    cell_id: str
    keys: frozenset[str]
    flavor: Flavor | None = None
    """What becomes free; None as long as it also stays where it is."""


@dataclass(frozen=True)
class Question:
    """What to plan in a pool, as if the instances in `leaving` were not there."""

    pool: Pool
    groups: Sequence[Group]
    leaving: Sequence[Leaving] = ()


@dataclass(frozen=True)
class Committed:
    """A plan that is being committed, with the id under which it is kept."""

    plan: scheduler.Plan
    id: str


class _OvertakenError(Exception):
    """Another process committed a plan in this pool first."""


def commit_plan(
    ask: Callable[[Session], Question], write: Callable[[Session, Committed], Answer]
) -> Answer:
    """Plan, keep the plan, and let the caller write what follows, in one transaction.

    Raises:
        NoValidCellError: a group fits nowhere, or not `min_count` of it; nothing is written.
        PlacementConflictError: overtaken too often.
    """
    fleet = resident_fleet()
    for replan in range(_REPLANS + 1):
        time.sleep(replan * _PAUSE_S * secrets.randbelow(100) / 100)
        with fleet.placing:
            try:
                with writing() as session:
                    question = ask(session)
                    return _commit(session, question, write)
            except _OvertakenError:
                continue
    raise PlacementConflictError(question.pool.name, _REPLANS + 1)


def leaving(session: Session, instance: Instance, *, freed: bool) -> Leaving:
    """Return an instance that is about to leave its Cell; `freed` when it holds nothing there."""
    member, group = InstanceGroupMember, InstanceGroup
    query = select(group.name).join(member, member.group_id == group.id)
    groups = session.scalars(query.where(member.instance_id == instance.id))
    keys = frozenset({*groups, owner_key(instance.owner)})
    flavor = Flavor(instance.cores, instance.memory_mib, instance.disk_gib) if freed else None
    return Leaving(str(instance.cell_id), keys, flavor)


def make_request(
    pool: Pool, groups: Sequence[Group], known: Known, seed: int | None = None
) -> Request:
    """Return the scheduler's request, with the members that its groups' keys have already."""
    keys = frozenset[str]().union(*(group.keys for group in groups))
    return Request(
        groups=tuple(groups),
        pool=pool.name,
        seed=secrets.randbelow(_SEEDS) if seed is None else seed,
        members={key: dict(known.members[key]) for key in sorted(keys & known.members.keys())},
        turn_after=pool.turn,
    )


def refuse(plan: scheduler.Plan, fleet: Fleet, pool: Pool) -> None:
    """Say why nothing was placed.

    Raises:
        NoValidCellError: always.
    """
    shortfall = next(each for each in plan.shortfalls if each.fatal)
    said = explain(plan, fleet, shortfall.instance, resident_fleet().catalogue, _SHOWN)
    rejections = [
        Rejection(line.cell, *line.refusals[0]) for line in said.lines[:_SHOWN] if line.refusals
    ]
    more = "" if shortfall.cells <= _SHOWN else shortfall.words()
    raise NoValidCellError(shortfall.instance, pool.name, rejections, more)


def _commit(
    session: Session, question: Question, write: Callable[[Session, Committed], Answer]
) -> Answer:
    resident, pool = resident_fleet(), question.pool
    # Until the plan is committed and counted nobody reads the store into the fleet: that would
    # count it twice.
    with resident.known(pool.id) as everything:
        known = without(everything, question.leaving)
        plan = _place(make_request(pool, question.groups, known), known.fleet, pool_policy(pool))
        if not plan.feasible:
            refuse(plan, known.fleet, pool)
        kept = scheduler.record(plan, known.fleet, resident.catalogue)
        generation = known.generation + 1
        claim = update(Pool).where(Pool.id == pool.id, Pool.plan_generation == known.generation)
        turned = claim.values(plan_generation=generation, turn=plan.turn)
        if session.execute(turned).rowcount != 1:  # type: ignore[attr-defined]
            raise _OvertakenError
        answer = write(session, Committed(plan, _keep(session, kept)))
        session.commit()
        resident.committed(pool.id, plan, generation)
        return answer


def forget_plans(session: Session, now: datetime) -> int:
    """Delete plans, and shared parts of plans, that explain no instance any more."""
    used = select(Instance.plan_id).where(Instance.plan_id.is_not(None))
    old = Plan.created_at < now - _KEPT_AT_LEAST  # a migration's plan has no instance at first
    gone = session.execute(delete(Plan).where(old, Plan.id.not_in(used)))
    rosters = delete(Roster).where(Roster.digest.not_in(select(Plan.roster_digest)))
    session.execute(rosters)
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


def _place(request: Request, fleet: Fleet, policy: Policy) -> scheduler.Plan:
    return place(request, fleet, policy, utc_now().timestamp(), resident_fleet().catalogue)


def without(known: Known, leaving: Sequence[Leaving]) -> Known:
    """Return what would be known if these instances were not there."""
    if not leaving:
        return known
    fleet = known.fleet.copy()
    members = {key: dict(counts) for key, counts in known.members.items()}
    for each in leaving:
        if each.flavor is not None and each.cell_id in fleet.row_of:
            size = each.flavor
            fleet.unpromise(each.cell_id, (size.cores, size.memory_mib, size.disk_gib))
        for key in each.keys & members.keys():
            members[key][each.cell_id] = max(members[key].get(each.cell_id, 0) - 1, 0)
    return Known(fleet, members, known.generation)


def _keep(session: Session, kept: scheduler.Record) -> str:
    """Store the plan; the part that many plans share is stored once."""
    digest = kept.roster_digest
    if session.scalar(select(Roster.digest).where(Roster.digest == digest)) is None:
        insert_missing(session, Roster, digest=digest, content=kept.roster)
    plan = Plan(id=new_id(), document=kept.document, varying=kept.varying, roster_digest=digest)
    session.add(plan)
    session.flush()
    return plan.id
