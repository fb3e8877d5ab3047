"""One class of equal instances in front of the fleet: who is accepted, and with which score."""

from typing import NamedTuple

import numpy as np

from skep.core.scheduler.decision import Catalogue, State, View
from skep.core.scheduler.fleet.kinds import Array, Bools, Floats, Ints
from skep.core.scheduler.request import Group

NOBODY = -1


class Picks(NamedTuple):
    """The chosen row, its score and the runner-up (row NOBODY when none) of each instance."""

    rows: Ints
    scores: Floats
    runners: Ints
    runner_scores: Floats


class Stage:
    """A group, the state it meets, and the policy's filters and weighers."""

    def __init__(self, state: State, group: Group, catalogue: Catalogue, order: Ints) -> None:
        self.state, self.group, self.order = state, group, order
        self.filters = catalogue.filters_of(state.policy)
        self.weighers = catalogue.weighers_of(state.policy)
        self._every = View(state, group)
        self._fixed = [each for each in self.filters if each.fixed]
        self._changing = [each for each in self.filters if not each.fixed]

    def heads(self) -> Ints:
        """Return the rows that accept one instance now, in the order that ties end in.

        Whole columns are faster than picking most of them; but the last filters, on who is
        where, may leave a Cell or two, and then they go first.
        """
        rows = self._eligible()
        gathered = any(self._every.has_members(key) for key in self.group.affinity)
        if not gathered and 2 * len(rows) >= len(self.state.fleet):
            mask = np.ones(len(self.state.fleet), dtype=np.bool_)
            for each in self._changing:
                mask &= each.accept(self._every)
            return rows[mask[rows]]
        for each in reversed(self._changing):
            accepted = each.accept(View(self.state, self.group, rows))
            if accepted is not True:
                rows = rows[np.broadcast_to(accepted, (len(rows),))]
        return rows

    def opening(self, heads: Ints) -> Floats:
        """Return the scores of the heads."""
        if 2 * len(heads) >= len(self.state.fleet):
            return self._sum(self._every)[heads]
        return self.score(heads, 0)

    def sieve(self) -> tuple[Bools, list[tuple[str, int]]]:
        """Return who passes every filter now, and how many Cells each filter removed in turn."""
        view = self._every
        mask = np.ones(len(view), dtype=np.bool_)
        left, removed = len(view), []
        for each in self.filters:
            accepted = each.accept(view)
            if accepted is True:
                continue
            mask &= accepted
            before, left = left, int(np.count_nonzero(mask))
            if left < before:
                removed.append((each.name, before - left))
        return mask, removed

    def accepts(self, rows: Ints, planned: Ints | int) -> Bools:
        """Say of Cells that accepted one instance whether they take one more after `planned`."""
        view = View(self.state, self.group, rows, planned)
        mask = np.ones(len(rows), dtype=np.bool_)
        for each in self._changing:
            mask &= each.accept(view)
        return mask

    def score(self, rows: Ints, planned: Ints | int) -> Floats:
        """Return the sum of multiplied shares of each Cell with `planned` more on it."""
        return self._sum(View(self.state, self.group, rows, planned))

    def raws(self, rows: Ints, planned: Ints | int) -> Floats:
        """Return the raw figures, one row per weigher."""
        view = View(self.state, self.group, rows, planned)
        shape = (len(rows),)
        found = [np.broadcast_to(weigher.raw(view), shape) for weigher, _ in self.weighers]
        figures = np.array(found, dtype=np.float64).reshape(len(found), len(rows))
        for number, (weigher, _) in enumerate(self.weighers):
            if weigher.floor is not None:
                np.maximum(figures[number], weigher.floor, out=figures[number])
        return figures

    def _eligible(self) -> Ints:
        """Return the rows that pass the fixed filters; groups of equal conditions share them."""
        group = self.group
        key = (group.needs, group.pinned, group.avoided, group.flavor, group.image, group.owner)
        kept = self.state.kept.get(key)
        if kept is None or kept[0] is not self.order:
            mask = np.ones(len(self.state.fleet), dtype=np.bool_)
            for each in self._fixed:
                mask &= each.accept(self._every)
            kept = self.state.kept[key] = (self.order, self.order[mask[self.order]])
        return kept[1]

    def _sum(self, view: View) -> Floats:
        total: Array | float = 0.0
        for weigher, factor in self.weighers:
            total = total + factor * weigher.share(view, weigher.raw(view))
        return np.broadcast_to(np.asarray(total, dtype=np.float64), (len(view),))


def room(stage: Stage, rows: Ints, limit: int) -> Ints:
    """Return how many of the group each accepting Cell takes, at most `limit`.

    Bisects, since a Cell once full stays full.
    """
    low, high = np.ones(len(rows), dtype=np.int64), np.full(len(rows), limit, dtype=np.int64)
    while (low < high).any():
        middle = (low + high + 1) // 2
        fits = stage.accepts(rows, middle - 1)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    return low
