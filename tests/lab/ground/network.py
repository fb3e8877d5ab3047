"""A lab's network: a namespace with one bridge, and one port per Cell."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.ground.errors import LabError, command

if TYPE_CHECKING:
    from collections.abc import Iterator

BRIDGE = "lab0"
PREFIX_LENGTH = 24
CORE_ADDRESS = "10.99.0.1"
CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")


def cell_address(number: int) -> str:
    """The address of the lab's n-th Cell, counted from 1."""
    return f"10.99.0.{10 + number}"


@dataclass(frozen=True)
class Network:
    """The namespace called name; a Cell's port on the bridge has the Cell's name."""

    name: str

    @property
    def path(self) -> Path:
        """The file that holds the namespace open."""
        return NAMESPACES / self.name

    def create(self) -> None:
        """Make namespace and bridge. Snooping is off: nobody here would answer as a querier."""
        command(["ip", "netns", "add", self.name])
        self._ip(
            "link set lo up",
            f"link add {BRIDGE} type bridge mcast_snooping 0 stp_state 0 forward_delay 0",
            f"address add {CORE_ADDRESS}/{PREFIX_LENGTH} dev {BRIDGE}",
            f"link set {BRIDGE} up",
            f"route add 224.0.0.0/4 dev {BRIDGE}",
        )

    def delete(self) -> None:
        """Remove the namespace, and what ip made for the first one of this host."""
        if self.path.exists():
            command(["ip", "netns", "delete", self.name])
        if NAMESPACES.is_dir() and not any(NAMESPACES.iterdir()):
            ctypes.CDLL(None).umount2(os.fsencode(NAMESPACES), 0)
            with contextlib.suppress(OSError):
                NAMESPACES.rmdir()

    def add_veth(self, port: str, pid: int, address: str) -> None:
        """Give the namespace of process pid an eth0 that is plugged into the bridge."""
        mac = mac_address(address)
        self._ip(
            f"link add {port} type veth peer name eth0 address {mac} netns {pid}",
            f"link set {port} master {BRIDGE} up",
        )
        inside = (
            "link set lo up",
            f"address add {address}/{PREFIX_LENGTH} dev eth0",
            "link set eth0 up",
            f"route add default via {CORE_ADDRESS}",
        )
        command(
            ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-batch", "-"], stdin="\n".join(inside)
        )

    def add_tap(self, port: str) -> None:
        """Make a tap device that a virtual machine can open, plugged into the bridge."""
        self._ip(f"tuntap add {port} mode tap", f"link set {port} master {BRIDGE} up")

    def cut(self, port: str) -> None:
        """Unplug the port from the bridge. The carrier stays, as behind a switch that died."""
        self._ip(f"link set {port} nomaster")

    def heal(self, port: str) -> None:
        """Plug the port in again."""
        self._ip(f"link set {port} master {BRIDGE}")

    def is_cut(self, port: str) -> bool:
        """Whether the port is unplugged."""
        shown = command(["ip", "-n", self.name, "-o", "link", "show", "dev", port]).stdout
        return f"master {BRIDGE}" not in shown

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Move the calling thread into the namespace for a while. Threads it starts stay there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            inside = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(inside)
            finally:
                os.close(inside)
            try:
                yield
            finally:
                _setns(before)
        finally:
            os.close(before)

    def _ip(self, *lines: str) -> None:
        command(["ip", "-n", self.name, "-batch", "-"], stdin="\n".join(lines))


def mac_address(address: str) -> str:
    """A locally administered MAC made from an IPv4 address, so that a Cell keeps it."""
    return "52:53:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def _setns(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise LabError(f"cannot change the network namespace: {os.strerror(ctypes.get_errno())}")
