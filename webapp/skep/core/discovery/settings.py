"""What discovery is told, as plain values."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.domain.announcement import (
    DEFAULT_DOMAIN,
    DEFAULT_GROUP,
    DEFAULT_PORT,
    Announcement,
)


@dataclass(frozen=True)
class DiscoverySettings:
    """The communicate domain, what the Core says of itself, and the limits of what it hears.

    No interfaces means every usable one. certificate_sha256 is that of the API's certificate.
    """

    name: str
    api_port: int
    certificate_sha256: str
    key: Ed25519PrivateKey
    domain: str = DEFAULT_DOMAIN
    group: str = DEFAULT_GROUP
    port: int = DEFAULT_PORT
    interfaces: tuple[str, ...] = ()
    period_s: float = 2.0


class Handler(Protocol):
    """Takes in one proven announcement of kind cell, or one whole report of a member."""

    def __call__(
        self, announcement: Announcement, source: str, *, is_local: bool, duplicate: bool
    ) -> object:
        """Learn it.

        Args:
            announcement: its signature and freshness are proven. A report is whole.
            source: where the datagram came from; for a cell one of its signed addresses.
            is_local: that address belongs to the Core's own host.
            duplicate: two hosts speak with this key; believe neither.
        """


# Entered around the datagrams of one moment, which are handed over inside it one by one.
Around = Callable[[], AbstractContextManager[object]]
# The public keys of all members, read anew every period.
Members = Callable[[], Collection[bytes]]
