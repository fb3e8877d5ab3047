"""The Core's API: one connection, one attribute per noun."""

import socket
import ssl
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field

from skep.client.cells import Cells
from skep.client.events import Events
from skep.client.images import Images
from skep.client.instances import Instances
from skep.client.placement.capacities import Capacities
from skep.client.placement.flavors import Flavors
from skep.client.placement.instance_groups import InstanceGroups
from skep.client.placement.placements import Placements
from skep.client.placement.reservations import Reservations
from skep.client.pools import Pools
from skep.client.runs import Runs
from skep.client.transport import Endpoint, Model, Transport, read, unreachable

__all__ = ["CoreApi", "Discovery", "Endpoint", "Status"]


class Discovery(Model):
    """Datagrams heard by the Core, and those it dropped, by reason."""

    received: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)


class Status(Model):
    """How the Core and its zone are; counters are by state."""

    version: str = ""
    zone: dict[str, Any] = Field(default_factory=dict)
    core_id: str = ""
    fingerprint: str = ""
    database: str = ""
    discovery: Discovery = Field(default_factory=Discovery)
    cells: dict[str, int] = Field(default_factory=dict)
    instances: dict[str, int] = Field(default_factory=dict)
    runs: dict[str, int] = Field(default_factory=dict)


class CoreApi:
    """A connection to the Core; a context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._transport = Transport(endpoint)
        self.capacities = Capacities(self._transport)
        self.cells = Cells(self._transport)
        self.events = Events(self._transport)
        self.flavors = Flavors(self._transport)
        self.images = Images(self._transport)
        self.instance_groups = InstanceGroups(self._transport)
        self.instances = Instances(self._transport)
        self.placements = Placements(self._transport)
        self.pools = Pools(self._transport)
        self.reservations = Reservations(self._transport)
        self.runs = Runs(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    @property
    def url(self) -> str:
        """The address of the Core."""
        return self._transport.url

    def status(self) -> Status:
        """Return how the Core and its zone are."""
        return read(Status, self._transport.get("/status"), "/status")

    def certificate_expires_at(self) -> datetime:
        """Return the end of the trusted certificate that the Core shows now.

        Raises:
            CertificateError: it is not trusted. CoreUnreachableError: nothing answers.
        """
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        limit_s = self._transport.endpoint.connect_timeout_s
        try:
            with (
                socket.create_connection((host, parts.port or 443), limit_s) as plain,
                self._transport.context.wrap_socket(plain, server_hostname=host) as secure,
            ):
                shown = secure.getpeercert() or {}
        except OSError as error:
            raise unreachable(self.url, error) from error
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
