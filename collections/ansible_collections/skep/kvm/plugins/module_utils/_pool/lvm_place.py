# SPDX-License-Identifier: Apache-2.0
"""Volumes as logical volumes, of a whole group or of a thin pool."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, List

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._host import files, qemu_img
from ansible_collections.skep.kvm.plugins.module_utils._pool import lvm
from ansible_collections.skep.kvm.plugins.module_utils._pool.lvm_pools import volumes
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import VolumeFormatError
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Found

_PART = ".part"


@dataclass(frozen=True)
class LvmPlace:
    """A volume group, or a thin pool in it."""

    kinds: ClassVar[tuple[str, ...]] = ("raw",)
    group: str
    thin_pool: str
    extent_bytes: int

    def rounded(self, size_bytes: int) -> int:
        """Return whole extents."""
        return -(-size_bytes // self.extent_bytes) * self.extent_bytes

    def paths(self, name: str) -> List[Path]:
        """Return the volume's device."""
        return [Path(each.path) for each in self._volumes() if each.name == name]

    def find(self, name: str) -> Found | None:
        """Return the volume."""
        files.check_volume(name)
        for each in self._volumes():
            if each.name == name:
                return Found(Path(each.path), "raw", each.size_bytes)
        return None

    def names(self) -> List[str]:
        """Return the names of the logical volumes that are instances' volumes."""
        found: List[str] = []
        for each in self._volumes():
            with contextlib.suppress(InvalidItemError):
                found.append(files.check_volume(each.name))
        return sorted(found)

    def allocated_bytes(self, found: Found) -> int:
        """Return what it takes of the pool."""
        for each in self._volumes():
            if each.path == str(found.path):
                share = each.data_percent / 100 if self.thin_pool else 1
                return round(each.size_bytes * share)
        return 0

    def create(self, name: str, kind: str, size_bytes: int, image: Path | None) -> None:
        """Make a volume under another name first, so that a half-filled one is never taken."""
        del kind
        part = f"{name}{_PART}"
        if any(each.name == part for each in self._volumes()):
            self._remove(part)
        size = ["-V", f"{size_bytes}b", "--thinpool", self.thin_pool] if self.thin_pool else []
        size = size or ["-L", f"{size_bytes}b"]
        lvm.order("lvcreate", "--yes", "-n", part, *size, self.group)
        try:
            self._clear(part, 0, size_bytes)
            if image is not None:
                qemu_img.fill(Path(f"/dev/{self.group}/{part}"), qemu_img.Source(image, "qcow2"))
            lvm.order("lvrename", self.group, part, name)
        except BaseException:
            self._remove(part)
            raise

    def grow(self, found: Found, size_bytes: int) -> None:
        """Make the volume larger; what is new reads as zeroes."""
        self.make_room(found, size_bytes)

    def make_room(self, found: Found, size_bytes: int) -> None:
        """Make the volume larger; what is new reads as zeroes."""
        lvm.order("lvextend", "-L", f"{size_bytes}b", f"{self.group}/{found.path.name}")
        self._clear(found.path.name, found.size_bytes, size_bytes - found.size_bytes)

    def convert(self, found: Found, kind: str) -> None:
        """A block device is raw and stays raw."""
        raise VolumeFormatError(found.path.name, f"a block device cannot become {kind}")

    def remove(self, name: str) -> None:
        """Remove the volume."""
        self._remove(name)

    def _clear(self, name: str, start_bytes: int, length_bytes: int) -> None:
        """A thin pool zeroes what it gives out; a group gives out what others have left there."""
        if not self.thin_pool:
            lvm.wipe(f"/dev/{self.group}/{name}", start_bytes, length_bytes)

    def _remove(self, name: str) -> None:
        lvm.order("lvremove", "--yes", f"{self.group}/{name}")

    def _volumes(self) -> List[lvm.LogicalVolume]:
        found = volumes(self.group)
        return [each for each in found if each.pool == self.thin_pool]
