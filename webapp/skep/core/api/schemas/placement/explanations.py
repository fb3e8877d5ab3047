"""Why an instance is where it is: how every Cell stood at that moment."""

from pydantic import BaseModel, ConfigDict, Field

from skep.core.api.schemas.fields import Body, Timestamp


class ExplanationQuery(Body):
    """How many Cells are told of."""

    limit: int = Field(default=200, ge=1, le=10_000)


class Size(BaseModel):
    """The size that was placed."""

    cores: int
    memory_mib: int
    disk_gib: int


class PolicyUsed(BaseModel):
    """The policy by its name, with all that it says."""

    model_config = ConfigDict(extra="allow")
    name: str


class Removed(BaseModel):
    """How many Cells a filter removed, of those that the filters before it had left."""

    filter: str
    count: int


class Finding(BaseModel):
    """What a filter found about a Cell, with the numbers."""

    filter: str
    reason: str


class Part(BaseModel):
    """One weigher's part of a score: `weighted` = `multiplier` x `normalised`."""

    weigher: str
    raw: float
    unit: str
    normalised: float
    multiplier: float
    weighted: float


class Verdict(BaseModel):
    """One Cell: rank and score, or every filter that refused it; the first of them counts."""

    cell: str
    rank: int | None
    accepted: bool
    score: float | None
    parts: list[Part]
    checks: list[Finding]
    refusals: list[Finding]
    rejected_by: str | None
    reason: str | None


class Explanation(BaseModel):
    """One decision. `cells` may be cut, the chosen one is first; the counts are of all Cells."""

    instance: str
    cell: str | None
    flavor: Size
    policy: PolicyUsed
    seed: int
    tie: str
    accepted: int
    removed: list[Removed]
    cells: list[Verdict]
    decided_at: Timestamp
