# SPDX-License-Identifier: Apache-2.0
"""What can be wrong about a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError


@dataclass(eq=False)
class SnapshotNotFoundError(CellError):
    """The domain has no snapshot of this name."""

    code: ClassVar[str] = "snapshot_not_found"
    template: ClassVar[str] = "domain {domain!r} has no snapshot {snapshot!r}; it has {known}"
    domain: str
    snapshot: str
    known: str


@dataclass(eq=False)
class SnapshotDiffersError(CellError):
    """The name belongs to a snapshot of another kind."""

    code: ClassVar[str] = "snapshot_differs"
    template: ClassVar[str] = (
        "snapshot {snapshot!r} of domain {domain!r} was made {actual} memory, not {wanted};"
        " delete it or choose another name"
    )
    domain: str
    snapshot: str
    actual: str
    wanted: str


@dataclass(eq=False)
class SnapshotUnsupportedError(CellError):
    """The domain's disks cannot hold a snapshot."""

    code: ClassVar[str] = "snapshot_unsupported"
    template: ClassVar[str] = "domain {domain!r}: {reason}; {advice}"
    domain: str
    reason: str
    advice: str
