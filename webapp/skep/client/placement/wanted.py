"""What a person asks of placement: sizes, needs, groups of instances, and what-ifs."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Wanted(BaseModel):
    """Base of what is asked. Only what differs from the Core's defaults is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def body(self) -> dict[str, Any]:
        """Return what is sent."""
        return self.model_dump(exclude_defaults=True)


class Needs(Wanted):
    """What a Cell has to offer. Labels are `key=value`."""

    kvm: bool = False
    architecture: str | None = None
    cpu_model: str | None = None
    firmware: str | None = None
    machine: str | None = None
    networks: list[str] = Field(default_factory=list)
    vlans: list[int] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    tags_forbidden: list[str] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=list)
    labels_forbidden: list[str] = Field(default_factory=list)


class GroupRequest(Wanted):
    """`name`, or `name-1` to `name-count`, all alike.

    A size that is None is the flavor's; without a flavor 1 core, 512 MiB and the image's disk.
    `needs` come on top of the flavor's. Fewer than `count` are accepted down to `min_count`.
    """

    name: str
    image: str
    count: int = 1
    flavor: str | None = None
    cores: int | None = None
    memory_mib: int | None = None
    disk_gib: int | None = None
    needs: Needs = Field(default_factory=Needs)
    instance_groups: list[str] = Field(default_factory=list)
    max_per_cell: int | None = None
    cells: list[str] = Field(default_factory=list)
    avoid_cells: list[str] = Field(default_factory=list)
    query: list[Any] | None = None
    min_count: int | None = None


class NewInstances(GroupRequest):
    """A request for instances of one group in one pool."""

    pool: str = "default"


class NewCell(Wanted):
    """`count` Cells that a preview imagines."""

    name: str
    cpus: int
    memory_mib: int
    disk_gib: int
    count: int = 1
    tags: list[str] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    kvm: bool = True


class PlacementRequest(Wanted):
    """Where would these go, with other Cells or another policy than there are?

    `explain` names the instance whose decision is told in full, with `limit` Cells; the first
    one unless set.
    """

    pool: str = "default"
    groups: list[GroupRequest]
    policy: str | None = None
    multipliers: dict[str, float] | None = None
    remove_cells: list[str] = Field(default_factory=list)
    add_cells: list[NewCell] = Field(default_factory=list)
    explain: str | None = None
    limit: int = 50
