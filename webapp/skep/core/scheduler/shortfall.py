"""Why no Cell takes one more instance: what removed how many, and who comes closest."""

import numpy as np

from skep.core.scheduler.decision import View
from skep.core.scheduler.fleet.kinds import Floats
from skep.core.scheduler.pick import Stage
from skep.core.scheduler.plan import Closest, Shortfall

# Freeing resources can't cure a plain no, so one of them outweighs any missing amount.
_PLAIN_NO = 1e6


def find_shortfall(stage: Stage, number: int, placed: int) -> Shortfall:
    """Return why the group got no further than `placed` instances."""
    group = stage.group
    _, removed = stage.sieve()
    return Shortfall(
        group=number,
        instance=group.names[placed],
        asked=len(group.names),
        placed=placed,
        fatal=placed < group.needed,
        cells=len(stage.state.fleet),
        removed=tuple(removed),
        closest=_closest(stage),
    )


def refusals(stage: Stage, view: View, index: int) -> tuple[tuple[str, str], ...]:
    """Return every filter that refuses element `index` of the view, with its reason."""
    return tuple(
        (each.name, each.reason(view, index))
        for each in stage.filters
        if not _accepts(each.accept(view), index)
    )


def _accepts(answer: object, index: int) -> bool:
    return bool(answer) if isinstance(answer, bool) else bool(answer[index])  # type: ignore[index]


def _closest(stage: Stage) -> Closest | None:
    fleet = stage.state.fleet
    if not len(fleet):
        return None
    view = View(stage.state, stage.group)
    row = int(stage.order[np.argmin(_distance(stage, view)[stage.order])])
    return Closest(fleet.ids[row], fleet.names[row], refusals(stage, view, row))


def _distance(stage: Stage, view: View) -> Floats:
    total = np.zeros(len(view))
    for each in stage.filters:
        if each.lack is not None:
            total += each.lack(view)
        else:
            total += np.where(each.accept(view), 0.0, _PLAIN_NO)
    return total
