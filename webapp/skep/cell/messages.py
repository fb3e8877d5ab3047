"""What a Cell says and whom it believes. Pure: no sockets, no clock."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from skep.cell.identity import Membership
from skep.domain.announcement import MAX_REPORTED_DOMAINS, Announcement, Kind, ReplayGuard

MAX_ADDRESSES = 16
# A Core that was silent this long gets no more reports.
CORE_SILENT_S = 30.0
_MAX_ROGUES = 64


@dataclass
class Writer:
    """Numbers what one life of the daemon says."""

    domain: str
    public_key: bytes
    boot_id: str
    _sequence: int = 0

    def write(self, kind: Kind, said: dict[str, Any], now: float) -> Announcement:
        """The next announcement."""
        self._sequence += 1
        return Announcement(
            kind, self.domain, self.public_key, self.boot_id, self._sequence, now, {kind: said}
        )


def cell_payload(
    facts: dict[str, Any],
    source: str,
    addresses: Iterable[str],
    membership: Membership | None,
) -> dict[str, Any]:
    """What an announcement of kind cell says: the host, where it is, and whose it is.

    source is the address it goes out from. It is always among the addresses, so that a receiver
    can tell the sender's own datagram from one that somebody carried elsewhere.
    """
    others = sorted(set(addresses) - {source})
    return {
        **facts,
        "addresses": sorted([source, *others[: MAX_ADDRESSES - 1]]),
        "pool": membership.pool if membership else None,
        "core": membership.core_id if membership else None,
    }


def report_payloads(
    domains: Sequence[tuple[str, str]], load: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What reports say: all domains, in as many parts as needed, one if there is none."""
    pieces = [
        [list(each) for each in domains[start : start + MAX_REPORTED_DOMAINS]]
        for start in range(0, len(domains), MAX_REPORTED_DOMAINS)
    ] or [[]]
    for part, piece in enumerate(pieces, start=1):
        yield {"part": part, "parts": len(pieces), "domains": piece, "load": load}


@dataclass
class CoreWatch:
    """Finds the Core that accepted this Cell among all that claim to be one."""

    guard: ReplayGuard = field(default_factory=lambda: ReplayGuard(max_senders=_MAX_ROGUES))
    rogues: set[bytes] = field(default_factory=set)
    refused: int = 0
    _target: tuple[str, int] | None = None
    _heard_at: float = 0.0
    _key: bytes = b""

    def hear(
        self, announcement: Announcement, membership: Membership | None, now: float
    ) -> str | None:
        """Believe the pinned Core only; what to log, if anything is new."""
        if announcement.kind != "core" or membership is None:
            return None
        if announcement.public_key != membership.core_public_key:
            return self._refuse(announcement)
        verdict = self.guard.check(announcement, now)
        if verdict != "fresh":
            return f"core announcement {verdict}: not believed" if verdict != "replayed" else None
        before, self._target = self._target, _target(announcement)
        self._heard_at, self._key = now, announcement.public_key
        if self._target == before:
            return None
        return f"reporting to the core at {self._target[0]}:{self._target[1]}"

    def target(self, membership: Membership | None, now: float) -> tuple[str, int] | None:
        """Where reports go; None without a membership or while the Core is silent."""
        if membership is None or membership.core_public_key != self._key:
            return None
        return self._target if now - self._heard_at <= CORE_SILENT_S else None

    def _refuse(self, announcement: Announcement) -> str | None:
        self.refused += 1
        if announcement.public_key in self.rogues or len(self.rogues) >= _MAX_ROGUES:
            return None
        self.rogues.add(announcement.public_key)
        url = announcement.payload["core"]["url"]
        return f"refused another core: {announcement.fingerprint} at {url}"


def _target(announcement: Announcement) -> tuple[str, int]:
    """The signed address; the datagram's source would be anybody's."""
    core = announcement.payload["core"]
    return urlsplit(core["url"]).hostname or "", core["report_port"]
