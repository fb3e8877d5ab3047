"""Why an instance is where it is: worked out from the plan that was kept, on demand."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from skep.core.scheduler import (
    Explanation,
    explain,
    recorded_catalogue,
    recorded_fleet,
    recorded_plan,
    render,
)
from skep.core.services.placement.fleet import resident_fleet
from skep.core.services.records import Record, timestamp
from skep.core.store.base import reading
from skep.core.store.lookup import get_instance
from skep.core.store.models import Plan, Roster
from skep.domain.errors import InvalidStateError


def explain_instance(ref: str, limit: int) -> Record:
    """Return how the first `limit` Cells fared when the instance was placed, the chosen one first.

    Raises:
        NotFoundError, InvalidStateError: there is no such instance, or no plan of it.
        ReplayError: the plan was kept by a Skep that this one can't read.
    """
    said, decided_at = _explained(ref, limit)
    return explanation_record(said, decided_at)


def explain_text(ref: str, limit: int) -> str:
    """Return the same as text for a person."""
    return render(_explained(ref, limit)[0])


def explanation_record(said: Explanation, decided_at: datetime) -> Record:
    """Show one decision."""
    return {
        "instance": said.instance,
        "cell": said.cell,
        "flavor": asdict(said.flavor),
        "policy": {"name": said.policy.name, "multipliers": dict(said.policy.multipliers)},
        "seed": said.seed,
        "tie": said.tie,
        "accepted": said.accepted,
        "removed": counts_record(said.removed),
        "cells": [
            {
                "cell": line.cell,
                "rank": line.rank,
                "accepted": line.rank is not None,
                "score": line.score,
                "parts": [asdict(part) for part in line.parts],
                "checks": reasons_record(line.checks),
                "refusals": reasons_record(line.refusals),
                "rejected_by": line.refusals[0][0] if line.refusals else None,
                "reason": line.refusals[0][1] if line.refusals else None,
            }
            for line in said.lines
        ],
        "decided_at": timestamp(decided_at),
    }


def counts_record(removed: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Show how many Cells each filter removed."""
    return [{"filter": name, "count": count} for name, count in removed]


def reasons_record(pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Show what each filter found."""
    return [{"filter": name, "reason": reason} for name, reason in pairs]


def _explained(ref: str, limit: int) -> tuple[Explanation, datetime]:
    with reading() as session:
        instance = get_instance(session, ref)
        kept = None if instance.plan_id is None else session.get(Plan, instance.plan_id)
        if kept is None:
            needed = "placed by a plan that was kept"
            raise InvalidStateError("instance", instance.name, instance.state, "explain", needed)
        document, varying, name = kept.document, kept.varying, instance.name
        roster = session.get_one(Roster, kept.roster_digest).content
    plan, fleet = recorded_plan(document), recorded_fleet(document, roster, varying)
    catalogue = recorded_catalogue(document, resident_fleet().catalogue)
    said = explain(plan, fleet, name, catalogue, limit)
    return said, datetime.fromtimestamp(plan.now, UTC)
