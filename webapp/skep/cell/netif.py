"""The IPv4 interfaces of this host and the sockets on them; a fault of one stays its own.

The only file of the Cell that knows netifaces.
"""

import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import netifaces

from skep.cell.config import Domain
from skep.domain.announcement import MAX_BYTES

LOOPBACK = "lo"
# linux/in.h; 0 = only what this socket joined, not what any socket of the host did.
_IP_MULTICAST_ALL = 49
# Networks inside the host: guests live there, and their addresses are the same on every Cell.
_INNER = ("virbr", "vnet", "docker", "lxcbr", "podman", "cni")


@dataclass(frozen=True, order=True)
class Interface:
    """An interface with one of its IPv4 addresses."""

    name: str
    address: str


def ipv4_interfaces(wanted: Sequence[str] = ()) -> tuple[Interface, ...]:
    """Where to announce: the wanted interfaces, or all that lead out of this host."""
    found = []
    for name in netifaces.interfaces():
        try:
            addresses = netifaces.ifaddresses(name)
        except ValueError:  # it vanished since the line before
            continue
        found += [
            Interface(name, entry["addr"])
            for entry in addresses.get(netifaces.AF_INET, [])
            if entry.get("addr")
        ]
    return choose(found, wanted)


def choose(found: Iterable[Interface], wanted: Sequence[str]) -> tuple[Interface, ...]:
    """The wanted ones; without a wish all but inner ones, and lo only if there is nothing else."""
    ordered = sorted(found)
    if wanted:
        return tuple(each for each in ordered if each.name in wanted)
    outer = [each for each in ordered if not each.name.startswith((*_INNER, LOOPBACK))]
    return tuple(outer or [each for each in ordered if each.name == LOOPBACK])


class Network:
    """One socket hears the group, one sends."""

    def __init__(self, domain: Domain, log: Callable[[str], None]) -> None:
        self._group = (domain.group, domain.port)
        self._log = log
        self._joined: dict[Interface, int] = {}
        self._silent: set[Interface] = set()
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.receiver.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        self.receiver.bind(self._group)
        self.receiver.setblocking(False)  # noqa: FBT003 - the socket's way
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.setblocking(False)  # noqa: FBT003 - the socket's way
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)

    def join(self, interfaces: tuple[Interface, ...]) -> None:
        """Hear the group on these interfaces and on no other."""
        # An interface that was made again has a new index; its old membership died with it.
        wanted = {each: index for each in interfaces if (index := _index(each)) is not None}
        for interface, index in self._joined.items():
            if wanted.get(interface) != index:
                with suppress(OSError):
                    self._membership(socket.IP_DROP_MEMBERSHIP, index)
        for interface, index in wanted.items():
            if self._joined.get(interface) != index:
                with suppress(OSError):  # several addresses of one interface need one join
                    self._membership(socket.IP_ADD_MEMBERSHIP, index)
        self._joined = wanted

    def announce(self, datagram: bytes, interface: Interface) -> None:
        """Send to the group out of this interface, from this address."""
        try:
            self._sender.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface.address)
            )
            self._sender.sendto(datagram, self._group)
        except OSError as error:
            if interface not in self._silent:
                self._silent.add(interface)
                self._log(f"{interface.name} {interface.address}: {error}")
        else:
            self._silent.discard(interface)

    def send(self, datagram: bytes, target: tuple[str, int]) -> None:
        """Send to one address; the next report makes up for a lost one."""
        with suppress(OSError):
            self._sender.sendto(datagram, target)

    def receive(self) -> bytes:
        """One datagram, or nothing; one byte more than is legal shows one that is too long."""
        try:
            return self.receiver.recv(MAX_BYTES + 1)
        except OSError:
            return b""

    def close(self) -> None:
        """Leave the group."""
        self.receiver.close()
        self._sender.close()

    def _membership(self, option: int, index: int) -> None:
        group = socket.inet_aton(self._group[0])
        request = group + socket.inet_aton("0.0.0.0") + index.to_bytes(4, "little")  # noqa: S104
        self.receiver.setsockopt(socket.IPPROTO_IP, option, request)


def _index(interface: Interface) -> int | None:
    try:
        return socket.if_nametoindex(interface.name)
    except OSError:
        return None
