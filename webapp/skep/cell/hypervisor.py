"""The domains of this host, watched through libvirt; survives restarts of libvirtd."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import libvirt

from skep.cell.host import version_of

POLL_S = 2.0
# 3 unanswered probes 5 s apart: a libvirtd that hangs is noticed as one that is gone.
_KEEPALIVE = (5, 3)
# Events come in bursts; one look answers a whole burst.
_SETTLE_S = 0.05
_STATES = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_SHUTDOWN: "running",  # it is shutting down and runs until it is off
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "paused",
}


@dataclass(frozen=True)
class Snapshot:
    """What libvirt said last. domains is None while libvirt cannot be asked: unknown, not none."""

    domains: tuple[tuple[str, str], ...] | None = None
    libvirt: str | None = None
    taken_at: float = 0.0

    @property
    def running(self) -> int:
        """How many domains use memory and processors."""
        return sum(state != "stopped" for _, state in self.domains or ())


class Hypervisor:
    """Polls libvirt in a thread of its own, so that a libvirtd that hangs stops no announcement."""

    def __init__(self, uri: str, changed: Callable[[], None], log: Callable[[str], None]) -> None:
        self._uri = uri
        self._changed = changed
        self._log = log
        self._snapshot = Snapshot()
        self._wake = threading.Event()
        self._stopped = False
        self._connection: Any = None
        self._said = ""

    def start(self) -> None:
        """Start the threads; they end with the process or with stop()."""
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=self._run_events, name="libvirt-events", daemon=True).start()
        threading.Thread(target=self._run, name="libvirt-poll", daemon=True).start()

    def stop(self) -> None:
        """Ask the threads to end."""
        self._stopped = True
        self._wake.set()

    def snapshot(self, now: float) -> Snapshot:
        """The last snapshot; its domains are unknown once it is older than three polls."""
        known = self._snapshot
        return known if now - known.taken_at <= 3 * POLL_S else replace(known, domains=None)

    def _run(self) -> None:
        while not self._stopped:
            # Cleared before the look, so that an event during the look brings another one.
            self._wake.clear()
            before = self._snapshot.domains
            self._snapshot = self._look()
            if self._snapshot.domains != before:
                self._changed()
            if self._wake.wait(POLL_S):
                time.sleep(_SETTLE_S)
        self._disconnect()

    def _run_events(self) -> None:
        while not self._stopped:
            try:
                libvirt.virEventRunDefaultImpl()
            except libvirt.libvirtError:
                time.sleep(POLL_S)

    def _look(self) -> Snapshot:
        try:
            connection = self._connect()
            found = connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE)
        except libvirt.libvirtError as error:
            self._disconnect()
            self._say(f"libvirt cannot be asked: {error}")
            return replace(self._snapshot, domains=None)
        self._say("libvirt answers")
        domains = sorted(
            (domain.UUIDString(), _STATES.get(stats.get("state.state"), "stopped"))
            for domain, stats in found
        )
        return replace(self._snapshot, domains=tuple(domains), taken_at=time.monotonic())

    def _connect(self) -> Any:  # noqa: ANN401 - the binding has no types
        if self._connection is None or not self._connection.isAlive():
            self._disconnect()
            # Read-only: libvirt lets any user look, so the daemon needs no right to change.
            self._connection = libvirt.openReadOnly(self._uri)
            with suppress(libvirt.libvirtError):  # drivers inside this process have none
                self._connection.setKeepAlive(*_KEEPALIVE)
            self._connection.domainEventRegisterAny(
                None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_event, None
            )
            self._snapshot = Snapshot(libvirt=version_of(self._connection.getLibVersion()))
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except libvirt.libvirtError as error:
            self._say(f"libvirt connection: {error}")

    def _on_event(self, *_event: object) -> None:
        self._wake.set()

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._log(text)
