"""Filters on what an operator or the network says of a Cell."""

import numpy as np

from skep.core.scheduler.decision import Filter, View
from skep.core.scheduler.fleet.kinds import Bools


def _conflict(view: View, index: int) -> str:
    found = view.state.fleet.conflicts[view.at(index)]
    return f"quarantined: {found}" if found is not None else "its identity is its own"


def _enabled(view: View, index: int) -> str:
    if view.column("enabled")[index]:
        return "enabled"
    return "disabled; `skep cell enable` lets it take instances"


def _online(view: View, index: int) -> str:
    return (
        "online" if view.column("online")[index] else "offline; no announcement was heard from it"
    )


def _in_pool(view: View) -> Bools | bool:
    pool = view.state.request.pool
    return pool is None or view.having(f"pool:{pool}")


def _pool(view: View, index: int) -> str:
    own = view.state.fleet.traits.of["pool"][view.at(index)]
    return f"in pool {own!r}, {view.state.request.pool or 'any'!r} asked for"


def _is_pinned(view: View) -> Bools | bool:
    return not view.group.pinned or view.among(view.group.pinned)


def _pinned(view: View, index: int) -> str:
    if not view.group.pinned or view.among(view.group.pinned)[index]:
        return "among the Cells asked for"
    return f"not among the {len(view.group.pinned)} Cells asked for"


def _not_avoided(view: View) -> Bools | bool:
    return not view.group.avoided or np.logical_not(view.among(view.group.avoided))


def _avoided(view: View, index: int) -> str:
    if view.group.avoided and view.among(view.group.avoided)[index]:
        return "the request avoids it"
    return "not among the Cells to avoid"


FILTERS = (
    Filter("unambiguous", lambda view: ~view.column("conflicted"), _conflict, fixed=True),
    Filter("enabled", lambda view: view.column("enabled"), _enabled, fixed=True),
    Filter("online", lambda view: view.column("online"), _online, fixed=True),
    Filter("pool", _in_pool, _pool, fixed=True),
    Filter("pinned", _is_pinned, _pinned, fixed=True),
    Filter("avoided", _not_avoided, _avoided, fixed=True),
)
