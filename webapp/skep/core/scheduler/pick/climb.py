"""All at once, with the result of one by one, when a pick changes one Cell's score only.

Each Cell is a queue: its score with 0, 1, 2, ... more of the group on it. One-by-one placement
takes the best head again and again. A head that rises is taken at once, so item k of a queue is
taken when the lowest score up to k, its *floor*, is due: the order of picks is the order of
(highest floor, tie order, k). One sort replaces the loop. Only Cells that can still be among the
first `count` are followed deeper.
"""

import numpy as np

from skep.core.scheduler.fleet.kinds import Bools, Floats, Ints
from skep.core.scheduler.pick.stage import NOBODY, Picks, Stage


def climb(stage: Stage, count: int) -> Picks:
    """Choose Cells for `count` instances, as many as fit."""
    heads = stage.heads()
    scores = stage.opening(heads)
    best = _leading(scores, count + 1)
    queues = _Queues(stage, heads[best], scores[best], count)
    while count > 1 and queues.open.size:
        queues.follow()
    return queues.picks()


def _leading(scores: Floats, count: int) -> Ints:
    """Return where the best `count` scores are, the first ones of the last score, in order."""
    if len(scores) <= count:
        return np.arange(len(scores))
    last = np.partition(scores, len(scores) - count)[len(scores) - count]
    chosen = scores > last
    equal = np.flatnonzero(scores == last)
    chosen[equal[: count - int(np.count_nonzero(chosen))]] = True
    return np.flatnonzero(chosen)


class _Queues:
    """The known items of each Cell's queue; Cells are numbered in tie order."""

    def __init__(self, stage: Stage, rows: Ints, scores: Floats, count: int) -> None:
        self._stage, self._rows, self._count = stage, rows, count
        self._numbers = np.arange(len(rows))
        self._floors, self._scores = scores, scores
        self._last = scores.copy()
        self._depth, self._width = 1, 1
        self.open: Ints = self._numbers[self._within()]

    def follow(self) -> None:
        """Learn the next items of every open queue, twice as many as the last time."""
        planned = np.arange(self._depth, self._depth + self._width)
        cells = np.repeat(self.open, self._width)
        scores = self._scored(cells, np.tile(planned, self.open.size))
        table = np.column_stack([self._last[self.open], scores.reshape(-1, self._width)])
        floors = np.minimum.accumulate(table, axis=1)[:, 1:]
        self._last[self.open] = floors[:, -1]
        known = np.isfinite(floors).ravel()
        self._numbers = np.concatenate([self._numbers, cells[known]])
        self._floors = np.concatenate([self._floors, floors.ravel()[known]])
        self._scores = np.concatenate([self._scores, scores[known]])
        self._depth += self._width
        self.open = self.open[self._within()[self.open]]
        most = max(4 * self._count // max(self.open.size, 1), 1)
        self._width = min(2 * self._width, most)

    def picks(self) -> Picks:
        """Return the first items of all queues in the order of picks."""
        order = np.lexsort((self._numbers, -self._floors))
        cells, scores = self._numbers[order], self._scores[order]
        size = min(self._count, len(order))
        changes = np.append(np.flatnonzero(np.diff(cells)) + 1, len(cells))
        following = changes[np.searchsorted(changes, np.arange(size), side="right")]
        exists = following < len(cells)
        following = np.where(exists, following, 0)
        return Picks(
            self._rows[cells[:size]],
            scores[:size],
            np.where(exists, self._rows[cells[following]], NOBODY) if size else cells[:0],
            scores[following] if size else scores[:0],
        )

    def _scored(self, cells: Ints, planned: Ints) -> Floats:
        rows = self._rows[cells]
        scores = self._stage.score(rows, planned)
        return np.where(self._stage.accepts(rows, planned), scores, -np.inf)

    def _within(self) -> Bools:
        """Say which Cells' last known item is within the first `count` + 1, so more may be."""
        surplus = len(self._floors) - (self._count + 1)
        if surplus < 0:
            return np.isfinite(self._last)
        edge = np.partition(self._floors, surplus)[surplus]
        above = int(np.count_nonzero(self._floors > edge))
        equal = np.sort(self._numbers[self._floors == edge])
        ahead = self._numbers_before(equal[self._count - above])
        within: Bools = (self._last > edge) | ((self._last == edge) & ahead)
        return within

    def _numbers_before(self, number: int) -> Bools:
        return np.arange(len(self._rows)) < number
