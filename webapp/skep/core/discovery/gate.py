"""Decides what a datagram may say: cheap checks, then limits, then its signature, then freshness.

Pure but for its counters and tables, all of them bounded: time and datagrams come in as arguments.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import structlog

from skep.core.discovery.limits import Bucket, Buckets, Pending
from skep.core.discovery.reports import Assembler
from skep.core.discovery.signatures import verify_by_libsodium
from skep.domain.announcement import (
    Announcement,
    AnnouncementError,
    ReplayGuard,
    Verifier,
    peek,
    verify,
)

log = structlog.get_logger(__name__)

# A Cell with 1000 domains sends 26 datagrams a second. More sources than members are remembered:
# forgetting one and making it anew at its next datagram costs more than keeping it.
_PER_SOURCE = (100.0, 200.0, 16_384)
# Signatures of strangers checked per second: 1 % of a core.
_STRANGERS = (150.0, 300.0)
_PENDING = (1000, 16, 60.0)
_MAX_MEMBERS = 100_000
_MAX_NOTED = 1000


@dataclass(frozen=True)
class Admitted:
    """A datagram that proved itself; duplicate means that two hosts hold its key."""

    announcement: Announcement
    duplicate: bool


class _DroppedError(Exception):
    """Ends the way of one datagram; the argument is the counter's name."""


@dataclass
class Gate:
    """One communicate domain's gate, for the Core with this key and boot id."""

    domain: str
    own_key: bytes
    own_boot_id: str
    members: Collection[bytes] = frozenset()
    verifier: Verifier = verify_by_libsodium
    received: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    _sources: Buckets = field(default_factory=lambda: Buckets(*_PER_SOURCE))
    _strangers: Bucket = field(default_factory=lambda: Bucket(*_STRANGERS))
    _pending: Pending = field(default_factory=lambda: Pending(*_PENDING))
    _member_guard: ReplayGuard = field(default_factory=lambda: ReplayGuard(_MAX_MEMBERS))
    _stranger_guard: ReplayGuard = field(default_factory=lambda: ReplayGuard(_PENDING[0]))
    _reports: Assembler = field(default_factory=lambda: Assembler(_MAX_MEMBERS))
    _noted: set[tuple[str, bytes]] = field(default_factory=set)

    def admit(self, datagram: bytes, source: str, now: float) -> Admitted | None:
        """What the Core may learn from the datagram; None if nothing (yet)."""
        self.received += 1
        try:
            return self._admit(datagram, source, now)
        except AnnouncementError as error:
            self.dropped[error.reason] += 1
        except _DroppedError as error:
            self.dropped[str(error)] += 1
        return None

    def counters(self) -> dict[str, Any]:
        """{received, dropped: {reason: n}}, as the API shows them."""
        return {"received": self.received, "dropped": dict(self.dropped)}

    def _admit(self, datagram: bytes, source: str, now: float) -> Admitted | None:
        if not self._sources.take(source, now):
            raise _DroppedError("rate_limited")
        claimed = peek(datagram, self.domain)
        if claimed.public_key == self.own_key and claimed.boot_id == self.own_boot_id:
            self.received -= 1  # our own, looped back
            return None
        if claimed.public_key in self.members:
            verify(datagram, claimed.public_key, self.verifier)
            return self._fresh(claimed, source, self._member_guard, now)
        self._check_stranger(claimed, source, now)
        verify(datagram, claimed.public_key, self.verifier)
        self._pending.hear(claimed.public_key, source, now)
        return self._fresh(claimed, source, self._stranger_guard, now)

    def _check_stranger(self, claimed: Announcement, source: str, now: float) -> None:
        """What can be refused before a signature is checked."""
        if claimed.kind == "report":
            raise _DroppedError("unknown_sender")
        if not self._strangers.take(now):
            raise _DroppedError("rate_limited")
        if not self._pending.has_room(claimed.public_key, source, now):
            raise _DroppedError("pending_full")

    def _fresh(
        self, proven: Announcement, source: str, guard: ReplayGuard, now: float
    ) -> Admitted | None:
        verdict = guard.check(proven, now)
        if verdict == "skewed":
            skew_s = round(proven.sent_at - now)
            self._note(proven, "clock differs", source=source, skew_s=skew_s)
        if verdict in {"skewed", "replayed"}:
            raise _DroppedError(verdict)
        if proven.kind == "core":
            url = proven.payload["core"]["url"]
            self._note(proven, "another core on this communicate domain", url=url, source=source)
            raise _DroppedError("foreign_core")
        if proven.kind == "report":
            whole = self._reports.add(proven)
            return Admitted(whole, verdict != "fresh") if whole else None
        # Who carries a datagram elsewhere may not choose where the Core sends its SSH.
        if source not in proven.payload["cell"]["addresses"]:
            raise _DroppedError("foreign_source")
        return Admitted(proven, verdict != "fresh")

    def _note(self, proven: Announcement, event: str, **facts: object) -> None:
        """Log once per key: strangers must not fill the log either."""
        if (event, proven.public_key) in self._noted or len(self._noted) >= _MAX_NOTED:
            return
        self._noted.add((event, proven.public_key))
        log.warning(event, fingerprint=proven.fingerprint, **facts)
