"""Pools: groups of Cells that instances are placed in."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from skep.client.transport import Model, Transport, read, segment


class Pool(Model):
    """One pool. Overcommit is what may be promised per unit that its Cells have.

    `effective_multipliers` are those of the policy, changed by `multipliers`. Limits are per Cell.
    """

    id: str = ""
    name: str
    cells: int = 0
    instances: int = 0
    cores_overcommit: float = 3.0
    memory_overcommit: float = 1.0
    disk_overcommit: float = 1.0
    policy: str = "spread"
    multipliers: dict[str, float] = Field(default_factory=dict)
    effective_multipliers: dict[str, float] = Field(default_factory=dict)
    load_limit: float | None = None
    io_limit: int | None = None
    max_instances: int | None = None
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
        path = self._path(name)
        return read(Pool, self._transport.get(path), path)

    def create(self, name: str, **settings: object) -> Pool:
        """Create an empty pool; settings are those that `Pool` has."""
        return read(Pool, self._transport.post(self.path, {"name": name, **settings}), self.path)

    def update(self, name: str, **changes: object) -> Pool:
        """Change settings of a pool; what is placed stays where it is."""
        path = self._path(name)
        return read(Pool, self._transport.patch(path, changes), path)

    def delete(self, name: str) -> None:
        """Delete a pool that has neither Cells nor instances."""
        self._transport.delete(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.path}/{segment('pool', name)}"
