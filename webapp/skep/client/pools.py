"""Pools: groups of Cells that instances are placed in."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from skep.client.transport import Model, Transport, read, segment


class Pool(Model):
    """One pool. Overcommit is what may be promised per unit that its Cells have."""

    id: str = ""
    name: str
    cells: int = 0
    instances: int = 0
    cores_overcommit: float = 3.0
    memory_overcommit: float = 1.0
    disk_overcommit: float = 1.0
    created_at: datetime | None = None
    generation: int | None = None


class Pools:
    """The pools of the zone."""

    path: ClassVar[str] = "/pools"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[Pool]:
        """Yield the pools."""
        for item in self._transport.items(self.path, {}, limit):
            yield read(Pool, item, self.path)

    def get(self, name: str) -> Pool:
        """Return one pool."""
        path = f"{self.path}/{segment('pool', name)}"
        return read(Pool, self._transport.get(path), path)

    def create(self, name: str, **overcommit: float) -> Pool:
        """Create an empty pool; `cores_overcommit`, `memory_overcommit`, `disk_overcommit`."""
        return read(Pool, self._transport.post(self.path, {"name": name, **overcommit}), self.path)

    def delete(self, name: str) -> None:
        """Delete a pool that has neither Cells nor instances."""
        self._transport.delete(f"{self.path}/{segment('pool', name)}")
