"""Previews: what placement would answer now, without anything being made."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from skep.client.placement.explanations import Explanation, Finding, Removed
from skep.client.placement.wanted import PlacementRequest
from skep.client.transport import Model, Transport, read


class Assignment(Model):
    """One instance to one Cell, with the score that won and the best one that did not."""

    instance: str
    cell: str
    score: float | None = None
    runner_up: str | None = None
    runner_up_score: float | None = None


class Share(Model):
    """How many instances a Cell gets, or has room for."""

    cell: str
    count: int


class Closest(Model):
    """The Cell that comes closest to taking one more, and what it lacks."""

    cell: str
    lacks: list[Finding] = Field(default_factory=list)


class Shortfall(Model):
    """A group of which fewer can be placed than asked; `fatal` below its `min_count`."""

    instance: str
    asked: int
    placed: int
    fatal: bool
    removed: list[Removed] = Field(default_factory=list)
    closest: Closest | None = None
    words: str = ""


class Preview(Model):
    """What placement would answer. Without `feasible` nothing would be made."""

    feasible: bool
    policy: Any = None
    seed: int | None = None
    decided_at: datetime | None = None
    assignments: list[Assignment] = Field(default_factory=list)
    split: list[Share] = Field(default_factory=list)
    shortfalls: list[Shortfall] = Field(default_factory=list)
    decision: Explanation | None = None


class Placements:
    """Questions to placement."""

    path: ClassVar[str] = "/placements"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def preview(self, asked: PlacementRequest | Mapping[str, Any]) -> Preview:
        """Return where instances would go; `asked` may be a document as the API has it."""
        body = asked.body() if isinstance(asked, PlacementRequest) else asked
        return read(Preview, self._transport.post(self.path, body), self.path)
