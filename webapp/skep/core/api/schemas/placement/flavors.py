"""Flavors, and what instances need of their Cells."""

from typing import Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from skep.core.api.schemas.fields import (
    UNCHANGED,
    Body,
    Cores,
    DiskGib,
    Flag,
    Label,
    ListAnswer,
    MemoryMib,
    Pairs,
    Tags,
    Timestamp,
    Vlans,
    Word,
    Words,
)


class Needs(Body):
    """What a Cell must be able to do, must have and must not have; what is left out is not asked.

    Labels are written `key=value`.
    """

    kvm: Flag = False
    architecture: Word | None = None
    cpu_model: Word | None = None
    firmware: Word | None = None
    machine: Word | None = None
    networks: Words = Field(default_factory=list)
    vlans: Vlans = Field(default_factory=list)
    tags: Tags = Field(default_factory=list)
    tags_forbidden: Tags = Field(default_factory=list)
    labels: Pairs = Field(default_factory=list)
    labels_forbidden: Pairs = Field(default_factory=list)

    @model_serializer(mode="wrap")
    def _asked(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Show only what asks for something, so that equal needs are equal documents."""
        return {name: value for name, value in handler(self).items() if value}


class FlavorCreate(Body):
    """A named size; without `disk_gib` as large as the image."""

    name: Label
    cores: Cores
    memory_mib: MemoryMib
    disk_gib: DiskGib | None = None
    needs: Needs = Needs()


class FlavorChange(Body):
    """What changes; `needs` replaces all that was needed before. Instances keep their size."""

    cores: Cores = UNCHANGED
    memory_mib: MemoryMib = UNCHANGED
    disk_gib: DiskGib | None = UNCHANGED
    needs: Needs = UNCHANGED


class Flavor(BaseModel):
    """A named size, and what its Cells must be able to do."""

    id: str
    name: str
    cores: int
    memory_mib: int
    disk_gib: int | None
    needs: Needs
    created_at: Timestamp
    generation: int


class FlavorList(ListAnswer):
    """One page of flavors."""

    items: list[Flavor]
