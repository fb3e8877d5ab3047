"""One by one, as Nova does it: a pick may move the lowest or highest figure, and so all scores.

Figures lie in one matrix (weigher x Cell); a pick rewrites one column, and the scores of all
Cells only when a lowest or highest figure moved. Sums are formed in Nova's order, so that they
are equal to the last bit.
"""

import numpy as np

from skep.core.scheduler.fleet.kinds import Floats, Ints
from skep.core.scheduler.pick.stage import NOBODY, Picks, Stage

_AHEAD, _DEEPER = 128, 16


def bounds(stage: Stage, raws: Floats) -> tuple[Floats, Floats]:
    """Return the ends of each weigher's scale: its floor or else the lowest, and the highest."""
    lowest = [
        figures.min() if weigher.floor is None else weigher.floor
        for (weigher, _), figures in zip(stage.weighers, raws, strict=True)
    ]
    return np.array(lowest, dtype=np.float64), np.array([each.max() for each in raws])


def normalised(figures: Floats, low: float, high: float) -> Floats:
    """Return where the figures lie between the ends, 0 for all when those are equal."""
    return np.zeros(len(figures)) if low == high else (figures - low) / (high - low)


def summed(stage: Stage, raws: Floats, ends: tuple[Floats, Floats]) -> Floats:
    """Return each Cell's score."""
    total = np.zeros(raws.shape[1])
    for (_, factor), figures, low, high in zip(stage.weighers, raws, *ends, strict=True):
        total += factor * normalised(figures, low, high)
    return total


def minmax(stage: Stage, count: int) -> Picks:
    """Choose Cells for `count` instances, as many as fit."""
    board = _Board(stage)
    found: list[tuple[int, float, int, float]] = []
    while board.rows.size and len(found) < count:
        found.append(board.take())
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Picks(none, np.zeros(0), none, np.zeros(0))
    rows, scores, runners, runner_scores = zip(*found, strict=True)
    return Picks(np.array(rows), np.array(scores), np.array(runners), np.array(runner_scores))


class _Board:
    """The accepting Cells in tie order with their figures and scores."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.rows: Ints = stage.heads()
        self._planned = np.zeros(len(self.rows), dtype=np.int64)
        self._raws = stage.raws(self.rows, 0)
        self._low = self._high = np.zeros(len(self._raws))
        self._totals = np.zeros(len(self.rows))
        self._known: dict[tuple[int, int], Floats | None] = {}
        self._rescale()

    def take(self) -> tuple[int, float, int, float]:
        """Pick the best Cell; return its row and score, and those of the runner-up."""
        best = int(np.argmax(self._totals))
        row, score = int(self.rows[best]), float(self._totals[best])
        runner, runner_score = self._runner_up(best)
        self._planned[best] += 1
        figures = self._figures(best)
        if figures is None:
            self._drop(best)
        else:
            self._rewrite(best, figures)
        return row, score, runner, runner_score

    def _runner_up(self, best: int) -> tuple[int, float]:
        if len(self.rows) == 1:
            return NOBODY, 0.0
        kept, self._totals[best] = self._totals[best], -np.inf
        second = int(np.argmax(self._totals))
        self._totals[best] = kept
        return int(self.rows[second]), float(self._totals[second])

    def _rewrite(self, place: int, figures: Floats) -> None:
        old = self._raws[:, place].copy()
        self._raws[:, place] = figures
        touched = (old == self._low) | (old == self._high)
        touched |= (figures < self._low) | (figures > self._high)
        if (touched & (old != figures)).any():
            low, high = bounds(self._stage, self._raws)
            if (low != self._low).any() or (high != self._high).any():
                self._low, self._high = low, high
                self._totals = summed(self._stage, self._raws, (low, high))
                return
        self._totals[place] = summed(self._stage, figures[:, None], (self._low, self._high))[0]

    def _drop(self, place: int) -> None:
        self.rows, self._planned = np.delete(self.rows, place), np.delete(self._planned, place)
        self._raws = np.delete(self._raws, place, axis=1)
        self._rescale()

    def _rescale(self) -> None:
        if not self.rows.size:
            return
        self._low, self._high = bounds(self._stage, self._raws)
        self._totals = summed(self._stage, self._raws, (self._low, self._high))

    def _figures(self, place: int) -> Floats | None:
        """Return a Cell's figures with what is planned on it now, None when it is full."""
        wanted = int(self.rows[place]), int(self._planned[place])
        if wanted not in self._known:
            self._look_ahead(place)
        return self._known.pop(wanted)

    def _look_ahead(self, place: int) -> None:
        """Learn the next figures of this Cell and of the best ones, which are asked for next."""
        best = np.arange(len(self.rows))
        if len(best) > _AHEAD:
            best = np.argpartition(self._totals, -_AHEAD)[-_AHEAD:]
        others = best[best != place]
        deeper = self._planned[place] + np.arange(_DEEPER)
        rows = self.rows[np.append(np.full(_DEEPER, place), others)]
        next_ones = np.append(deeper, self._planned[others] + 1)
        accepted = self._stage.accepts(rows, next_ones).tolist()
        raws = self._stage.raws(rows, next_ones).T
        every = zip(rows.tolist(), next_ones.tolist(), accepted, raws, strict=True)
        for row, planned, fits, figures in every:
            self._known[row, planned] = figures if fits else None
