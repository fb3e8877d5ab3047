"""Cells: what an operator says of them, and how they are shown."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from skep.core.api.schemas.fields import (
    CORES_MAX,
    DISK_GIB_MAX,
    MEMORY_MIB_MAX,
    UNCHANGED,
    Body,
    Labels,
    Limit,
    ListAnswer,
    ListQuery,
    Reference,
    Tags,
    Timestamp,
    Whole,
)
from skep.domain.states import CellState, KvmState


class CellQuery(ListQuery):
    """Which Cells."""

    state: CellState | None = None
    pool: Reference | None = None


class CellAccept(Body):
    """The pool that the Cell joins."""

    pool: Reference = "default"


class ReserveChange(Body):
    """What is kept for the host itself; what is left out stays as it is."""

    cores: Annotated[Whole, Field(ge=0, le=CORES_MAX)] = UNCHANGED
    memory_mib: Annotated[Whole, Field(ge=0, le=MEMORY_MIB_MAX)] = UNCHANGED
    disk_gib: Annotated[Whole, Field(ge=0, le=DISK_GIB_MAX)] = UNCHANGED


class CellChange(Body):
    """What changes; `tags` and `labels` replace all that were there. No limit: null."""

    reserved: ReserveChange = UNCHANGED
    max_instances: Limit | None = UNCHANGED
    tags: Tags = UNCHANGED
    labels: Labels = UNCHANGED


class CellCapacity(BaseModel):
    """What a Cell has."""

    cpus: int
    memory_mib: int
    disk_gib: int


class Load(BaseModel):
    """What a Cell uses now."""

    load1: float
    memory_used_mib: int
    disk_used_gib: int
    domains: int


class Amounts(BaseModel):
    """What a Cell's instances may use, or what is kept for the host."""

    cores: int
    memory_mib: int
    disk_gib: int


class Cell(BaseModel):
    """A hypervisor."""

    id: str
    name: str
    fingerprint: str
    state: CellState
    enabled: bool
    pool: str | None
    address: str | None
    addresses: list[str]
    kvm: KvmState
    capacity: CellCapacity
    load: Load
    promised: Amounts
    reserved: Amounts
    max_instances: int | None
    tags: list[str]
    labels: dict[str, str]
    capabilities: dict[str, Any] = Field(
        description="architecture, cpu_models, firmwares, machines, networks, vlans; {} if unknown"
    )
    versions: dict[str, Any]
    conflict: str | None
    last_seen_at: Timestamp | None
    started_at: Timestamp | None
    generation: int


class CellList(ListAnswer):
    """One page of Cells."""

    items: list[Cell]
