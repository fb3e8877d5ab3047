"""How many more instances fit: now, and after losing any one Cell."""

from dataclasses import dataclass

import numpy as np

from skep.core.scheduler.decision import Catalogue, State
from skep.core.scheduler.decision.state import RESOURCES
from skep.core.scheduler.fleet import Fleet
from skep.core.scheduler.fleet.kinds import Ints
from skep.core.scheduler.pick.stage import Stage, room
from skep.core.scheduler.policy import Policy
from skep.core.scheduler.request import Group, Request
from skep.core.scheduler.weighers import CATALOGUE

_MANY = 1 << 24


@dataclass(frozen=True)
class Capacity:
    """How many more instances of a group's kind fit.

    `after_loss` is what is left when the worst Cell is lost and what was promised on it is
    promised elsewhere, counted in instances of this kind, rounded up; `worst_cell` is that Cell,
    `displaced` its promises in that unit. `survives` is False when they don't fit elsewhere.
    """

    now: int
    after_loss: int
    survives: bool
    worst_cell: str | None
    displaced: int
    cells: tuple[tuple[str, int], ...]
    """(Cell, how many more) of each Cell that takes at least one."""


def capacity(
    request: Request,
    fleet: Fleet,
    policy: Policy,
    now: float,
    catalogue: Catalogue = CATALOGUE,
) -> Capacity:
    """Count what still fits of the request's first group, whatever its `names`."""
    state = State(fleet, request, policy, now)
    group = request.groups[0]
    stage = Stage(state, group, catalogue, fleet.by_name())
    heads = stage.heads()
    fits = np.zeros(len(fleet), dtype=np.int64)
    fits[heads] = room(stage, heads, _MANY)
    if group.affinity:
        fits[fits < fits.max(initial=0)] = 0
    cells = tuple((fleet.names[row], int(fits[row])) for row in fleet.by_name() if fits[row])
    total = int(fits.sum())
    loss = _Loss(state, group, fits)
    return Capacity(total, *loss.worst(total), cells)


class _Loss:
    def __init__(self, state: State, group: Group, fits: Ints) -> None:
        self._state, self._group, self._fits = state, group, fits

    def worst(self, total: int) -> tuple[int, bool, str | None, int]:
        """Return what is left, whether promises survive, the Cell, and what it displaces."""
        fleet, rows = self._state.fleet, self._members()
        if not rows.size:
            return 0, True, None, 0
        displaced = self._displaced()[rows]
        left = total - self._fits[rows] - displaced
        place = int(np.argmin(left))
        worst = int(left[place])
        return max(worst, 0), worst >= 0, fleet.names[int(rows[place])], int(displaced[place])

    def _members(self) -> Ints:
        """Return the Cells of the pool that count, by name; others' loss does not matter here."""
        fleet, pool = self._state.fleet, self._state.request.pool
        found = None if pool is None else fleet.having(f"pool:{pool}")
        rows = fleet.by_name()
        if pool is None:
            return rows
        return rows[:0] if found is None else rows[found[rows]]

    def _displaced(self) -> Ints:
        """Return each Cell's promises in instances of this kind: the largest of its resources."""
        counts = [np.zeros(len(self._fits), dtype=np.int64)]
        for name in RESOURCES:
            need = int(getattr(self._group.flavor, name))
            if need:
                counts.append(-(-self._state.fleet.column(f"promised_{name}") // need))
        return np.asarray(np.maximum.reduce(counts), dtype=np.int64)
