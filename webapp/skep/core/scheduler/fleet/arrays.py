"""The fleet: one array per number, one bit column per token, row order stable."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np

from skep.core.scheduler.fleet.columns import Columns, Derived
from skep.core.scheduler.fleet.kinds import Array, Bools, Ints
from skep.core.scheduler.fleet.row import FLAGS, FLOATS, INTEGERS, NUMBERS, VARYING, CellRow
from skep.core.scheduler.fleet.traits import TRAITS, Traits
from skep.domain.errors import SkepError

LOAD_WINDOW_S = 120.0
_DTYPES: dict[str, type] = {
    **dict.fromkeys(INTEGERS, np.int64),
    **dict.fromkeys(FLOATS, np.float64),
    **dict.fromkeys(FLAGS, np.bool_),
    "conflicted": np.bool_,
    "key": np.uint64,
}
Need = tuple[int, int, int]  # cores, memory_mib, disk_gib of one instance
_RESOURCES = ("cores", "memory_mib", "disk_gib")
_FIELDS = tuple(each.name for each in fields(CellRow) if each.name != "id")
_VARYING = frozenset(VARYING)
_FIRST = 64
# What tells facts apart: `==` does not tell 1 from true.
_TEXT = json.JSONEncoder(sort_keys=True, default=repr).encode


@dataclass(eq=False)
class UnknownCellError(SkepError):
    """The fleet has no such Cell, or has it already."""

    code: ClassVar[str] = "unknown_cell"
    template: ClassVar[str] = "Cell {cell!r} is {problem} the fleet"
    cell: str
    problem: str


class Fleet:
    """Cells as arrays. Not safe for threads: guard it with a lock and plan on a `copy()`.

    `derived` holds what was computed from facts that seldom change; it is replaced when one
    does, and copies share it until then.
    """

    def __init__(self, cells: Iterable[CellRow] = ()) -> None:
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.names: list[str] = []
        self.conflicts: list[str | None] = []
        self.facts: list[object] = []
        self.traits = Traits()
        self.derived = Derived()
        self._columns: dict[str, Array] = {
            name: np.zeros(_FIRST, dtype) for name, dtype in _DTYPES.items()
        }
        for cell in cells:
            self.add(cell)

    @classmethod
    def from_columns(cls, columns: Columns) -> Self:
        """Return a fleet of whole columns, as if its rows had been added one by one.

        Raises:
            UnknownCellError: two Cells have the same id.
            KeyError: a column is missing.
            ValueError: a number is negative, infinite or not a number, or a column is not as
                long as the others.
        """
        fleet, size = cls(), len(columns.ids)
        fleet.ids, fleet.names = list(columns.ids), list(columns.names)
        fleet.conflicts, fleet.facts = list(columns.conflicts), list(columns.facts)
        fleet.traits = Traits.from_columns(columns.traits, columns.images)
        fleet.row_of = {cell: row for row, cell in enumerate(fleet.ids)}
        if len(fleet.row_of) < size:
            raise UnknownCellError(Counter(fleet.ids).most_common(1)[0][0], "already in")
        conflicted = np.array([each is not None for each in fleet.conflicts], dtype=np.bool_)
        keys = np.array([_key(each) for each in fleet.ids], dtype=np.uint64)
        every = {name: columns.numbers[name] for name in NUMBERS}
        for name, column in {**every, "conflicted": conflicted, "key": keys}.items():
            fleet._columns[name] = _sane_column(name, column, size)
        lists: tuple[Sized, ...] = (fleet.names, fleet.facts, *fleet.traits.of.values())
        if any(len(each) != size for each in lists):
            raise ValueError(f"not every column has {size} Cells")
        return fleet

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> Array:
        """Return one number of every Cell, in row order, to be read only."""
        return self._columns[name][: len(self)]

    def having(self, token: str) -> Bools | None:
        """Return which Cells have the token (`tag:ssd`); None when none ever had it."""
        return self.traits.having(token)

    def by_name(self) -> Ints:
        """Return the rows in the order of names, then ids."""
        if self.derived.by_name is None:
            pairs = sorted(zip(self.names, self.ids, range(len(self)), strict=True))
            self.derived.by_name = np.array([row for _, _, row in pairs], dtype=np.int64)
        return self.derived.by_name

    def add(self, cell: CellRow) -> None:
        """Append a Cell as the last row."""
        if cell.id in self.row_of:
            raise UnknownCellError(cell.id, "already in")
        row = len(self)
        self._reserve(row + 1)
        self.row_of[cell.id] = row
        self.ids.append(cell.id)
        self.names.append("")
        self.conflicts.append(None)
        self.facts.append({})
        self.traits.append()
        for column in self._columns.values():
            column[row] = 0
        self._columns["key"][row] = _key(cell.id)
        self.derived = Derived()
        self.update(cell.id, **{name: getattr(cell, name) for name in _FIELDS})

    def update(self, cell_id: str, **changes: object) -> None:
        """Patch one Cell in place; the names are those of `CellRow`.

        Raises:
            UnknownCellError: no such Cell.
            ValueError: a number is negative, infinite or not a number.
            TypeError: no such fact.
        """
        row = self._row(cell_id)
        for name, value in changes.items():
            if name in _VARYING:
                self._columns[name][row] = _sane(name, value)
            elif name == "images":
                self.traits.set(row, name, value)
            elif self._set_seldom(row, name, value):
                self.derived = Derived()

    def remove(self, cell_id: str) -> None:
        """Take a Cell out; the rows behind it move up by one."""
        row, size = self._row(cell_id), len(self)
        for column in self._columns.values():
            column[row : size - 1] = column[row + 1 : size]
        for each in (self.ids, self.names, self.conflicts, self.facts):
            each.pop(row)
        self.traits.remove(row)
        self.row_of = {cell: number for number, cell in enumerate(self.ids)}
        self.derived = Derived()

    def promise(
        self, cell_id: str, need: Need, now: float, window_s: float = LOAD_WINDOW_S
    ) -> None:
        """Count one more instance of (cores, memory_mib, disk_gib) as promised since `now`."""
        self.promise_all([cell_id], [need], now, window_s)

    def promise_all(
        self,
        cells: Sequence[str],
        needs: Sequence[Need],
        now: float,
        window_s: float = LOAD_WINDOW_S,
    ) -> None:
        """Count one more instance on each of the Cells named, which may repeat.

        What was promised before has decayed until `now` over the policy's load window;
        exponential decay lets one number and one time stand for all earlier promises.
        """
        rows = np.array([self._row(each) for each in cells], dtype=np.int64)
        amounts, columns = np.array(needs, dtype=np.int64).reshape(-1, 3), self._columns
        for number, name in enumerate(_RESOURCES):
            np.add.at(columns[f"promised_{name}"], rows, amounts[:, number])
        np.add.at(columns["instances"], rows, 1)
        touched = np.unique(rows)
        age = np.maximum(now - columns["recent_at"][touched], 0.0)
        columns["recent_cores"][touched] *= np.exp(-age / window_s)
        columns["recent_at"][touched] = now
        np.add.at(columns["recent_cores"], rows, amounts[:, 0])

    def unpromise(self, cell_id: str, need: tuple[int, int, int]) -> None:
        """Count one instance less; its load fades by itself. Nothing falls below 0."""
        row = self._row(cell_id)
        for name, amount in zip(_RESOURCES, need, strict=True):
            column = self._columns[f"promised_{name}"]
            column[row] = max(int(column[row]) - amount, 0)
        instances = self._columns["instances"]
        instances[row] = max(int(instances[row]) - 1, 0)

    def copy(self) -> "Fleet":
        """Return an independent fleet, for a plan or a what-if."""
        twin = Fleet()
        twin.ids, twin.row_of = list(self.ids), dict(self.row_of)
        twin.names, twin.conflicts = list(self.names), list(self.conflicts)
        twin.facts, twin.traits = list(self.facts), self.traits.copy()
        twin._columns = {name: column.copy() for name, column in self._columns.items()}
        twin.derived = self.derived
        return twin

    def cell(self, cell_id: str) -> CellRow:
        """Return one Cell as it was fed in and patched since."""
        row = self._row(cell_id)
        every: dict[str, object] = {
            **{name: self._columns[name][row].item() for name in NUMBERS},
            **{name: column[row] for name, column in self.traits.of.items()},
        }
        others = {"name": self.names[row], "conflict": self.conflicts[row]}
        return CellRow(id=cell_id, facts=self.facts[row], **others, **every)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[CellRow]:
        return (self.cell(each) for each in self.ids)

    def _row(self, cell_id: str) -> int:
        row = self.row_of.get(cell_id)
        if row is None:
            raise UnknownCellError(cell_id, "not in")
        return row

    def _set_seldom(self, row: int, name: str, value: object) -> bool:
        """Set a fact that seldom changes; return whether it did."""
        if name in TRAITS:
            return self.traits.set(row, name, value)
        if name in NUMBERS:
            column = self._columns[name]
            old, column[row] = column[row], _sane(name, value)
            return bool(column[row] != old)
        if name == "facts":
            old, self.facts[row] = self.facts[row], value
            return old != value or _TEXT(old) != _TEXT(value)
        return self._set_word(row, name, value)

    def _set_word(self, row: int, name: str, value: object) -> bool:
        word = None if value is None else str(value)
        if name == "name" and word is not None:
            changed, self.names[row] = self.names[row] != word, word
        elif name == "conflict":
            changed, self.conflicts[row] = self.conflicts[row] != word, word
            self._columns["conflicted"][row] = word is not None
        else:
            raise TypeError(f"a Cell has no {name!r}")
        return changed

    def _reserve(self, rows: int) -> None:
        if rows > len(self._columns["cpus"]):
            for name, column in self._columns.items():
                self._columns[name] = np.concatenate([column, np.zeros_like(column)])


def _sane(name: str, value: object) -> float:
    if name in FLAGS:
        return bool(value)
    if isinstance(value, int | float | np.number) and 0 <= value < math.inf:
        return value  # type: ignore[return-value]
    raise ValueError(f"{name} is {value!r}; a finite number of at least 0 is needed")


def _sane_column(name: str, column: Array, size: int) -> Array:
    """Return the column in the fleet's type, with some room, all its numbers sane."""
    found: Array = np.zeros(max(size, _FIRST), dtype=_DTYPES[name])
    found[:size] = column
    if len(column) != size or not (np.isfinite(found).all() and (found >= 0).all()):
        raise ValueError(f"{name} needs {size} finite numbers of at least 0")
    return found


def _key(cell_id: str) -> int:
    """Return 64 bits that stand for the Cell in seeded permutations, whatever its row."""
    return int.from_bytes(hashlib.blake2b(cell_id.encode(), digest_size=8).digest(), "big")
