"""The set-like facts of the Cells, row by row, and one column of bits for each of their tokens."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from skep.core.scheduler.fleet.kinds import Bools, Ints

# Each set-like fact, with the word that its tokens start with (`tag:ssd`).
TRAITS = {
    "pool": "pool",
    "architecture": "architecture",
    "cpu_models": "cpu_model",
    "firmwares": "firmware",
    "machines": "machine",
    "networks": "network",
    "vlans": "vlan",
    "tags": "tag",
    "labels": "label",
    "images": "image",
}
_FIRST = 64


class Coded(NamedTuple):
    """A fact of many Cells that have few different ones: those, and the number of each row's."""

    values: list[object]
    codes: Ints

    def rows(self) -> list[object]:
        """Return the fact of each row."""
        return [self.values[code] for code in self.codes.tolist()]


class Traits:
    """Rows of set-like facts. `of` has them by fact, then row; read only."""

    def __init__(self) -> None:
        self.of: dict[str, list[object]] = {name: [] for name in TRAITS}
        self._tokens: dict[str, Bools] = {}

    @classmethod
    def from_coded(cls, facts: Mapping[str, Coded]) -> "Traits":
        """Return the rows of whole columns."""
        traits = cls()
        for name in TRAITS:
            column = facts[name]
            traits.of[name] = column.rows()
            for token, holders in _holders(name, column.values).items():
                held = np.zeros(len(column.values), dtype=np.bool_)
                held[holders] = True
                bits = traits._tokens[token] = np.zeros(max(len(column.codes), _FIRST), np.bool_)
                bits[: len(column.codes)] = held[column.codes]
        return traits

    def __len__(self) -> int:
        return len(self.of["pool"])

    def having(self, token: str) -> Bools | None:
        """Return which rows have the token; None when none ever had it."""
        found = self._tokens.get(token)
        return None if found is None else found[: len(self)]

    def held(self, name: str) -> dict[str, Bools]:
        """Return which rows have each of the values of one fact that any row has, sorted."""
        word, size = f"{TRAITS[name]}:", len(self)
        every = sorted(token for token in self._tokens if token.startswith(word))
        columns = {token.removeprefix(word): self._tokens[token][:size] for token in every}
        return {value: column for value, column in columns.items() if column.any()}

    def append(self) -> None:
        """Add a row without any."""
        row = len(self)
        for each in self.of.values():
            each.append(None)
        for token, column in self._tokens.items():
            if row >= len(column):
                self._tokens[token] = np.concatenate([column, np.zeros_like(column)])
            self._tokens[token][row] = False

    def remove(self, row: int) -> None:
        """Take a row out; those behind it move up by one."""
        size = len(self)
        for column in self._tokens.values():
            column[row : size - 1] = column[row + 1 : size]
        for each in self.of.values():
            each.pop(row)

    def set(self, row: int, name: str, value: object) -> bool:
        """Set one fact of a row; return whether it is another one than before."""
        if isinstance(value, set | list | tuple):
            value = frozenset(value)
        old = self.of[name][row]
        if value == old:
            return False
        before, after = frozenset() if old is None else tokens(name, old), tokens(name, value)
        for token in before - after:
            self._tokens[token][row] = False
        for token in after - before:
            if token not in self._tokens:
                self._tokens[token] = np.zeros(max(len(self), _FIRST), dtype=np.bool_)
            self._tokens[token][row] = True
        self.of[name][row] = value
        return True

    def copy(self) -> "Traits":
        """Return independent rows."""
        twin = Traits()
        twin.of = {name: list(column) for name, column in self.of.items()}
        twin._tokens = {token: column.copy() for token, column in self._tokens.items()}
        return twin


def tokens(name: str, value: object) -> frozenset[str]:
    """Return the tokens that stand for one set-like fact: `tag:ssd`, `label:rack=3`."""
    word = TRAITS[name]
    if isinstance(value, str):
        return frozenset({f"{word}:{value}"})
    if isinstance(value, Mapping):
        return frozenset(f"{word}:{key}={each}" for key, each in value.items())
    if isinstance(value, frozenset | set | list | tuple):
        return frozenset(f"{word}:{each}" for each in value)
    raise TypeError(f"{name} can't be {type(value).__name__}")


def _holders(name: str, values: list[object]) -> dict[str, list[int]]:
    """Return which of the values have each token."""
    found: dict[str, list[int]] = {}
    for number, value in enumerate(values):
        for token in tokens(name, value):
            found.setdefault(token, []).append(number)
    return found
