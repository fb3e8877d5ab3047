"""Reservations: one request for N instances, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from skep.client.instances import Creation, Reason
from skep.client.runs import Run
from skep.client.transport import Model, Transport, read, segment


class Reserved(Model):
    """One instance of a reservation."""

    id: str = ""
    name: str
    state: str
    cell: str | None = None
    reason: Reason | None = None


class Reservation(Model):
    """One request. `instances` and `runs` are told of a single one only."""

    id: str
    name: str | None = None
    count: int = 0
    actor: str | None = None
    pool: str | None = None
    created_at: datetime | None = None
    state: str = ""
    states: dict[str, int] = Field(default_factory=dict)
    instances: list[Reserved] = Field(default_factory=list)
    runs: list[str] = Field(default_factory=list)


class _Canceled(Model):
    runs: list[Run]


class Reservations:
    """The reservations of the zone."""

    path: ClassVar[str] = "/reservations"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[Reservation]:
        """Yield reservations, without their instances."""
        for item in self._transport.items(self.path, {}, limit):
            yield read(Reservation, item, self.path)

    def get(self, reservation_id: str) -> Reservation:
        """Return one reservation with its instances and runs."""
        path = self._path(reservation_id)
        return read(Reservation, self._transport.get(path), path)

    def create(self, document: Mapping[str, Any]) -> Creation:
        """Ask for several groups at once: `pool`, `groups` and perhaps `name`."""
        return read(Creation, self._transport.post(self.path, document), self.path)

    def cancel(self, reservation_id: str) -> Sequence[Run]:
        """Ask the runs that still make it to end; what is made stays."""
        path = self._path(reservation_id, "/cancel")
        return read(_Canceled, self._transport.post(path, {}), path).runs

    def retry(self, reservation_id: str) -> Creation:
        """Place what failed or was canceled anew, and make it."""
        path = self._path(reservation_id, "/retry")
        return read(Creation, self._transport.post(path, {}), path)

    def _path(self, reservation_id: str, action: str = "") -> str:
        return f"{self.path}/{segment('reservation', reservation_id)}{action}"
