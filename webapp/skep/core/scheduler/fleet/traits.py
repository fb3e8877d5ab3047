"""The set-like facts of the Cells, row by row, and one column of bits for each of their tokens."""

from collections.abc import Mapping
from typing import NamedTuple, Self

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
    """Rows of set-like facts. `of` has them by fact, then row; read only.

    Copies share columns of bits until one of them writes: labels may make very many of them.
    """

    def __init__(self) -> None:
        self.of: dict[str, list[object]] = {name: [] for name in TRAITS}
        self._tokens: dict[str, Bools] = {}
        self._owned: set[str] = set()

    @classmethod
    def from_columns(cls, coded: Mapping[str, Coded], held: Mapping[str, Bools]) -> Self:
        """Return the rows of whole columns; `held` says which rows hold each image."""
        traits = cls()
        for name, column in coded.items():
            traits.of[name] = column.rows()
            for token, holders in _holders(name, column.values).items():
                holds = np.zeros(len(column.values), dtype=np.bool_)
                holds[holders] = True
                traits._keep(token, holds[column.codes])
        images: list[list[str]] = [[] for _ in traits.of["pool"]]
        for image, bits in held.items():
            for row in np.flatnonzero(bits).tolist():
                images[row].append(image)
            traits._keep(f"{TRAITS['images']}:{image}", bits)
        traits.of["images"] = [frozenset(each) for each in images]
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
                self._owned.add(token)

    def remove(self, row: int) -> None:
        """Take a row out; those behind it move up by one."""
        size = len(self)
        for token in self._tokens:
            column = self._writable(token)
            column[row : size - 1] = column[row + 1 : size]
            column[size - 1] = False
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
            self._writable(token)[row] = False
        for token in after - before:
            self._writable(token)[row] = True
        self.of[name][row] = value
        return True

    def copy(self) -> "Traits":
        """Return independent rows."""
        twin = Traits()
        twin.of = {name: list(column) for name, column in self.of.items()}
        twin._tokens, self._owned = dict(self._tokens), set()
        return twin

    def _writable(self, token: str) -> Bools:
        if token not in self._owned:
            shared = self._tokens.get(token)
            own = np.zeros(max(len(self), _FIRST), np.bool_) if shared is None else shared.copy()
            self._tokens[token] = own
            self._owned.add(token)
        return self._tokens[token]

    def _keep(self, token: str, bits: Bools) -> None:
        self._tokens[token] = column = np.zeros(max(len(bits), _FIRST), dtype=np.bool_)
        column[: len(bits)] = bits


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
