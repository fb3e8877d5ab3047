"""Instance groups: instances that belong on one Cell, or apart."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from skep.client.transport import Model, Transport, read, segment


class InstanceGroup(Model):
    """One instance group; `instances` are the names of its members."""

    id: str = ""
    name: str
    policy: str
    max_per_cell: int | None = None
    instances: list[str] = Field(default_factory=list)
    created_at: datetime | None = None
    generation: int | None = None


class InstanceGroups:
    """The instance groups of the zone."""

    path: ClassVar[str] = "/instance-groups"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[InstanceGroup]:
        """Yield the instance groups."""
        for item in self._transport.items(self.path, {}, limit):
            yield read(InstanceGroup, item, self.path)

    def get(self, name: str) -> InstanceGroup:
        """Return one instance group by name or id."""
        path = self._path(name)
        return read(InstanceGroup, self._transport.get(path), path)

    def create(self, name: str, policy: str, max_per_cell: int | None = None) -> InstanceGroup:
        """Create an instance group without members."""
        body = {"name": name, "policy": policy}
        limit = {} if max_per_cell is None else {"max_per_cell": max_per_cell}
        return read(InstanceGroup, self._transport.post(self.path, {**body, **limit}), self.path)

    def delete(self, name: str) -> None:
        """Delete an instance group that has no members."""
        self._transport.delete(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.path}/{segment('group', name)}"
