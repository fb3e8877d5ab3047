"""The zone at a glance, and which events a stream shows."""

from pydantic import BaseModel, Field

from skep.core.api.schemas.fields import Body, Reference


class EventQuery(Body):
    """From where, and of which run."""

    after: int | None = Field(default=None, ge=0, le=2**62)
    run: Reference | None = None


class Zone(BaseModel):
    """The communicate domain."""

    name: str
    group: str
    port: int


class Discovery(BaseModel):
    """What the listener heard."""

    received: int
    dropped: dict[str, int]


class Status(BaseModel):
    """The zone at a glance."""

    version: str
    zone: Zone
    core_id: str
    fingerprint: str
    database: str
    discovery: Discovery
    cells: dict[str, int]
    instances: dict[str, int]
    runs: dict[str, int]


class Health(BaseModel):
    """The Core answers."""

    status: str
