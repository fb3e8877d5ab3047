"""Chance: every instance is drawn a Cell among those that still take it, all alike."""

import numpy as np

from skep.core.scheduler.fleet.order import mixed
from skep.core.scheduler.pick.stage import NOBODY, Picks, Stage, room


def draw(stage: Stage, count: int, first: int) -> Picks:
    """Draw Cells for `count` instances, as many as fit.

    Instance number n of the request gets place `mixed(seed, n) * left >> 64` of the `left` Cells
    in the seed's order.
    """
    heads = stage.heads()
    seed = stage.state.request.seed
    left = list(zip(heads.tolist(), room(stage, heads, count).tolist(), strict=True))
    used: dict[int, int] = {}
    chosen: list[int] = []
    while left and len(chosen) < count:
        place = mixed(seed, first + len(chosen)) * len(left) >> 64
        row, most = left[place]
        chosen.append(row)
        used[row] = used.get(row, 0) + 1
        if used[row] == most:
            del left[place]
    rows = np.array(chosen, dtype=np.int64)
    return Picks(rows, np.zeros(len(rows)), np.full(len(rows), NOBODY), np.zeros(len(rows)))
