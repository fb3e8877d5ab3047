# SPDX-License-Identifier: Apache-2.0
"""What a place for volumes can do, whether it is a directory or a volume group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, List, Protocol, Tuple


@dataclass(frozen=True)
class Found:
    """A volume as it lies there; `size_bytes` is what the guest sees."""

    path: Path
    kind: str
    size_bytes: int
    backing: str | None = None
    snapshots: int = 0
    is_compact: bool = False


class Place(Protocol):
    """Somewhere that volumes lie, by their names."""

    kinds: ClassVar[Tuple[str, ...]]
    """The formats it takes, the usual one first."""

    def rounded(self, size_bytes: int) -> int:
        """Return the least size it can give that is not less."""

    def paths(self, name: str) -> List[Path]:
        """Return all that lies under this name, sound or broken."""

    def find(self, name: str) -> Found | None:
        """Return the volume, or raise VolumeBrokenError."""

    def names(self) -> List[str]:
        """Return what the volumes are called."""

    def allocated_bytes(self, found: Found) -> int:
        """Return what it takes of the place."""

    def create(self, name: str, kind: str, size_bytes: int, image: Path | None) -> None:
        """Make a volume on or from an image, or an empty one, in one step."""

    def grow(self, found: Found, size_bytes: int) -> None:
        """Make room in a volume that no QEMU has open, and let the guest see it."""

    def make_room(self, found: Found, size_bytes: int) -> None:
        """Make room in a volume that QEMU has open; QEMU then lets the guest see it."""

    def convert(self, found: Found, kind: str) -> None:
        """Rewrite a volume in a format, without what is unused."""

    def remove(self, name: str) -> None:
        """Remove all that lies under this name."""
