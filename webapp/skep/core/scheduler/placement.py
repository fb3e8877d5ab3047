"""Filter, weigh, deplete: the one place where Cells are chosen. Pure and deterministic."""

import numpy as np

from skep.core.scheduler.decision import Catalogue, State
from skep.core.scheduler.fleet import Fleet
from skep.core.scheduler.fleet.kinds import Ints
from skep.core.scheduler.fleet.order import after, seeded
from skep.core.scheduler.pick import Picks, Stage, pick
from skep.core.scheduler.plan import Assignment, Plan, Shortfall
from skep.core.scheduler.policy import Policy, Tie
from skep.core.scheduler.request import Group, Request
from skep.core.scheduler.shortfall import find_shortfall
from skep.core.scheduler.weighers import CATALOGUE


def place(
    request: Request,
    fleet: Fleet,
    policy: Policy,
    now: float,
    catalogue: Catalogue = CATALOGUE,
) -> Plan:
    """Assign the request's instances, with the result of placing them one after another.

    Args:
        request: groups of instances in one pool.
        fleet: the Cells; only read.
        policy: the pool's policy.
        now: unix time that the fleet's `recent_at` is compared with.
        catalogue: filters and weighers, own ones included.

    Raises:
        UnknownPolicyError: the policy names a filter or weigher that is not in the catalogue.
    """
    planner = _Planner(State(fleet, request, policy, now), catalogue)
    for number in range(len(request.groups)):
        if not planner.place_group(number):
            break
    return planner.plan(now)


class _Planner:
    """Groups one after another, each seeing those before it."""

    def __init__(self, state: State, catalogue: Catalogue) -> None:
        self._state, self._catalogue = state, catalogue
        self._assignments: list[Assignment] = []
        self._shortfalls: list[Shortfall] = []
        self._turn = state.request.turn_after
        self._order: Ints = np.zeros(0, dtype=np.int64)
        self._done = 0

    def place_group(self, number: int) -> bool:
        """Place one group; return whether the plan can go on."""
        group = self._state.request.groups[number]
        self._state.begin()
        if number == 0 or self._state.policy.tie is Tie.TURN:
            self._order = tie_order(self._state, self._turn)
        placed = 0
        for count in _batches(group):
            placed += self._place(number, group, count, placed)
        self._done += len(group.names)
        if placed == len(group.names):
            return True
        self._shortfalls.append(find_shortfall(self._stage(group), number, placed))
        return not self._shortfalls[-1].fatal

    def plan(self, now: float) -> Plan:
        """Return the answer."""
        failed = any(each.fatal for each in self._shortfalls)
        state = self._state
        return Plan(
            request=state.request,
            policy=state.policy,
            now=now,
            assignments=() if failed else tuple(self._assignments),
            shortfalls=tuple(self._shortfalls),
            tried=tuple(self._assignments),
            turn=state.request.turn_after if failed else self._turn,
        )

    def _place(self, number: int, group: Group, count: int, placed: int) -> int:
        picks = pick(self._stage(group), count, self._done + placed)
        self._state.apply(group, picks.rows)
        names = group.names[placed : placed + len(picks.rows)]
        self._assignments += _assignments(names, number, self._state.fleet, picks)
        if len(picks.rows):
            self._turn = self._assignments[-1].cell_id
        return len(picks.rows)

    def _stage(self, group: Group) -> Stage:
        return Stage(self._state, group, self._catalogue, self._order)


def tie_order(state: State, turn: str | None) -> Ints:
    """Return the rows in the order in which Cells of equal score win."""
    if state.policy.tie is Tie.TURN:
        return after(state.fleet, turn)
    if state.policy.tie is Tie.NAME:
        return state.fleet.by_name()
    return seeded(state.fleet, state.request.seed)


def _batches(group: Group) -> tuple[int, ...]:
    """Split off the first of an affinity group: it decides where all the others go."""
    size = len(group.names)
    return (1, size - 1) if group.affinity and size > 1 else (size,)


def _assignments(
    names: tuple[str, ...], number: int, fleet: Fleet, picks: Picks
) -> list[Assignment]:
    ids, cells = fleet.ids, fleet.names
    every = zip(
        names,
        picks.rows.tolist(),
        picks.scores.tolist(),
        picks.runners.tolist(),
        picks.runner_scores.tolist(),
        strict=True,
    )
    return [
        Assignment(
            name,
            number,
            ids[row],
            cells[row],
            score,
            cells[runner] if runner >= 0 else None,
            runner_score if runner >= 0 else None,
        )
        for name, row, score, runner, runner_score in every
    ]
