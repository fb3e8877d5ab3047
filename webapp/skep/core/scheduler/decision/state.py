"""Virtual depletion: the fleet's changing columns as if the plan so far were recorded."""

import numpy as np

from skep.core.scheduler.fleet import Fleet
from skep.core.scheduler.fleet.kinds import Bools, Floats, Ints
from skep.core.scheduler.policy import Policy
from skep.core.scheduler.request import Group, Request

RESOURCES = ("cores", "memory_mib", "disk_gib")
_STEPS = 1024.0


class State:
    """What is free and who is where, after the instances planned so far."""

    def __init__(self, fleet: Fleet, request: Request, policy: Policy, now: float) -> None:
        self.fleet, self.request, self.policy = fleet, request, policy
        size = len(fleet)
        self.allowed: dict[str, Ints] = _allowed(fleet, policy)
        self.free: dict[str, Ints] = {
            name: allowed - fleet.column(f"promised_{name}")
            for name, allowed in self.allowed.items()
        }
        self.instances: Ints = fleet.column("instances").copy()
        self.load: Floats = _load(fleet, policy, now)
        self.here: Ints = np.zeros(size, dtype=np.int64)
        self.planned_cores: Ints = np.zeros(size, dtype=np.int64)
        self.planned_memory: Ints = np.zeros(size, dtype=np.int64)
        self.io_load: Ints = fleet.column("io_load").copy()
        self.kept: dict[object, tuple[Ints, Ints]] = {}
        self.facts: dict[str, list[object]] = {}
        self.members: dict[str, Ints] = {}
        self._masks: dict[frozenset[str], Bools] = {}
        for key in {key for group in request.groups for key in group.keys}:
            self.members[key] = _spread(request.members.get(key, {}), fleet, size)

    def begin(self) -> None:
        """Start counting a new group's own instances."""
        self.here = np.zeros(len(self.fleet), dtype=np.int64)

    def apply(self, group: Group, rows: Ints) -> None:
        """Count the group's instances on these rows; a row may appear many times."""
        where, count = np.unique(rows, return_counts=True)
        for name in RESOURCES:
            self.free[name][where] -= count * getattr(group.flavor, name)
        self.planned_cores[where] += count * group.flavor.cores
        self.planned_memory[where] += count * group.flavor.memory_mib
        for column in (self.here, self.instances, self.io_load):
            column[where] += count
        for key in group.keys:
            self.members[key][where] += count

    def mask(self, cells: frozenset[str]) -> Bools:
        """Return which rows are these Cells."""
        found = self._masks.get(cells)
        if found is None:
            found = np.zeros(len(self.fleet), dtype=np.bool_)
            found[[self.fleet.row_of[each] for each in cells if each in self.fleet.row_of]] = True
            self._masks[cells] = found
        return found


def _allowed(fleet: Fleet, policy: Policy) -> dict[str, Ints]:
    """Return what may be promised at all: (capacity - reserve) x overcommit, rounded down."""
    every = zip(
        RESOURCES,
        ("cpus", "memory_mib", "disk_gib"),
        (policy.cores_overcommit, policy.memory_overcommit, policy.disk_overcommit),
        strict=True,
    )
    return {
        name: np.floor(
            (fleet.column(capacity) - fleet.column(f"reserved_{name}")) * overcommit
        ).astype(np.int64)
        for name, capacity, overcommit in every
    }


def _load(fleet: Fleet, policy: Policy, now: float) -> Floats:
    """Return the load to expect: the 1-minute figure and what it can't show yet.

    A constant load that began t seconds ago shows in the kernel's figure as 1 - exp(-t/60), so
    what is still unseen fades the same way; the window is longer since a guest boots first.
    Rounded, since the last bits of exp() differ between processors and would end ties there.
    """
    age = np.maximum(now - fleet.column("recent_at"), 0.0)
    unseen = fleet.column("recent_cores") * np.exp(-age / policy.load_window_s)
    return fleet.column("load1") + policy.load_per_core * np.rint(unseen * _STEPS) / _STEPS


def _spread(counts: object, fleet: Fleet, size: int) -> Ints:
    column = np.zeros(size, dtype=np.int64)
    for cell, count in dict(counts).items():  # type: ignore[call-overload]
        row = fleet.row_of.get(cell)
        if row is not None:
            column[row] = count
    return column
