"""Placing instances: the store's Cells in, the scheduler's plan and its explanations out."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from skep.core.scheduler import (
    Explanation,
    Fleet,
    Group,
    Plan,
    Policy,
    Request,
    explain,
    place,
    policy_named,
)
from skep.core.services.placement.capacity import pool_fleet
from skep.core.services.records import timestamp
from skep.core.store.models import Pool
from skep.domain.errors import NoValidCellError, Rejection

_SEEDS = 2**31


@dataclass(frozen=True)
class Placed:
    """One instance's Cell, and how every Cell of the pool did in that decision."""

    instance: str
    cell_id: str
    explanation: Mapping[str, Any]


def assign(session: Session, group: Group, pool: Pool, now: datetime) -> list[Placed]:
    """Choose a Cell for each instance of the group, all or none.

    Raises:
        NoValidCellError: an instance fits nowhere; carries one rejection per Cell.
    """
    # Plans of one pool come one after another; SQLite writes one at a time anyway.
    session.refresh(pool, with_for_update=True)
    fleet = pool_fleet(session, pool)
    request = Request((group,), pool=pool.name, seed=secrets.randbelow(_SEEDS))
    plan = place(request, fleet, _policy(pool), now.timestamp())
    if not plan.feasible:
        _refuse(plan, fleet, pool)
    return [
        Placed(each.instance, each.cell_id, _record(explain(plan, fleet, each.instance), now))
        for each in plan.assignments
    ]


def _policy(pool: Pool) -> Policy:
    # Pools have no load limit of their own yet, and one for all would stop small hosts.
    return policy_named("spread").changed(
        cores_overcommit=pool.cores_overcommit,
        memory_overcommit=pool.memory_overcommit,
        disk_overcommit=pool.disk_overcommit,
        load_limit=None,
    )


def _refuse(plan: Plan, fleet: Fleet, pool: Pool) -> None:
    instance = plan.shortfalls[0].instance
    lines = explain(plan, fleet, instance).lines
    rejections: Sequence[Rejection] = [
        Rejection(line.cell, *line.refusals[0]) for line in lines if line.refusals
    ]
    raise NoValidCellError(instance, pool.name, rejections)


def _record(said: Explanation, now: datetime) -> dict[str, Any]:
    cells = [
        {
            "cell": line.cell,
            "accepted": line.score is not None,
            "score": line.score,
            "parts": {part.weigher: round(part.weighted, 4) for part in line.parts},
            "rejected_by": line.refusals[0][0] if line.refusals else None,
            "reason": line.refusals[0][1] if line.refusals else None,
        }
        for line in said.lines
    ]
    facts = {"policy": said.policy.name, "seed": said.seed, "tie": said.tie}
    return {"cells": cells, **facts, "decided_at": timestamp(now)}
