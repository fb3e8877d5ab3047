"""Why an instance is on its Cell: every Cell's filters and scores at that moment."""

from datetime import datetime
from typing import Any

from pydantic import Field

from skep.client.transport import Model


class Removed(Model):
    """How many Cells a filter removed."""

    filter: str
    count: int


class Finding(Model):
    """What a filter found about a Cell, with the numbers."""

    filter: str
    reason: str


class Part(Model):
    """One weigher's part of a score: `weighted` = `multiplier` x `normalised`."""

    weigher: str
    raw: float | None = None
    unit: str = ""
    normalised: float | None = None
    multiplier: float | None = None
    weighted: float


class Verdict(Model):
    """What the scheduler thought of one Cell: rank and score, or the filters that refused it."""

    cell: str
    accepted: bool
    rank: int | None = None
    score: float | None = None
    parts: list[Part] = Field(default_factory=list)
    checks: list[Finding] = Field(default_factory=list)
    refusals: list[Finding] = Field(default_factory=list)
    rejected_by: str | None = None
    reason: str | None = None


class Explanation(Model):
    """One decision. `cells` may be cut; `accepted` and `removed` count all Cells."""

    instance: str = ""
    cell: str | None = None
    flavor: Any = None
    policy: Any = None
    seed: int | None = None
    tie: str = ""
    accepted: int = 0
    removed: list[Removed] = Field(default_factory=list)
    cells: list[Verdict] = Field(default_factory=list)
    decided_at: datetime | None = None

    @property
    def total(self) -> int:
        """How many Cells were looked at."""
        return self.accepted + sum(each.count for each in self.removed)
