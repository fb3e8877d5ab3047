"""Flavors: named sizes, with what they need of a Cell."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from skep.client.transport import Model, Transport, read, segment


class Flavor(Model):
    """A named size. `disk_gib` None is the size of the image."""

    id: str = ""
    name: str
    cores: int
    memory_mib: int
    disk_gib: int | None = None
    needs: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime | None = None
    generation: int | None = None


class Flavors:
    """The flavors of the zone."""

    path: ClassVar[str] = "/flavors"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[Flavor]:
        """Yield the flavors."""
        for item in self._transport.items(self.path, {}, limit):
            yield read(Flavor, item, self.path)

    def get(self, name: str) -> Flavor:
        """Return one flavor by name or id."""
        path = self._path(name)
        return read(Flavor, self._transport.get(path), path)

    def create(self, name: str, **values: object) -> Flavor:
        """Create a flavor of `cores`, `memory_mib`, `disk_gib` and `needs`."""
        body = {"name": name, **values}
        return read(Flavor, self._transport.post(self.path, body), self.path)

    def update(self, name: str, seen: int | None = None, **changes: object) -> Flavor:
        """Change a flavor, that of generation `seen`; instances made with it stay as they are.

        Raises:
            RefusedError: somebody else changed it since.
        """
        path = self._path(name)
        return read(Flavor, self._transport.patch(path, changes, seen), path)

    def delete(self, name: str) -> None:
        """Delete a flavor; instances made with it stay as they are."""
        self._transport.delete(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.path}/{segment('flavor', name)}"
