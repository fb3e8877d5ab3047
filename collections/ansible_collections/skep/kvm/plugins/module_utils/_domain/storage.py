# SPDX-License-Identifier: Apache-2.0
"""What a domain's files must be before libvirt gets them, and who else uses them."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path
from typing import Dict, Mapping, Sequence

from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Drive
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import (
    Directories,
    is_below,
    is_block_device,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    PathNotAllowedError,
    VolumeMissingError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor


class Claims:
    """Which disks belong to which domain; libvirt is asked once for a whole call of the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: Dict[str, str] | None = None

    def of_others(self, host: Hypervisor, spec: DomainSpec) -> Mapping[str, str]:
        """Return those of the spec's disks that another domain has, with its name.

        Disks of one call's items count in the items' order of coming here.
        """
        paths = [each.path for each in spec.given.get("disks", ())]
        if not paths:
            return {}
        with self._lock:
            if self._owners is None:
                self._owners = _owners(host)
            mine = {spec.uuid, None}
            taken = {path: self._owners.get(path) for path in paths}
            for path, owner in taken.items():
                if owner is None:
                    self._owners[path] = spec.uuid
            others = {path: str(owner) for path, owner in taken.items() if owner not in mine}
        return {path: _name_of(host, uuid) for path, uuid in others.items()}


def check_drives(name: str, drives: Sequence[Drive], directories: Directories) -> None:
    """Raise where a disk or medium is missing, is no block device, or leads out of its folder."""
    allowed = (*directories.disk_prefixes, directories.volumes, directories.images)
    for path in (each.path for each in drives):
        if not path:
            continue
        _check_exists(name, path)
        if is_block_device(path):
            if not stat.S_ISBLK(os.stat(path).st_mode):  # noqa: PTH116  as _check_exists
                raise PathNotAllowedError(path, "/dev as a block device")
        elif _is_ours(path, allowed) and not _is_ours(os.path.realpath(path), _real(allowed)):
            raise PathNotAllowedError(path, "its folder once links are followed")


def check_xml(name: str, text: str) -> None:
    """Raise where a disk of libvirt's definition is missing; CD drives are left out."""
    for source in xml.parse(text).iterfind("devices/disk[@device='disk']/source"):
        path = source.get("file")
        if path:
            _check_exists(name, path)


def remove_logs(log: Path) -> None:
    """Remove a serial log and what virtlogd rotated away (.0, .1, ...)."""
    for path in (log, *log.parent.glob(f"{log.name}.[0-9]*")):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _check_exists(name: str, path: str) -> None:
    if not os.path.exists(path):  # noqa: PTH110  a text from the XML
        raise VolumeMissingError(name, path)


def _is_ours(path: str, allowed: "tuple[str, ...]") -> bool:
    return is_below(path, allowed)


def _real(allowed: "tuple[str, ...]") -> "tuple[str, ...]":
    return tuple(os.path.realpath(each) for each in allowed)


def _owners(host: Hypervisor) -> Dict[str, str]:
    owners: Dict[str, str] = {}
    for domain in host.domains():
        for text in domain.descriptions():
            owners.update({each.path: domain.uuid for each in xml.read(xml.parse(text)).disks})
    return owners


def _name_of(host: Hypervisor, uuid: str) -> str:
    found = host.find(uuid)
    return found.name if found else uuid
