"""The way to pick that a policy asks for."""

import numpy as np

from skep.core.scheduler.pick.climb import climb
from skep.core.scheduler.pick.draw import draw
from skep.core.scheduler.pick.minmax import minmax
from skep.core.scheduler.pick.stage import Picks, Stage
from skep.core.scheduler.policy import Scale, Tie


def pick(stage: Stage, count: int, first: int) -> Picks:
    """Choose Cells for `count` instances, as many as fit; `first` numbers the first of them."""
    if stage.state.policy.tie is Tie.DRAW:
        return draw(stage, count, first)
    if stage.state.policy.scale is Scale.MINMAX:
        return minmax(stage, count)
    return climb(stage, count)


def nothing() -> Picks:
    """Return the picks of an empty batch."""
    rows, scores = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Picks(rows, scores, rows, scores)
