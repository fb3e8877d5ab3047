"""What a filter or a weigher reads: some Cells, each as if more instances were planned on it."""

from functools import cached_property

import numpy as np

from skep.core.scheduler.decision.state import State
from skep.core.scheduler.fleet.kinds import Array, Bools, Floats, Ints, Rows
from skep.core.scheduler.policy import Scale
from skep.core.scheduler.request import Group

EVERY = slice(None)


class View:
    """Arrays of one length; element i is Cell `rows[i]` with `planned[i]` more of the group on it.

    One Cell may appear several times with different `planned`: that is how a whole batch is
    judged at once. Reads only; never writes into an array it returns.
    """

    def __init__(
        self, state: State, group: Group, rows: Rows = EVERY, planned: Ints | int = 0
    ) -> None:
        self.state, self.group, self.policy = state, group, state.policy
        self.rows, self.planned = rows, planned

    def __len__(self) -> int:
        return len(self.state.fleet) if isinstance(self.rows, slice) else len(self.rows)

    def column(self, name: str) -> Array:
        """Return a number of `CellRow` that planning does not change."""
        return self.state.fleet.column(name)[self.rows]

    def having(self, token: str) -> Bools | bool:
        """Return which Cells have the token (`tag:ssd`); False when none does."""
        found = self.state.fleet.having(token)
        return False if found is None else found[self.rows]

    def among(self, cells: frozenset[str]) -> Bools:
        """Return which Cells are in a set of ids."""
        return self.state.mask(cells)[self.rows]

    def members(self, key: str) -> Ints:
        """Return how many instances that count under the key are on each Cell."""
        return self._more(self.state.members[key], 1)

    def has_members(self, key: str) -> bool:
        """Say whether any Cell has a member before this group's planned ones."""
        return bool(self.state.members[key].any())

    def allowed(self, resource: str) -> Ints:
        """Return what may be promised at all: `cores`, `memory_mib` or `disk_gib`."""
        return self.state.allowed[resource][self.rows]

    def free(self, resource: str) -> Ints:
        """Return what may still be promised, before this instance."""
        return self._more(self.state.free[resource], -self.need(resource))

    def need(self, resource: str) -> int:
        """Return what one instance of the group takes."""
        return int(getattr(self.group.flavor, resource))

    @property
    def taken(self) -> int:
        """1 when weighers see the Cell with this instance on it, 0 when (as Nova) without."""
        return 1 if self.policy.scale is Scale.OWN else 0

    @cached_property
    def here(self) -> Ints:
        """Instances of this very group planned on each Cell, before this one."""
        return self._more(self.state.here, 1)

    @cached_property
    def instances(self) -> Ints:
        """Instances on each Cell, before this one."""
        return self._more(self.state.instances, 1)

    @cached_property
    def io_load(self) -> Ints:
        """Disk-heavy operations in flight, before this instance's creation."""
        return self._more(self.state.io_load, 1)

    @cached_property
    def load(self) -> Floats:
        """Load to expect on each Cell, before this instance.

        Planned cores are counted as integers, so that the sum never depends on their order.
        """
        planned = self._more(self.state.planned_cores, self.group.flavor.cores)
        return self.state.load[self.rows] + self.policy.load_per_core * planned

    @cached_property
    def memory_used(self) -> Ints:
        """Memory in use and planned, before this instance."""
        planned = self._more(self.state.planned_memory, self.group.flavor.memory_mib)
        return self.column("memory_used_mib") + planned

    def at(self, index: int) -> int:
        """Return the fleet's row of element `index`."""
        return index if isinstance(self.rows, slice) else int(self.rows[index])

    def _more(self, column: Ints, each: int) -> Array:
        seen = column[self.rows]
        if isinstance(self.planned, int) and self.planned == 0:
            return seen
        return seen + np.multiply(self.planned, each)
