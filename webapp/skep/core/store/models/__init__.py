"""The tables. Units are in the names; states are spelled as in skep.domain.states."""

from skep.core.store.base import Base
from skep.core.store.models.access import IdempotencyKey, Token
from skep.core.store.models.cells import Cell, Pool
from skep.core.store.models.images import Image, ImageCopy
from skep.core.store.models.instances import (
    Flavor,
    Instance,
    InstanceGroup,
    InstanceGroupMember,
    Plan,
    Reservation,
    Roster,
)
from skep.core.store.models.runs import Event, Outcome, Run

__all__ = [
    "Base",
    "Cell",
    "Event",
    "Flavor",
    "IdempotencyKey",
    "Image",
    "ImageCopy",
    "Instance",
    "InstanceGroup",
    "InstanceGroupMember",
    "Outcome",
    "Plan",
    "Pool",
    "Reservation",
    "Roster",
    "Run",
    "Token",
]
