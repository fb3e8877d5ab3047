# SPDX-License-Identifier: Apache-2.0
"""The one file that calls libvirt about storage pools: directories and NFS mounts.

libvirt remembers them, mounts NFS without devices, set-user-id and programs, and starts them again
at boot, with systemd or without it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.binding import libvirt
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import (
    refusals_translated,
)
from ansible_collections.skep.kvm.plugins.module_utils._pool.errors import PoolUnreachableError
from ansible_collections.skep.kvm.plugins.module_utils._pool.plan import CurrentPool
from ansible_collections.skep.kvm.plugins.module_utils._pool.spec import PoolSpec

_NFS_PORT = 2049
_REACH_S = 5.0
_TYPES = {"dir": "dir", "netfs": "nfs"}


@dataclass(frozen=True)
class LibvirtPools:
    """The pools of one libvirt that are directories of the Cell."""

    host: Hypervisor

    def names(self) -> List[str]:
        """Return the names of all that have a type we know."""
        with refusals_translated("list of pools"):
            found = [each.name() for each in self.host.connection.listAllStoragePools()]
        return sorted(name for name in found if self.read(name) is not None)

    def read(self, name: str) -> CurrentPool | None:
        """Return the pool, None where libvirt has none of this name and of a type we know."""
        with refusals_translated(f"pool {name!r}"):
            try:
                handle = self.host.connection.storagePoolLookupByName(name)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_POOL:
                    return None
                raise
            flags = libvirt.VIR_STORAGE_XML_INACTIVE
            # libvirt wrote this text; expat caps entity expansion besides.
            root = ET.fromstring(handle.XMLDesc(flags))  # noqa: S314
            kind = _TYPES.get(root.get("type", ""))
            if kind is None:
                return None
            return CurrentPool(
                type=kind,
                settings=_settings(root, kind),
                is_active=bool(handle.isActive()),
                autostart=bool(handle.autostart()),
            )

    def define(self, spec: PoolSpec) -> None:
        """Let libvirt remember the pool."""
        if spec.type == "dir":
            files.make_directory(Path(spec.path))
        else:
            # What lies below a mount is not seen, and must not be written to by mistake.
            Path(spec.path).mkdir(mode=0o700, parents=True, exist_ok=True)
        text = ET.tostring(render(spec), encoding="unicode")
        with refusals_translated(f"pool {spec.name!r}"):
            self.host.connection.storagePoolDefineXML(text, 0)

    def start(self, spec: PoolSpec) -> None:
        """Mount it, or find that the directory is there."""
        self._order(spec, lambda pool: pool.create(0))

    def stop(self, spec: PoolSpec) -> None:
        """Unmount it; its content stays."""
        self._order(spec, lambda pool: pool.destroy())

    def forget(self, spec: PoolSpec) -> None:
        """Let libvirt forget it; its content stays."""
        self._order(spec, lambda pool: pool.undefine())

    def autostart(self, spec: PoolSpec) -> None:
        """Start it at boot, or not."""
        self._order(spec, lambda pool: pool.setAutostart(int(spec.autostart)))

    def _order(self, spec: PoolSpec, call: Callable[[Any], object]) -> None:
        with refusals_translated(f"pool {spec.name!r}"):
            call(self.host.connection.storagePoolLookupByName(spec.name))


def render(spec: PoolSpec) -> ET.Element:
    """Return the <pool> element. Pure."""
    pool = ET.Element("pool", {"type": "dir" if spec.type == "dir" else "netfs"})
    ET.SubElement(pool, "name").text = spec.name
    if spec.type == "nfs":
        source = ET.SubElement(pool, "source")
        ET.SubElement(source, "host", {"name": spec.host})
        ET.SubElement(source, "dir", {"path": spec.export})
        ET.SubElement(source, "format", {"type": "nfs"})
        if spec.nfs_version is not None:
            ET.SubElement(source, "protocol", {"ver": spec.nfs_version})
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = spec.path
    return pool


def check_reachable(spec: PoolSpec) -> None:
    """Raise PoolUnreachableError; a mount would wait for minutes."""
    if spec.type != "nfs":
        return
    try:
        socket.create_connection((spec.host, _NFS_PORT), _REACH_S).close()
    except OSError as error:
        raise PoolUnreachableError(spec.name, spec.host, _NFS_PORT, str(error)) from error


def capacity(settings: Mapping[str, Any]) -> Dict[str, int]:
    """Return what the file system of an active pool has; nothing while its server is away."""
    host = settings.get("host")
    try:
        if host:
            socket.create_connection((host, _NFS_PORT), _REACH_S).close()
        found = os.statvfs(settings["path"])
    except OSError:
        return {}
    return {
        "capacity_bytes": found.f_blocks * found.f_frsize,
        "allocated_bytes": (found.f_blocks - found.f_bfree) * found.f_frsize,
        "available_bytes": found.f_bavail * found.f_frsize,
    }


def remove_directory(path: str) -> None:
    """Remove an empty directory."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).rmdir()


def _settings(root: ET.Element, kind: str) -> Dict[str, Any]:
    settings: Dict[str, Any] = {"path": root.findtext("target/path") or ""}
    if kind == "nfs":
        host, folder = root.find("source/host"), root.find("source/dir")
        protocol = root.find("source/protocol")
        settings["host"] = "" if host is None else host.get("name", "")
        settings["export"] = "" if folder is None else folder.get("path", "")
        settings["nfs_version"] = None if protocol is None else protocol.get("ver")
    return settings
