# SPDX-License-Identifier: Apache-2.0
"""Which domain has which file or device, and QEMU's own resize of a disk in use."""

from __future__ import annotations

import contextlib
import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Dict, Iterator, Mapping, Protocol

from ansible_collections.skep.kvm.plugins.module_utils._host.binding import libvirt
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import (
    refusals_translated,
)


@dataclass(frozen=True)
class User:
    """A domain that has a file or device; it is active where QEMU has it open."""

    uuid: str
    name: str
    is_active: bool


class Usage(Protocol):
    """What a change of storage has to know of the domains."""

    def of(self, path: str) -> User | None:
        """Return who has the file or device at this path."""

    def resize(self, user: User, path: str, size_bytes: int) -> None:
        """Let the guest of an active user see more."""


class LibvirtUsage:
    """Asks one libvirt, once and only when somebody wants to know."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._host: Hypervisor | None = None
        self._users: Mapping[str, User] = {}

    def __enter__(self) -> LibvirtUsage:  # noqa: PYI034  Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self) -> Hypervisor:
        """Connect and read all domains; LibvirtUnavailableError when libvirt does not answer."""
        with self._lock:
            if self._host is None:
                host = self._stack.enter_context(Hypervisor.connect(self._uri))
                self._users = users_of(host)
                self._host = host
            return self._host

    def of(self, path: str) -> User | None:
        """Return who has the file or device at this path."""
        self.ask()
        return self._users.get(path)

    def all(self) -> Mapping[str, User]:
        """Return everybody by path."""
        self.ask()
        return self._users

    def resize(self, user: User, path: str, size_bytes: int) -> None:
        """Let the guest of an active user see more."""
        with refusals_translated(f"domain {user.name!r}, disk {path}"):
            domain = self.ask().connection.lookupByUUIDString(user.uuid)
            domain.blockResize(path, size_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def users_of(host: Hypervisor) -> Dict[str, User]:
    """Return every domain by the files and devices of its running and its next definition."""
    users: Dict[str, User] = {}
    for domain in host.domains():
        is_active = domain.state() in {"running", "paused"}
        # Of an active domain, the first description is the running one.
        for index, xml in enumerate(domain.descriptions()):
            user = User(domain.uuid, domain.name, is_active and index == 0)
            for path in _sources(xml):
                users[path] = _busier(users.get(path), user)
    return users


def _busier(one: User | None, other: User) -> User:
    return one if one is not None and one.is_active else other


def _sources(xml: str) -> Iterator[str]:
    # libvirt wrote this text; expat caps entity expansion besides.
    for source in ET.fromstring(xml).iterfind("devices/disk/source"):  # noqa: S314
        path = source.get("file") or source.get("dev")
        if path is not None:
            yield path
