"""Pools and their policies."""

from typing import Annotated

from pydantic import BaseModel, Field

from skep.core.api.schemas.fields import (
    UNCHANGED,
    Body,
    Factor,
    Label,
    Limit,
    ListAnswer,
    Multipliers,
    Number,
    Timestamp,
    Word,
)

LoadLimit = Annotated[Number, Field(gt=0, le=1000)]


class PoolCreate(Body):
    """A pool, how much its Cells may promise as a multiple of what they have, and its policy.

    `multipliers` change those of the named policy. Limits are for each Cell; null is no limit.
    """

    name: Label
    cores_overcommit: Factor = 3.0
    memory_overcommit: Factor = 1.0
    disk_overcommit: Factor = 1.0
    policy: Word = "spread"
    multipliers: Multipliers = Field(default_factory=dict)
    load_limit: LoadLimit | None = None
    io_limit: Limit | None = None
    max_instances: Limit | None = None


class PoolChange(Body):
    """What changes; `multipliers` replaces all that were set before. No limit: null."""

    cores_overcommit: Factor = UNCHANGED
    memory_overcommit: Factor = UNCHANGED
    disk_overcommit: Factor = UNCHANGED
    policy: Word = UNCHANGED
    multipliers: Multipliers = UNCHANGED
    load_limit: LoadLimit | None = UNCHANGED
    io_limit: Limit | None = UNCHANGED
    max_instances: Limit | None = UNCHANGED


class Pool(BaseModel):
    """A set of Cells with one placement policy."""

    id: str
    name: str
    cells: int
    instances: int
    cores_overcommit: float
    memory_overcommit: float
    disk_overcommit: float
    policy: str
    multipliers: dict[str, float]
    effective_multipliers: dict[str, float]
    load_limit: float | None
    io_limit: int | None
    max_instances: int | None
    created_at: Timestamp
    generation: int


class PoolList(ListAnswer):
    """One page of pools."""

    items: list[Pool]
