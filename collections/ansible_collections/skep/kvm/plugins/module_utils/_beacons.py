# SPDX-License-Identifier: Apache-2.0
"""Listens to what Cells announce by multicast. Believes only fresh, signed announcements."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterator, List, Set, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._announcement import (
    MAX_BYTES,
    Announcement,
    AnnouncementError,
    ReplayGuard,
    decode,
)
from ansible_collections.skep.kvm.plugins.module_utils._cells import Heard

# The kernel's ip_mreqn: group, local address, interface index.
_MREQN = struct.Struct("4s4si")
_ANY = b"\0\0\0\0"


@dataclass(frozen=True)
class Station:
    """The communicate domain to listen to; on all interfaces if none is named."""

    domain: str
    group: str
    port: int
    interface: str | None


def listen(station: Station, *, seconds: float, clock: Callable[[], float]) -> List[Heard]:
    """Return each Cell's last word within `seconds`; an identity held by two is left out."""
    guard = ReplayGuard()
    heard: Dict[bytes, Heard] = {}
    doubtful: Set[bytes] = set()
    for announcement, sender in _announcements(station, seconds):
        verdict = guard.check(announcement, clock())
        if verdict == "duplicate_identity":
            doubtful.add(announcement.public_key)
        if verdict == "fresh" and announcement.kind == "cell":
            heard[announcement.public_key] = Heard(
                announcement.id, announcement.fingerprint, sender, announcement.payload["cell"]
            )
    return [each for key, each in heard.items() if key not in doubtful]


def _announcements(station: Station, seconds: float) -> Iterator[Tuple[Announcement, str]]:
    for datagram, sender in _datagrams(station, seconds):
        with contextlib.suppress(AnnouncementError):
            yield decode(datagram, station.domain), sender


def _datagrams(station: Station, seconds: float) -> Iterator[Tuple[bytes, str]]:
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        # The Core or a Cell on this host listens on the same port.
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Bound to the group: unicast to this port is not for us.
        receiver.bind((station.group, station.port))
        _join(receiver, station)
        while (left := deadline - time.monotonic()) > 0:
            receiver.settimeout(left)
            try:
                # One byte more, so that a datagram that is too long is seen to be.
                datagram, (sender, _) = receiver.recvfrom(MAX_BYTES + 1)
            except TimeoutError:
                return
            yield datagram, sender


def _join(receiver: socket.socket, station: Station) -> None:
    if station.interface is not None:
        _join_on(receiver, station.group, socket.if_nametoindex(station.interface))
        return
    for index, _ in socket.if_nameindex():
        # An interface without an address cannot join; the others can.
        with contextlib.suppress(OSError):
            _join_on(receiver, station.group, index)


def _join_on(receiver: socket.socket, group: str, index: int) -> None:
    request = _MREQN.pack(socket.inet_aton(group), _ANY, index)
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
