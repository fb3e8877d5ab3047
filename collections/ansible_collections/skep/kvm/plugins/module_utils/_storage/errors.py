# SPDX-License-Identifier: Apache-2.0
"""What can be wrong about volumes and seeds, beyond what other modules know too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError


@dataclass(eq=False)
class VolumeSnapshotsError(CellError):
    """A file that is rewritten would lose the snapshots inside it."""

    code: ClassVar[str] = "volume_has_snapshots"
    template: ClassVar[str] = (
        "volume {volume} holds {count} snapshots, which {action} would lose; delete them first"
    )
    volume: str
    count: int
    action: str


@dataclass(eq=False)
class VolumeFormatError(CellError):
    """The place or the volume allows no such format."""

    code: ClassVar[str] = "volume_format"
    template: ClassVar[str] = "volume {volume}: {reason}"
    volume: str
    reason: str


@dataclass(eq=False)
class PoolUnusableError(CellError):
    """The pool that a volume names cannot take it."""

    code: ClassVar[str] = "pool_unusable"
    template: ClassVar[str] = "pool {pool!r}: {reason}"
    pool: str
    reason: str


@dataclass(eq=False)
class MediaInUseError(CellError):
    """A domain has the medium in its drive."""

    code: ClassVar[str] = "image_in_use"
    template: ClassVar[str] = "image {sha256} is in the drive of domain {domain!r}; eject it first"
    sha256: str
    domain: str


@dataclass(eq=False)
class SeedInUseError(CellError):
    """A domain has the seed in its drive."""

    code: ClassVar[str] = "seed_in_use"
    template: ClassVar[str] = "seed {seed} is used by domain {domain!r}; eject or delete it first"
    seed: str
    domain: str


@dataclass(eq=False)
class VolumeNotFoundError(CellError):
    """The place holds no volume of this name."""

    code: ClassVar[str] = "volume_not_found"
    template: ClassVar[str] = "volume {volume} does not exist there; see volume_info without names"
    volume: str
