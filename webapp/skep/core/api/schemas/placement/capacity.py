"""Capacity: how many more instances fit."""

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from skep.core.api.schemas.fields import (
    CORES_MAX,
    DISK_GIB_MAX,
    MEMORY_MIB_MAX,
    Body,
    Reference,
)
from skep.core.api.schemas.placement.placements import Share


class CapacityQuery(Body):
    """Of which size: a flavor's, or `cores` and `memory_mib`, or else every flavor's.

    `disk_gib` is the disk of the size, or of flavors whose disk is as large as the image's.
    """

    pool: Reference = "default"
    cores: int | None = Field(default=None, ge=1, le=CORES_MAX)
    memory_mib: int | None = Field(default=None, ge=1, le=MEMORY_MIB_MAX, validate_default=True)
    disk_gib: int = Field(default=1, ge=1, le=DISK_GIB_MAX)
    flavor: Reference | None = None

    @field_validator("memory_mib")
    @classmethod
    def _with_cores(cls, value: int | None, info: ValidationInfo) -> int | None:
        if "cores" in info.data and (value is None) != (info.data["cores"] is None):
            raise ValueError("cores and memory_mib make a size only together")
        return value

    @field_validator("flavor")
    @classmethod
    def _without_size(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("cores") is not None:
            raise ValueError("a flavor has its size; leave out either it or cores and memory_mib")
        return value


class Room(BaseModel):
    """Room for one size, now and after the loss that hurts most.

    `displaced` is what is promised on `worst_cell`, counted in instances of this size;
    `survives` says whether that fits elsewhere.
    """

    flavor: str | None
    cores: int
    memory_mib: int
    disk_gib: int
    now: int
    after_loss: int
    survives: bool
    worst_cell: str | None
    displaced: int
    cells: list[Share]


class Capacity(BaseModel):
    """What a pool has room for."""

    pool: str
    items: list[Room]
