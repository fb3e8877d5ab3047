"""A whole fleet as columns, and what is computed from those that seldom change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from skep.core.scheduler.fleet.kinds import Array, Bools, Ints
from skep.core.scheduler.fleet.traits import Coded


@dataclass(frozen=True)
class Columns:
    """Every fact of `CellRow`, column by column, all in the same order of Cells."""

    ids: Sequence[str]
    names: Sequence[str]
    conflicts: Sequence[str | None]
    facts: Sequence[object]
    numbers: Mapping[str, Array]
    traits: Mapping[str, Coded]
    """All but the images."""
    images: Mapping[str, Bools]
    """Which Cells hold each image that any of them does."""


class Roster(NamedTuple):
    """The facts that seldom change as bytes, their digest, and the rows in the bytes' order."""

    content: bytes
    digest: str
    order: Ints


@dataclass
class Derived:
    """What was computed already."""

    by_name: Ints | None = None
    roster: Roster | None = None
