"""Filter, weigh, deplete, explain: the one place where a Cell is chosen. Pure and deterministic.

Every decision carries its explanation: what each filter said, and how the rest scored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skep.core.scheduler.filters import FILTERS
from skep.core.scheduler.fleet import CellView, Flavor, Policy
from skep.core.scheduler.weighers import WEIGHERS
from skep.domain.errors import NoValidCellError, Rejection


@dataclass(frozen=True)
class Verdict:
    """How one Cell did in one decision: a score, or the filter that refused it and why."""

    cell: str
    score: float | None
    parts: Mapping[str, float]
    rejected_by: str | None
    reason: str | None


@dataclass(frozen=True)
class Assignment:
    """One instance to one Cell, with how every Cell of the pool did in that decision."""

    instance: str
    cell_id: str
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class Request:
    """Which instances, all of one size, want a Cell of one pool."""

    instances: Sequence[str]
    flavor: Flavor
    pool: str


def place(request: Request, cells: Sequence[CellView], policy: Policy) -> list[Assignment]:
    """Assign each instance to the best Cell, one after another, each seeing those before it.

    Equal scores break on the Cell's name, so equal input gives an equal plan.

    Args:
        request: the instances' names, their size and the pool's name.
        cells: the pool's Cells, read in the caller's transaction.
        policy: the pool's overcommit ratios.

    Raises:
        NoValidCellError: an instance fits nowhere; carries one rejection per Cell. Nothing of the
            request is placed then.
    """
    fleet = {cell.id: cell for cell in cells}
    plan: list[Assignment] = []
    for instance in request.instances:
        verdicts = [judge(cell, request.flavor, policy) for cell in fleet.values()]
        best = _best(verdicts, list(fleet.values()))
        if best is None:
            raise NoValidCellError(instance, request.pool, _rejections(verdicts))
        plan.append(Assignment(instance, best.id, _ranked(verdicts)))
        fleet[best.id] = best.with_one_more(request.flavor)
    return plan


def judge(cell: CellView, flavor: Flavor, policy: Policy) -> Verdict:
    """Say how one Cell does for one more instance of this size."""
    for name, check in FILTERS:
        reason = check(cell, flavor, policy)
        if reason is not None:
            return Verdict(cell.name, None, {}, name, reason)
    after = cell.with_one_more(flavor)
    parts = {name: factor * weigh(after, policy) for name, factor, weigh in WEIGHERS}
    rounded = {name: round(part, 4) for name, part in parts.items()}
    return Verdict(cell.name, round(sum(parts.values()), 6), rounded, None, None)


def _best(verdicts: Sequence[Verdict], cells: Sequence[CellView]) -> CellView | None:
    scored = [
        (-verdict.score, cell.name, cell)
        for verdict, cell in zip(verdicts, cells, strict=True)
        if verdict.score is not None
    ]
    return min(scored, key=lambda each: each[:2])[2] if scored else None


def _rejections(verdicts: Sequence[Verdict]) -> list[Rejection]:
    return [
        Rejection(verdict.cell, verdict.rejected_by, verdict.reason)
        for verdict in verdicts
        if verdict.rejected_by is not None and verdict.reason is not None
    ]


def _ranked(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda each: (each.score is None, -(each.score or 0.0), each.cell))
