"""Filters on who else is on a Cell."""

import numpy as np

from skep.core.scheduler.decision import Filter, View
from skep.core.scheduler.decision.state import RESOURCES
from skep.core.scheduler.fleet.kinds import Array, Bools


def _together(view: View) -> Bools | bool:
    held = [view.members(key) > 0 for key in _started(view)]
    return bool(not held) or np.asarray(np.logical_and.reduce(held), dtype=np.bool_)


def _started(view: View) -> list[str]:
    """Return the affinity groups that have members; the first member may go anywhere."""
    return [key for key in sorted(view.group.affinity) if view.has_members(key)]


def _together_words(view: View, index: int) -> str:
    absent = [key for key in _started(view) if not view.members(key)[index]]
    if absent:
        return f"no member of group {absent[0]!r} is here"
    return "its group is here or has no member yet"


def _opens(view: View) -> bool:
    """Say whether the first member decides for all the others."""
    return any(not view.has_members(key) for key in view.group.affinity)


def _fitting(view: View) -> Array:
    """Return how many instances of this size each Cell can still take."""
    every = [view.free(name) // view.need(name) for name in RESOURCES if view.need(name)]
    return np.minimum.reduce(every) if every else np.full(len(view), np.iinfo(np.int64).max)


def _roomy(view: View) -> Bools | bool:
    if not _opens(view):
        return True
    return np.asarray(_fitting(view) >= view.group.needed)


def _roomy_words(view: View, index: int) -> str:
    if not _opens(view):
        return "nothing must stay together that is not yet"
    room = max(int(_fitting(view)[index]), 0)
    return f"room for {room} of the {view.group.needed} instances that must stay together"


def _apart(view: View) -> Bools | bool:
    held = [view.members(key) == 0 for key in sorted(view.group.anti_affinity)]
    return bool(not held) or np.asarray(np.logical_and.reduce(held), dtype=np.bool_)


def _apart_words(view: View, index: int) -> str:
    for key in sorted(view.group.anti_affinity):
        count = int(view.members(key)[index])
        if count:
            return f"{count} member{'s' if count > 1 else ''} of group {key!r} here already"
    return "no member of its group is here"


def _few(view: View) -> Bools | bool:
    limits = view.group.member_limits
    held = [view.members(key) < limits[key] for key in sorted(limits)]
    if view.group.max_per_cell is not None:
        held.append(view.here < view.group.max_per_cell)
    return bool(not held) or np.asarray(np.logical_and.reduce(held), dtype=np.bool_)


def _few_words(view: View, index: int) -> str:
    for key, most in sorted(view.group.member_limits.items()):
        count = int(view.members(key)[index])
        if count >= most:
            return f"{count} of group {key!r} here, at most {most}"
    limit = view.group.max_per_cell
    allowed = "any number" if limit is None else limit
    return f"{int(view.here[index])} of this request here, at most {allowed}"


FILTERS = (
    Filter("affinity", _together, _together_words),
    Filter("together", _roomy, _roomy_words),
    Filter("anti_affinity", _apart, _apart_words),
    Filter("max_per_cell", _few, _few_words),
)
