"""The fleet: one array per number, one bit column per token, row order stable."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from skep.core.scheduler.fleet.kinds import Array, Bools, Ints
from skep.core.scheduler.fleet.row import FLAGS, FLOATS, INTEGERS, OTHERS, TRAITS, CellRow, tokens
from skep.domain.errors import SkepError

LOAD_WINDOW_S = 120.0
_DTYPES: dict[str, type] = {
    **dict.fromkeys(INTEGERS, np.int64),
    **dict.fromkeys(FLOATS, np.float64),
    **dict.fromkeys(FLAGS, np.bool_),
    "conflicted": np.bool_,
    "key": np.uint64,
}
_FIELDS = tuple(each.name for each in fields(CellRow) if each.name != "id")


@dataclass(eq=False)
class UnknownCellError(SkepError):
    """The fleet has no such Cell, or has it already."""

    code: ClassVar[str] = "unknown_cell"
    template: ClassVar[str] = "Cell {cell!r} is {problem} the fleet"
    cell: str
    problem: str


class Fleet:
    """Cells as arrays. Not safe for threads: guard it with a lock and plan on a `copy()`."""

    def __init__(self, cells: Iterable[CellRow] = ()) -> None:
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.names: list[str] = []
        self.conflicts: list[str | None] = []
        self.facts: list[object] = []
        self.values: list[dict[str, object]] = []
        self._columns: dict[str, Array] = {
            name: np.zeros(64, dtype) for name, dtype in _DTYPES.items()
        }
        self._tokens: dict[str, Bools] = {}
        self._by_name: Ints | None = None
        for cell in cells:
            self.add(cell)

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> Array:
        """Return one number of every Cell, in row order, to be read only."""
        return self._columns[name][: len(self)]

    def having(self, token: str) -> Bools | None:
        """Return which Cells have the token (`tag:ssd`); None when none ever had it."""
        found = self._tokens.get(token)
        return None if found is None else found[: len(self)]

    def by_name(self) -> Ints:
        """Return the rows in the order of names, then ids."""
        if self._by_name is None:
            pairs = sorted(zip(self.names, self.ids, range(len(self)), strict=True))
            self._by_name = np.array([row for _, _, row in pairs], dtype=np.int64)
        return self._by_name

    def add(self, cell: CellRow) -> None:
        """Append a Cell as the last row."""
        if cell.id in self.row_of:
            raise UnknownCellError(cell.id, "already in")
        row = len(self)
        self._reserve(row + 1)
        self.row_of[cell.id] = row
        self.ids.append(cell.id)
        for each in (self.names, self.conflicts, self.facts):
            each.append("")
        self.values.append({})
        for column in (*self._columns.values(), *self._tokens.values()):
            column[row] = 0
        self._columns["key"][row] = _key(cell.id)
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
            if name in FLAGS:
                self._columns[name][row] = bool(value)
            elif name in _DTYPES:
                self._columns[name][row] = _sane(name, value)
            elif name in TRAITS:
                self._set_trait(row, name, value)
            else:
                self._set_other(row, name, value)

    def remove(self, cell_id: str) -> None:
        """Take a Cell out; the rows behind it move up by one."""
        row, size = self._row(cell_id), len(self)
        for column in (*self._columns.values(), *self._tokens.values()):
            column[row : size - 1] = column[row + 1 : size]
        for each in (self.ids, self.names, self.conflicts, self.facts, self.values):
            each.pop(row)
        self.row_of = {cell: number for number, cell in enumerate(self.ids)}
        self._by_name = None

    def promise(
        self, cell_id: str, need: tuple[int, int, int], now: float, window_s: float = LOAD_WINDOW_S
    ) -> None:
        """Count one more instance of (cores, memory_mib, disk_gib) as promised since `now`.

        What was promised before has decayed until `now` over the policy's load window;
        exponential decay lets one number and one time stand for all earlier promises.
        """
        row, columns = self._row(cell_id), self._columns
        for name, amount in zip(("cores", "memory_mib", "disk_gib"), need, strict=True):
            columns[f"promised_{name}"][row] += amount
        columns["instances"][row] += 1
        age = max(now - float(columns["recent_at"][row]), 0.0)
        left = float(columns["recent_cores"][row]) * math.exp(-age / window_s)
        columns["recent_cores"][row], columns["recent_at"][row] = left + need[0], now

    def copy(self) -> "Fleet":
        """Return an independent fleet, for a plan or a what-if."""
        twin = Fleet()
        twin.ids, twin.row_of = list(self.ids), dict(self.row_of)
        twin.names, twin.conflicts = list(self.names), list(self.conflicts)
        twin.facts, twin.values = list(self.facts), [dict(each) for each in self.values]
        twin._columns = {name: column.copy() for name, column in self._columns.items()}
        twin._tokens = {token: column.copy() for token, column in self._tokens.items()}
        twin._by_name = self._by_name
        return twin

    def cell(self, cell_id: str) -> CellRow:
        """Return one Cell as it was fed in and patched since."""
        row = self._row(cell_id)
        numbers = {name: self._columns[name][row].item() for name in (*INTEGERS, *FLOATS, *FLAGS)}
        others = {"name": self.names[row], "conflict": self.conflicts[row]}
        every = {**numbers, **others, **self.values[row], "facts": self.facts[row]}
        return CellRow(id=cell_id, **every)

    def __iter__(self) -> Iterator[CellRow]:
        return (self.cell(each) for each in self.ids)

    def _row(self, cell_id: str) -> int:
        row = self.row_of.get(cell_id)
        if row is None:
            raise UnknownCellError(cell_id, "not in")
        return row

    def _set_trait(self, row: int, name: str, value: object) -> None:
        if isinstance(value, set | list | tuple):
            value = frozenset(value)
        old = tokens(name, self.values[row][name]) if name in self.values[row] else frozenset()
        new = tokens(name, value)
        for token in old - new:
            self._tokens[token][row] = False
        for token in new - old:
            if token not in self._tokens:
                self._tokens[token] = np.zeros(len(self._columns["cpus"]), dtype=np.bool_)
            self._tokens[token][row] = True
        self.values[row][name] = value

    def _set_other(self, row: int, name: str, value: object) -> None:
        if name not in OTHERS:
            raise TypeError(f"a Cell has no {name!r}")
        if name == "facts":
            self.facts[row] = value
        elif name == "name":
            self.names[row], self._by_name = str(value), None
        else:
            self.conflicts[row] = None if value is None else str(value)
            self._columns["conflicted"][row] = value is not None

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._columns["cpus"]):
            return
        for held in (self._columns, self._tokens):
            grown = {
                name: np.concatenate([column, np.zeros_like(column)])
                for name, column in held.items()
            }
            held.update(grown)


def _sane(name: str, value: object) -> float:
    if isinstance(value, int | float | np.number) and 0 <= value < math.inf:
        return value  # type: ignore[return-value]
    raise ValueError(f"{name} is {value!r}; a finite number of at least 0 is needed")


def _key(cell_id: str) -> int:
    """Return 64 bits that stand for the Cell in seeded permutations, whatever its row."""
    return int.from_bytes(hashlib.blake2b(cell_id.encode(), digest_size=8).digest(), "big")
