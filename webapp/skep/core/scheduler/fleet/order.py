"""Permutations of Cells that depend on the seed and the Cells' ids, never on their rows."""

import numpy as np

from skep.core.scheduler.fleet.arrays import Fleet
from skep.core.scheduler.fleet.kinds import Ints, Keys

_MASK = (1 << 64) - 1
_STEP, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mixed(seed: int, value: int) -> int:
    """Return 64 bits that look random: splitmix64 (Steele, Lea, Flood 2014) of seed and value."""
    word = ((seed & _MASK) * _STEP + (value ^ _FIRST)) & _MASK
    word = ((word ^ (word >> 30)) * _FIRST) & _MASK
    word = ((word ^ (word >> 27)) * _SECOND) & _MASK
    return word ^ (word >> 31)


def mixed_keys(seed: int, keys: Keys) -> Keys:
    """Return `mixed` of every key."""
    word = (keys ^ np.uint64(_FIRST)) + np.uint64((seed & _MASK) * _STEP & _MASK)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_FIRST)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(_SECOND)
    return word ^ (word >> np.uint64(31))


def seeded(fleet: Fleet, seed: int) -> Ints:
    """Return the rows in the seed's order: equal Cells win in turn, not always the first one."""
    return np.argsort(mixed_keys(seed, fleet.column("key")), kind="stable")


def after(fleet: Fleet, cell_id: str | None) -> Ints:
    """Return the rows by name, starting behind the given Cell; from the first without one."""
    rows = fleet.by_name()
    if cell_id is None or cell_id not in fleet.row_of:
        return rows
    place = int(np.flatnonzero(rows == fleet.row_of[cell_id])[0])
    return np.roll(rows, -(place + 1))
