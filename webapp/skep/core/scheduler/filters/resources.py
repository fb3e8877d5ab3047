"""Filters on what is left: cores, memory, disk, instances, load."""

from collections.abc import Callable

import numpy as np

from skep.core.scheduler.decision import Filter, View
from skep.core.scheduler.fleet.kinds import Bools, Floats

_UNITS = {"cores": "cores", "memory_mib": "MiB memory", "disk_gib": "GiB disk"}


def _fits(resource: str) -> Callable[[View], Bools | bool]:
    return lambda view: view.free(resource) >= view.need(resource)


def _lacks(resource: str) -> Callable[[View], Floats]:
    def lack(view: View) -> Floats:
        need = view.need(resource)
        return np.maximum(need - view.free(resource), 0) / max(need, 1)

    return lack


def _left(resource: str) -> Callable[[View, int], str]:
    def reason(view: View, index: int) -> str:
        free = max(int(view.free(resource)[index]), 0)
        return f"{free} {_UNITS[resource]} free, {view.need(resource)} needed"

    return reason


def _processors(view: View, index: int) -> str:
    return f"{view.column('cpus')[index]} processors, {view.need('cores')} needed by one instance"


def _limit(view: View, index: int) -> int:
    """Return the Cell's own limit of instances or else the policy's; 0 is none."""
    return int(view.column("max_instances")[index]) or view.policy.max_instances or 0


def _room(view: View) -> Bools | bool:
    own = view.column("max_instances")
    usual = view.policy.max_instances
    if usual is None and not own.any():
        return True
    limit = np.where(own > 0, own, np.iinfo(np.int64).max if usual is None else usual)
    return np.asarray(view.instances < limit)


def _room_words(view: View, index: int) -> str:
    limit = _limit(view, index)
    return f"{int(view.instances[index])} instances of at most {limit or 'any number'}"


def _calm(view: View) -> Bools | bool:
    limit = view.policy.load_limit
    return limit is None or view.load <= limit * view.column("cpus")


def _calm_words(view: View, index: int) -> str:
    load, cpus = float(view.load[index]), int(view.column("cpus")[index])
    limit = "any" if view.policy.load_limit is None else f"{view.policy.load_limit * cpus:.2f}"
    return f"load {load:.2f} on {cpus} processors, at most {limit} allowed"


def _calm_lack(view: View) -> Floats:
    limit = (view.policy.load_limit or 0.0) * np.maximum(view.column("cpus"), 1)
    return np.maximum(view.load - limit, 0.0) / np.maximum(limit, 1.0)


def _quiet(view: View) -> Bools | bool:
    return view.policy.io_limit is None or view.io_load < view.policy.io_limit


def _quiet_words(view: View, index: int) -> str:
    limit = view.policy.io_limit
    return (
        f"{int(view.io_load[index])} disk operations in flight, fewer than {limit or 'any'} allowed"
    )


FILTERS = (
    Filter(
        "processors",
        lambda view: view.column("cpus") >= view.need("cores"),
        _processors,
        fixed=True,
    ),
    *(Filter(name.split("_")[0], _fits(name), _left(name), _lacks(name)) for name in _UNITS),
    Filter("instances", _room, _room_words),
    Filter("load", _calm, _calm_words, _calm_lack),
    Filter("io", _quiet, _quiet_words),
)
