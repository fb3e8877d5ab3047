"""Reservations: requests for instances in groups, and what became of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from skep.core.api.schemas.fields import Body, ListAnswer, Reference, Timestamp
from skep.core.api.schemas.instances import Reason
from skep.core.api.schemas.placement.groups import Groups
from skep.core.api.schemas.runs import Accepted, Run
from skep.domain.states import InstanceState


class ReservationState(StrEnum):
    """What became of the instances as a whole."""

    PENDING = "pending"
    READY = "ready"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELED = "canceled"
    GONE = "gone"


class ReservationCreate(Body):
    """Groups that are placed as a whole in one pool; without `name` that of the first group."""

    pool: Reference = "default"
    groups: Groups
    name: Annotated[Reference, Field(max_length=64)] | None = None


class Reservation(BaseModel):
    """One request, and how many of its instances are in which state."""

    id: str
    name: str
    count: int
    actor: str
    pool: str | None
    created_at: Timestamp
    state: ReservationState
    states: dict[InstanceState, int]


class ReservedInstance(BaseModel):
    """One instance of a reservation."""

    id: str
    name: str
    state: InstanceState
    cell: str | None
    reason: Reason | None


class ReservationDetail(Reservation):
    """A reservation with its instances and the runs that worked on their creation."""

    instances: list[ReservedInstance]
    runs: list[str]


class ReservationList(ListAnswer):
    """One page of reservations."""

    items: list[Reservation]


class Canceled(Accepted):
    """The runs that were asked to end, `run` the first of them."""

    runs: list[Run]
