"""Previews: where instances would go now, or with other Cells or another policy."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from skep.core.api.schemas.fields import (
    Body,
    CellName,
    Cores,
    DiskGib,
    Flag,
    Labels,
    MemoryMib,
    Multipliers,
    Name,
    Reference,
    References,
    Tags,
    Timestamp,
    Whole,
    Word,
)
from skep.core.api.schemas.placement.explanations import Explanation, Finding, Removed
from skep.core.api.schemas.placement.groups import Groups
from skep.domain.names import numbered

IMAGINED_MAX = 1000


class ImaginedCell(Body):
    """`count` Cells that are not there."""

    name: CellName
    cpus: Cores
    memory_mib: MemoryMib
    disk_gib: DiskGib
    count: Annotated[Whole, Field(ge=1, le=IMAGINED_MAX)] = 1
    tags: Tags = Field(default_factory=list)
    labels: Labels = Field(default_factory=dict)
    kvm: Flag = True


def _distinct(cells: list[ImaginedCell]) -> list[ImaginedCell]:
    names = [name for each in cells for name in numbered(each.name, each.count)]
    if len(names) > IMAGINED_MAX:
        raise ValueError(f"{len(names)} Cells; at most {IMAGINED_MAX} in one request")
    if len(set(names)) < len(names):
        raise ValueError("two Cells have one name; count > 1 makes NAME-1 to NAME-count")
    return cells


ImaginedCells = Annotated[
    list[ImaginedCell], Field(max_length=IMAGINED_MAX), AfterValidator(_distinct)
]


class PlacementCreate(Body):
    """A request that is only thought through.

    `policy` and `multipliers` take the place of the pool's. `explain` names the instance whose
    decision is told with `limit` Cells; the first one unless given.
    """

    pool: Reference = "default"
    groups: Groups
    policy: Word | None = None
    multipliers: Multipliers | None = None
    remove_cells: References = Field(default_factory=list)
    add_cells: ImaginedCells = Field(default_factory=list)
    explain: Name | None = None
    limit: Annotated[Whole, Field(ge=1, le=10_000)] = 50


class Assignment(BaseModel):
    """One instance to one Cell, with the score that won and the best one that did not."""

    instance: str
    cell: str
    score: float
    runner_up: str | None
    runner_up_score: float | None


class Share(BaseModel):
    """How many instances a Cell gets, or has room for."""

    cell: str
    count: int


class Closest(BaseModel):
    """The Cell that comes closest to taking one more, and what it lacks."""

    cell: str
    lacks: list[Finding]


class Shortfall(BaseModel):
    """A group of which fewer can be placed than asked for; fatal below its `min_count`."""

    instance: str
    asked: int
    placed: int
    fatal: bool
    removed: list[Removed]
    closest: Closest | None
    words: str


class Placement(BaseModel):
    """Where instances would go. Nothing was made; if not `feasible`, nothing would be."""

    feasible: bool
    policy: str
    seed: int
    decided_at: Timestamp
    assignments: list[Assignment]
    split: list[Share]
    shortfalls: list[Shortfall]
    decision: Explanation
