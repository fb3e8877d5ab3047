"""Instances."""

from pydantic import BaseModel, Field

from skep.core.api.schemas.fields import (
    REFS_MAX,
    Body,
    Flag,
    ListAnswer,
    ListQuery,
    Reference,
    Timestamp,
)
from skep.domain.states import InstanceState


class InstanceQuery(ListQuery):
    """Which instances; `q` is a part of the name."""

    pool: Reference | None = None
    cell: Reference | None = None
    state: InstanceState | None = None
    q: Reference | None = None
    reservation: Reference | None = None


class LogQuery(Body):
    """How much of the end of a log."""

    max_bytes: int = Field(default=65536, ge=1, le=2**20)


class InstanceRefs(Body):
    """Names or ids."""

    instances: list[Reference] = Field(min_length=1, max_length=REFS_MAX)


class InstanceStop(InstanceRefs):
    """`force` pulls the plug instead of asking the guest."""

    force: Flag = False


class InstanceMigrate(InstanceRefs):
    """The Cell to migrate to; without it each instance goes where it fits best."""

    cell: Reference | None = None


class Reason(BaseModel):
    """Why an instance is as it is."""

    code: str
    msg: str | None


class Instance(BaseModel):
    """What a user owns."""

    id: str
    name: str
    state: InstanceState
    cell: str | None
    pool: str
    image: str
    flavor: str | None
    cores: int
    memory_mib: int
    disk_gib: int
    owner: str
    reservation: str
    reason: Reason | None
    run: str | None
    created_at: Timestamp
    updated_at: Timestamp
    generation: int


class InstanceList(ListAnswer):
    """One page of instances."""

    items: list[Instance]
