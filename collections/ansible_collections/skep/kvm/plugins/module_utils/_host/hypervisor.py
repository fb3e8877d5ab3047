# SPDX-License-Identifier: Apache-2.0
"""The one file that calls libvirt. Everything else sees plain data and CellErrors.

libvirt-python releases the interpreter's lock in every call, and one connection may be shared
by threads.
"""

from __future__ import annotations

import contextlib
import socket
import time
import xml.etree.ElementTree as ET
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence
from urllib.parse import urlsplit

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    LibvirtError,
    LibvirtUnavailableError,
    NameInUseError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host.binding import libvirt
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import (
    LiveDomain,
    refusals_translated,
)

_RETRY_S = 0.5
_REACH_S = 5.0
_PORTS = {"tls": 16514, "tcp": 16509}


class Hypervisor:
    """An open connection to one libvirt."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self._connection = connection

    @classmethod
    @contextlib.contextmanager
    def connect(cls, uri: str, *, patience_s: float = 5.0) -> Iterator[Hypervisor]:
        """Open a connection for the block, waiting out a restart of libvirtd.

        Raises:
            LibvirtUnavailableError: no answer within `patience_s`.
        """
        connection = _open(uri, patience_s)
        try:
            yield cls(connection)
        finally:
            connection.close()

    @property
    def connection(self) -> libvirt.virConnect:
        """The binding's own, for the files that call libvirt about other things than domains."""
        return self._connection

    def find(self, uuid: str) -> LiveDomain | None:
        """Return the domain with this uuid, or None."""
        return self._look_up(lambda: self._connection.lookupByUUIDString(uuid))

    def find_by_name(self, name: str) -> LiveDomain | None:
        """Return the domain with this name, or None."""
        return self._look_up(lambda: self._connection.lookupByName(name))

    def define(self, xml: str, *, uuid: str, name: str) -> LiveDomain:
        """Make or change the persistent domain; NameInUseError if another has its name."""
        try:
            with refusals_translated(f"domain {name!r}"):
                return LiveDomain(self._connection.defineXML(xml))
        except LibvirtError as error:
            owner = self.find_by_name(name)
            if owner is not None and owner.uuid != uuid:
                raise NameInUseError(name, owner.uuid) from error
            raise

    def libvirt_version(self) -> int:
        """Return the version of this libvirt as its own number: 9.0.0 is 9000000."""
        with refusals_translated("version of libvirt"):
            return int(self._connection.getLibVersion())

    def domains(self) -> List[LiveDomain]:
        """Return all domains, running or not."""
        with refusals_translated("list of domains"):
            return [LiveDomain(each) for each in self._connection.listAllDomains()]

    def files_in_use(self) -> Dict[str, str]:
        """Return the file of every disk of every domain, with the domain's name."""
        used: Dict[str, str] = {}
        for domain in self.domains():
            for path in _disk_files(domain):
                used[path] = domain.name
        return used

    def facts(self) -> Mapping[str, Any]:
        """Return the host's size and the versions of libvirt and qemu."""
        with refusals_translated("facts of the host"):
            info = self._connection.getInfo()
            return {
                "cpus": info[2],
                "memory_mib": info[1],
                "libvirt": _version(self._connection.getLibVersion()),
                "qemu": _version(self._connection.getVersion()),
            }

    def capabilities(self) -> str:
        """Return libvirt's XML about the host and the guests that it can run."""
        with refusals_translated("capabilities of the host"):
            return str(self._connection.getCapabilities())

    def domain_capabilities(self, domain_type: str, machine: str | None = None) -> str | None:
        """Return libvirt's XML about domains of this type, or None if there can be none."""
        try:
            with refusals_translated(f"capabilities of {domain_type} domains"):
                return str(self._connection.getDomainCapabilities(None, None, machine, domain_type))
        except LibvirtError as error:
            if error.number in _not_offered():
                return None
            raise

    def _look_up(self, call: Callable[[], Any]) -> LiveDomain | None:
        try:
            with refusals_translated("look-up of a domain"):
                return LiveDomain(call())
        except LibvirtError as error:
            if error.number == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise


def _open(uri: str, patience_s: float) -> libvirt.virConnect:
    if libvirt is None:
        raise LibvirtUnavailableError(uri, "python3-libvirt is not installed on this host")
    # libvirt would print every refusal to stderr as well.
    libvirt.registerErrorHandler(lambda *_: None, None)
    _check_reachable(uri)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return libvirt.open(uri)
        except libvirt.libvirtError as error:
            if time.monotonic() + _RETRY_S >= deadline:
                raise LibvirtUnavailableError(uri, str(error)) from error
        time.sleep(_RETRY_S)


def _check_reachable(uri: str) -> None:
    """Libvirt waits two minutes for a host that does not answer."""
    parts = urlsplit(uri)
    port = _PORTS.get(parts.scheme.partition("+")[2])
    if port is None or parts.hostname is None:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or port), _REACH_S).close()
    except OSError as error:
        raise LibvirtUnavailableError(uri, str(error)) from error


def _not_offered() -> Sequence[int]:
    """The errors by which drivers say that they have no such thing, not that they broke."""
    return (
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_INVALID_ARG,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    )


def _disk_files(domain: LiveDomain) -> Iterator[str]:
    """The files of both definitions: the running one and the one of the next start."""
    for xml in domain.descriptions():
        # libvirt wrote this text; expat caps entity expansion besides.
        for source in ET.fromstring(xml).iterfind("devices/disk/source"):  # noqa: S314
            path = source.get("file")
            if path is not None:
                yield path


def _version(number: int) -> str:
    """Libvirt's 9000000 is 9.0.0."""
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"
