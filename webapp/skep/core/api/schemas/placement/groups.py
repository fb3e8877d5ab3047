"""What instances are asked for, in groups of one size."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from skep.core.api.schemas.fields import (
    COUNT_MAX,
    WORDS_MAX,
    Body,
    Cores,
    DiskGib,
    MemoryMib,
    Name,
    Reference,
    References,
    Whole,
)
from skep.core.api.schemas.instances import Instance
from skep.core.api.schemas.placement.flavors import Needs
from skep.core.api.schemas.runs import Accepted

GROUPS_MAX = 50
INSTANCES_MAX = 5000
Count = Annotated[Whole, Field(ge=1, le=COUNT_MAX)]


class Group(Body):
    """Instances of one size; count > 1 makes NAME-1 to NAME-count.

    A size that is left out is the flavor's; without a flavor 1 core, 512 MiB and the image's disk.
    `needs` come on top of the flavor's. `query` is a JSON list on facts of Cells. With `min_count`
    fewer than `count` may be made.
    """

    name: Name
    image: Reference
    count: Count = 1
    flavor: Reference | None = None
    cores: Cores | None = None
    memory_mib: MemoryMib | None = None
    disk_gib: DiskGib | None = None
    needs: Needs = Needs()
    instance_groups: Annotated[list[Reference], Field(max_length=WORDS_MAX)] = Field(
        default_factory=list
    )
    max_per_cell: Count | None = None
    cells: References = Field(default_factory=list)
    avoid_cells: References = Field(default_factory=list)
    query: list[Any] | None = None
    min_count: Count | None = None

    @field_validator("min_count")
    @classmethod
    def _within_count(cls, value: int | None, info: ValidationInfo) -> int | None:
        count = info.data.get("count", COUNT_MAX)
        if value is not None and value > count:
            raise ValueError(f"at most count, which is {count}")
        return value


def _bounded(groups: list[Group]) -> list[Group]:
    count = sum(each.count for each in groups)
    if count > INSTANCES_MAX:
        raise ValueError(f"{count} instances; at most {INSTANCES_MAX} in one request")
    return groups


Groups = Annotated[
    list[Group], Field(min_length=1, max_length=GROUPS_MAX), AfterValidator(_bounded)
]


class InstanceCreate(Group):
    """A group of instances, and the pool that they are placed in."""

    pool: Reference = "default"


class Placed(Accepted):
    """The run, the instances that it makes, and in words what of the request it does not."""

    reservation: str
    instances: list[Instance]
    shortfalls: list[str] = Field(default_factory=list)
