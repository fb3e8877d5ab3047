"""Hears the group on every interface, and reports by unicast on the same port."""

import select
import socket
import threading
import time
from contextlib import nullcontext, suppress

import structlog

from skep.core.discovery.gate import Gate
from skep.core.discovery.netif import Interface, ipv4_interfaces, local_addresses
from skep.core.discovery.settings import Around, DiscoverySettings, Handler, Members
from skep.domain.announcement import MAX_BYTES

log = structlog.get_logger(__name__)

# linux/in.h; 0 = only what this socket joined, not what any socket of the host did.
_IP_MULTICAST_ALL = 49
# Holds what 10,000 Cells say in 3 s, 2 KiB of kernel memory for each datagram; Linux doubles it.
_BUFFER_BYTES = 6 * 2**20
_STOP_CHECK_S = 0.5
# A thread that wakes for each datagram spends a third of its time on waking.
_GATHER_S = 0.05
_MOST_AT_ONCE = 1000


class Listener:
    """A thread that hands proven announcements to the handler. No error of either stops it."""

    def __init__(
        self,
        settings: DiscoverySettings,
        gate: Gate,
        handler: Handler,
        members: Members,
        around: Around = nullcontext,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._handler = handler
        self._members = members
        self._around = around
        self._joined: dict[int, str] = {}
        self._local: frozenset[str] = frozenset()
        self._stopped = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="discovery-listener", daemon=True)

    def start(self) -> None:
        """Open the port and start; OSError if the port cannot be had."""
        self._socket = _open(self._settings.port)
        self._refresh(self._socket)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the port."""
        self._stopped.set()
        if self._socket is not None:
            self._thread.join()
            self._socket.close()

    def _run(self) -> None:
        assert self._socket is not None  # noqa: S101 - start() opened it
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        due = time.monotonic() + self._settings.period_s
        while not self._stopped.is_set():
            if waiting.poll(_STOP_CHECK_S * 1000):
                self._hear_around(self._socket)
                self._stopped.wait(_GATHER_S)
            if time.monotonic() >= due:
                due = time.monotonic() + self._settings.period_s
                self._refresh(self._socket)

    def _hear_around(self, port: socket.socket) -> None:
        try:
            with self._around():
                self._hear(port)
        except Exception:  # that of `around`; the handler's are caught one by one
            log.exception("announcements not taken in")

    def _hear(self, port: socket.socket) -> None:
        """Take in what came since the last time."""
        for _ in range(_MOST_AT_ONCE):
            try:
                # One byte more than is legal shows a datagram that is too long.
                datagram, (source, _) = port.recvfrom(MAX_BYTES + 1)
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("cannot listen", error=str(error))
                self._stopped.wait(_STOP_CHECK_S)
                return
            self._take_in(datagram, source)

    def _take_in(self, datagram: bytes, source: str) -> None:
        try:
            admitted = self._gate.admit(datagram, source, time.time())
            if admitted is not None:
                self._handler(
                    admitted.announcement,
                    source,
                    is_local=source in self._local,
                    duplicate=admitted.duplicate,
                )
        except Exception:  # one announcement, whatever it met, must not deafen the Core
            log.exception("announcement not taken in", source=source)

    def _refresh(self, port: socket.socket) -> None:
        """Follow interfaces that came and went, and members that joined and left."""
        try:
            self._gate.members = frozenset(self._members())
        except Exception:  # the store may be busy; the members known so far stay
            log.exception("members not read")
        self._local = local_addresses()
        self._join(port, ipv4_interfaces(self._settings.interfaces))

    def _join(self, port: socket.socket, interfaces: tuple[Interface, ...]) -> None:
        wanted = {each.index: each.name for each in interfaces}
        for index in self._joined.keys() - wanted.keys():
            with suppress(OSError):  # the kernel left the group when the interface went
                self._membership(port, socket.IP_DROP_MEMBERSHIP, index)
            log.info("left", interface=self._joined.pop(index))
        for index in wanted.keys() - self._joined.keys():
            try:
                self._membership(port, socket.IP_ADD_MEMBERSHIP, index)
            except OSError as error:
                log.warning("cannot join", interface=wanted[index], error=str(error))
                continue
            self._joined[index] = wanted[index]
            log.info("joined", interface=wanted[index], group=self._settings.group)

    def _membership(self, port: socket.socket, option: int, index: int) -> None:
        # struct ip_mreqn: group, any address, interface
        request = socket.inet_aton(self._settings.group) + bytes(4) + index.to_bytes(4, "little")
        port.setsockopt(socket.IPPROTO_IP, option, request)


def _open(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # A Cell on this host listens to the group on the same port.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        opened.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        opened.bind(("", port))
        opened.setblocking(False)  # noqa: FBT003 - the socket's way
    except OSError:
        opened.close()
        raise
    given = opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if given < 2 * _BUFFER_BYTES:
        hint = f"sysctl net.core.rmem_max={_BUFFER_BYTES} gives what thousands of Cells need"
        log.info("small receive buffer", bytes=given, hint=hint)
    return opened
