"""Why an instance is where it is: every Cell's filters and scores as they were at that moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import ClassVar

import numpy as np

from skep.core.scheduler.decision import Catalogue, State, View
from skep.core.scheduler.fleet import Fleet
from skep.core.scheduler.fleet.kinds import Floats, Ints
from skep.core.scheduler.fleet.order import mixed
from skep.core.scheduler.pick import Stage
from skep.core.scheduler.pick.minmax import bounds, normalised, summed
from skep.core.scheduler.placement import tie_order
from skep.core.scheduler.plan import Plan
from skep.core.scheduler.policy import Policy, Scale, Tie
from skep.core.scheduler.request import Flavor
from skep.core.scheduler.shortfall import refusals
from skep.core.scheduler.weighers import CATALOGUE
from skep.domain.errors import SkepError


@dataclass(eq=False)
class NotInPlanError(SkepError):
    """The plan has no such instance."""

    code: ClassVar[str] = "not_in_plan"
    template: ClassVar[str] = "instance {instance!r} is not in this plan"
    instance: str


@dataclass(frozen=True)
class Part:
    """One weigher's share in a score: `weighted` = `multiplier` x `normalised`."""

    weigher: str
    raw: float
    unit: str
    normalised: float
    multiplier: float
    weighted: float


@dataclass(frozen=True)
class Line:
    """One Cell in one decision. `rank` 1 is the chosen one; refused Cells have none."""

    cell_id: str
    cell: str
    rank: int | None
    score: float | None
    parts: tuple[Part, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    """(filter, how it stood, with numbers) of every filter that asks for something."""
    refusals: tuple[tuple[str, str], ...] = ()
    """(filter, reason) of every filter that refuses it, in the filters' order."""


@dataclass(frozen=True)
class Explanation:
    """One decision; `lines` has each Cell exactly once: accepted ones by rank, then by name.

    `removed` says how many Cells each filter removed in turn; with `accepted` they are all Cells.
    """

    instance: str
    flavor: Flavor
    cell: str | None
    policy: Policy
    seed: int
    tie: str
    accepted: int
    removed: tuple[tuple[str, int], ...]
    lines: Sequence[Line] = field(default=())


def explain(
    plan: Plan,
    fleet: Fleet,
    instance: str,
    catalogue: Catalogue = CATALOGUE,
    most: int | None = None,
) -> Explanation:
    """Explain one decision of a plan.

    Args:
        plan: what `place` answered.
        fleet: the Cells as `place` got them (a copy, or `replay`'s).
        instance: a name in the plan's request.
        catalogue: as `place` got it.
        most: only the first so many lines; the counts are of all Cells. None for every line.

    Raises:
        NotInPlanError: no such instance.
    """
    moment = _Moment(plan, fleet, instance, catalogue)
    return Explanation(
        instance=instance,
        flavor=moment.group.flavor,
        cell=moment.cell,
        policy=plan.policy,
        seed=plan.request.seed,
        tie=moment.tie_words(),
        lines=moment.lines(most),
        accepted=moment.accepted,
        removed=moment.removed,
    )


class _Moment:
    """The state just before the instance was placed."""

    def __init__(self, plan: Plan, fleet: Fleet, instance: str, catalogue: Catalogue) -> None:
        self._plan, self._fleet = plan, fleet
        number, self._position = _find(plan, instance)
        self.group = plan.request.groups[number]
        made = [each.instance for each in plan.tried]
        before = made.index(instance) if instance in made else _until(plan, number)
        self.cell = plan.tried[before].cell if instance in made and plan.feasible else None
        state = State(fleet, plan.request, plan.policy, plan.now)
        self._turn = _replayed(state, plan, before, number)
        order = tie_order(state, self._turn)
        self._stage = Stage(state, self.group, catalogue, order)
        self._heads = self._stage.heads()
        self.accepted = len(self._heads)
        self.removed = tuple(self._stage.sieve()[1])

    def lines(self, most: int | None) -> tuple[Line, ...]:
        """Return the first lines: accepted Cells by rank, then the refused ones by name."""
        best = self._ranking()[:most]
        ranked = [self._accepted(rank, place) for rank, place in enumerate(best, 1)]
        refused = self._refused_rows()
        room = None if most is None else most - len(ranked)
        return (*ranked, *(self._refused(row) for row in refused[:room].tolist()))

    def tie_words(self) -> str:
        """Return how Cells of equal score were ordered."""
        policy, seed = self._plan.policy, self._plan.request.seed
        if policy.tie is Tie.DRAW:
            place, size = self._drawn(), len(self._heads)
            return f"drawn number {place + 1} of {size} accepted Cells, seed {seed}"
        if policy.tie is Tie.TURN:
            row = self._fleet.row_of.get(self._turn or "")
            begin = "from the first" if row is None else f"behind {self._fleet.names[row]}"
            return f"by name, {begin}"
        if policy.tie is Tie.NAME:
            return "the first by name"
        return f"a permutation of the Cells with seed {seed}"

    def _drawn(self) -> int:
        return mixed(self._plan.request.seed, self._position) * len(self._heads) >> 64

    def _ranking(self) -> Ints:
        """Return places in `heads`: best score first, ties in tie order, the drawn one first."""
        self._scores = self._score()
        if self._plan.policy.tie is Tie.DRAW:
            return np.roll(np.arange(len(self._heads)), -self._drawn())
        return np.argsort(-self._scores, kind="stable")

    def _score(self) -> Floats:
        raws = self._raws = self._stage.raws(self._heads, 0)
        if self._plan.policy.scale is Scale.OWN:
            return self._stage.score(self._heads, 0)
        if not len(self._heads):
            return np.zeros(0)
        self._ends = bounds(self._stage, raws)
        return summed(self._stage, raws, self._ends)

    def _accepted(self, rank: int, place: int) -> Line:
        row = int(self._heads[place])
        view = self._view(row)
        checks = tuple(
            (each.name, each.reason(view, 0))
            for each in self._stage.filters
            if each.accept(view) is not True
        )
        ids, names = self._fleet.ids, self._fleet.names
        score = float(self._scores[place])
        return Line(ids[row], names[row], rank, score, self._parts(place), checks)

    def _parts(self, place: int) -> tuple[Part, ...]:
        view, found = self._view(int(self._heads[place])), []
        for number, (weigher, factor) in enumerate(self._stage.weighers):
            raw = float(self._raws[number, place])
            if self._plan.policy.scale is Scale.OWN:
                share = float(np.broadcast_to(weigher.share(view, weigher.raw(view)), (1,))[0])
            else:
                low, high = (ends[number] for ends in self._ends)
                share = float(normalised(np.array([raw]), low, high)[0])
            found.append(Part(weigher.name, raw, weigher.unit, share, factor, factor * share))
        return tuple(found)

    def _refused_rows(self) -> Ints:
        refused = np.ones(len(self._fleet), dtype=np.bool_)
        refused[self._heads] = False
        by_name = self._fleet.by_name()
        return by_name[refused[by_name]]

    def _refused(self, row: int) -> Line:
        reasons = refusals(self._stage, self._view(row), 0)
        ids, names = self._fleet.ids, self._fleet.names
        return Line(ids[row], names[row], None, None, refusals=reasons)

    def _view(self, row: int) -> View:
        return View(self._stage.state, self.group, np.array([row]))


def _find(plan: Plan, instance: str) -> tuple[int, int]:
    """Return the instance's group and its number in the request."""
    position = 0
    for number, group in enumerate(plan.request.groups):
        if instance in group.names:
            return number, position + group.names.index(instance)
        position += len(group.names)
    raise NotInPlanError(instance)


def _until(plan: Plan, number: int) -> int:
    return sum(1 for each in plan.tried if each.group <= number)


def _replayed(state: State, plan: Plan, before: int, number: int) -> str | None:
    """Apply what was planned before; return the Cell chosen last before this batch began."""
    made = plan.tried[:before]
    for other, every in groupby(made, key=attrgetter("group")):
        state.begin()
        rows = [state.fleet.row_of[each.cell_id] for each in every]
        state.apply(plan.request.groups[other], np.array(rows, dtype=np.int64))
    if not made or made[-1].group != number:
        state.begin()
    earlier = next((each.cell_id for each in reversed(made) if each.group < number), None)
    return earlier or plan.request.turn_after
