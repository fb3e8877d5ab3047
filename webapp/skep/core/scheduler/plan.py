"""The scheduler's answer: assignments, and why something could not be placed."""

from dataclasses import dataclass
from typing import NamedTuple

from skep.core.scheduler.policy import Policy
from skep.core.scheduler.request import Request


class Assignment(NamedTuple):
    """One instance to one Cell, with the score that won and the best one that did not."""

    instance: str
    group: int
    cell_id: str
    cell: str
    score: float
    runner_up: str | None
    runner_up_score: float | None


@dataclass(frozen=True)
class Closest:
    """The Cell that comes closest to taking one more instance, and what it lacks."""

    cell_id: str
    cell: str
    lacks: tuple[tuple[str, str], ...]
    """(filter, reason with numbers) of every filter that refuses it."""


@dataclass(frozen=True)
class Shortfall:
    """A group of which fewer were placed than asked for, with the Cells as they were then.

    `removed` says how many Cells each filter removed, in the filters' order; the numbers add up
    to `cells`. `fatal` is True when less than the group's `min_count` was possible.
    """

    group: int
    instance: str
    asked: int
    placed: int
    fatal: bool
    cells: int
    removed: tuple[tuple[str, int], ...]
    closest: Closest | None

    def words(self) -> str:
        """Return the shortfall as a sentence."""
        if self.closest is None:
            return f"{self.instance}: there is no Cell at all; `skep cell accept` adds one"
        counts = ", ".join(f"{name} {count}" for name, count in self.removed)
        lacks = "; ".join(reason for _, reason in self.closest.lacks)
        return (
            f"{self.instance}: {self.placed} of {self.asked} placed, none of {self.cells} Cells "
            f"takes one more (removed by {counts}); closest is {self.closest.cell}: {lacks}"
        )


@dataclass(frozen=True)
class Plan:
    """The whole answer. `assignments` is empty when a group fell below its `min_count`.

    `tried` is what had been placed when planning ended; it differs from `assignments` only then.

    Equal inputs give equal plans. `turn` is the Cell chosen last, for the next round-robin.
    """

    request: Request
    policy: Policy
    now: float
    assignments: tuple[Assignment, ...]
    shortfalls: tuple[Shortfall, ...]
    turn: str | None
    tried: tuple[Assignment, ...]

    @property
    def feasible(self) -> bool:
        """Whether every group got at least its `min_count`."""
        return not any(each.fatal for each in self.shortfalls)
