"""Capacity: how many more instances of a size fit, now and after losing a Cell."""

from typing import ClassVar

from pydantic import Field

from skep.client.placement.placements import Share
from skep.client.transport import Model, Transport, read


class Room(Model):
    """Room for one size. `survives`: what was promised fits without any one of the Cells (N+1).

    `worst_cell` is the Cell whose loss leaves the least, `displaced` what is promised on it,
    counted in instances of this size.
    """

    flavor: str | None = None
    cores: int = 0
    memory_mib: int = 0
    disk_gib: int | None = None
    now: int
    after_loss: int
    survives: bool
    worst_cell: str | None = None
    displaced: int = 0
    cells: list[Share] = Field(default_factory=list)


class Capacity(Model):
    """What a pool has room for."""

    pool: str
    items: list[Room] = Field(default_factory=list)


class Capacities:
    """Questions about room."""

    path: ClassVar[str] = "/capacity"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def of(self, pool: str, **size: str | int | None) -> Capacity:
        """Return a pool's room: for `flavor`, for `cores memory_mib disk_gib`, or each flavor."""
        answer = self._transport.get(self.path, {"pool": pool, **size})
        return read(Capacity, answer, self.path)
