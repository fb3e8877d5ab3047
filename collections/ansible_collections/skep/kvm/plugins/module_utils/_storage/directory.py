# SPDX-License-Identifier: Apache-2.0
"""Volumes as files of a directory, on a disk of the Cell or over NFS.

The ending says the format, never the content: a guest can write any header into a raw disk.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, List

from ansible_collections.skep.kvm.plugins.module_utils._errors import VolumeBrokenError
from ansible_collections.skep.kvm.plugins.module_utils._host import files, qcow2, qemu_img
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Found

_SECTOR = 512  # sizes are whole sectors
_BLOCK = 512  # st_blocks counts these whatever the file system's block is
# The time of the last write when the file was last free of unused room.
_COMPACT = "user.skep.compact"


@dataclass(frozen=True)
class DirectoryPlace:
    """A directory whose files are volumes."""

    kinds: ClassVar[tuple[str, ...]] = ("qcow2", "raw")
    directory: Path

    def rounded(self, size_bytes: int) -> int:
        """Return whole sectors."""
        return -(-size_bytes // _SECTOR) * _SECTOR

    def paths(self, name: str) -> List[Path]:
        """Return the files under this name."""
        found = (self._path(name, kind) for kind in self.kinds)
        return [path for path in found if path.exists()]

    def find(self, name: str) -> Found | None:
        """Return the volume; VolumeBrokenError where it is no volume, or two."""
        paths = self.paths(name)
        if len(paths) > 1:
            reason = f"{paths[1].name} is there too, from a conversion cut short; remove one"
            raise VolumeBrokenError(str(paths[0]), reason)
        return self._read(paths[0]) if paths else None

    def names(self) -> List[str]:
        """Return the names of the files that are volumes."""
        found = {path.stem for kind in self.kinds for path in self.directory.glob(f"*.{kind}")}
        return sorted(found)

    def allocated_bytes(self, found: Found) -> int:
        """Return what the file takes of the disk."""
        return found.path.stat().st_blocks * _BLOCK

    def create(self, name: str, kind: str, size_bytes: int, image: Path | None) -> None:
        """Make an empty file, an overlay of an image, or a raw copy of one."""
        files.make_directory(self.directory)
        path = self._path(name, kind)
        if kind == "raw" and image is not None:
            qemu_img.convert(qemu_img.Source(image, "qcow2"), path, kind)
            qemu_img.grow(path, size_bytes, kind)
        else:
            qemu_img.create(path, size_bytes, image, kind)
        _mark(path)

    def grow(self, found: Found, size_bytes: int) -> None:
        """Let the guest see more."""
        qemu_img.grow(found.path, size_bytes, found.kind)

    def make_room(self, found: Found, size_bytes: int) -> None:
        """Nothing to do: QEMU makes the file longer itself."""

    def convert(self, found: Found, kind: str) -> None:
        """Rewrite the file; a raw one stands alone."""
        path = found.path.with_suffix(f".{kind}")
        backing = found.backing if kind == "qcow2" else None
        qemu_img.convert(qemu_img.Source(found.path, found.kind), path, kind, backing)
        if path != found.path:
            found.path.unlink()
        files.sync_directory(self.directory)
        _mark(path)

    def remove(self, name: str) -> None:
        """Remove the files under this name, and what a killed module left of them."""
        for path in self.paths(name):
            path.unlink()
        for kind in self.kinds:
            qemu_img.part_of(self._path(name, kind)).unlink(missing_ok=True)

    def _read(self, path: Path) -> Found | None:
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        is_compact = _marked(path) == str(status.st_mtime_ns)
        if path.suffix == ".raw":
            return Found(path, "raw", status.st_size, is_compact=is_compact)
        header = qcow2.read_header(path)
        if header is None:
            return None
        size, backing = header.virtual_size_bytes, header.backing
        return Found(path, "qcow2", size, backing, header.snapshots, is_compact)

    def _path(self, name: str, kind: str) -> Path:
        return files.volume_path(str(self.directory), name).with_suffix(f".{kind}")


def _mark(path: Path) -> None:
    """Without extended attributes on this file system, a compaction is done each time."""
    with contextlib.suppress(OSError):
        os.setxattr(path, _COMPACT, str(path.stat().st_mtime_ns).encode())


def _marked(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return os.getxattr(path, _COMPACT).decode("ascii", "replace")
    return None
