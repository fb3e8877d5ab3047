"""The IPv4 interfaces of the Core's host. The only file of the Core that knows netifaces."""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import netifaces

_LOOPBACK = "lo"
# Networks inside the host: guests live there, and guests are not the cluster.
_INNER = ("virbr", "vnet", "docker", "lxcbr", "podman", "cni")


@dataclass(frozen=True, order=True)
class Interface:
    """An interface with one of its IPv4 addresses. A removed and remade one has another index."""

    name: str
    address: str
    index: int


def ipv4_interfaces(wanted: Sequence[str] = ()) -> tuple[Interface, ...]:
    """The wanted interfaces, or all that lead out of this host."""
    found: list[Interface] = []
    for name in netifaces.interfaces():
        try:
            entries = netifaces.ifaddresses(name).get(netifaces.AF_INET, [])
            index = socket.if_nametoindex(name)
        except (ValueError, OSError):  # it vanished since the line before
            continue
        found += [Interface(name, entry["addr"], index) for entry in entries if entry.get("addr")]
    return choose(found, wanted)


def local_addresses() -> frozenset[str]:
    """Every IPv4 address of this host."""
    names = tuple(netifaces.interfaces())
    return frozenset(each.address for each in ipv4_interfaces(names))


def choose(found: Iterable[Interface], wanted: Sequence[str]) -> tuple[Interface, ...]:
    """The wanted ones; without a wish all but inner ones, and lo only if there is nothing else."""
    ordered = sorted(found)
    if wanted:
        return tuple(each for each in ordered if each.name in wanted)
    outer = [each for each in ordered if not each.name.startswith((*_INNER, _LOOPBACK))]
    return tuple(outer or [each for each in ordered if each.name == _LOOPBACK])
