# SPDX-License-Identifier: Apache-2.0
"""Decides what a volume needs. Pure: reads no file and no libvirt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, List, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    InvalidItemError,
    VolumeBackingError,
    VolumeInUseError,
    VolumeShrinkError,
)
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import (
    VolumeFormatError,
    VolumeSnapshotsError,
)
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Found
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import User


class Step(Enum):
    """What can happen to a volume."""

    CREATE = "create"
    CONVERT = "convert"
    GROW = "grow"
    GROW_LIVE = "grow live"
    COMPACT = "compact"
    REMOVE = "remove"


@dataclass(frozen=True)
class VolumeSpec:
    """One volume as wanted; a size of None is the image's, a format of None what is there."""

    name: str
    state: str
    size_bytes: int | None
    backing_image: str | None
    keep_if_used: bool = False
    kind: str | None = None
    compact: bool = False
    pool: str | None = None


@dataclass(frozen=True)
class CurrentVolume:
    """What is there: the volume, the image it should lie on, and the domain that has it."""

    found: Found | None = None
    image_size_bytes: int | None = None
    image_path: str | None = None
    user: User | None = None
    kinds: Tuple[str, ...] = ("qcow2", "raw")


@dataclass(frozen=True)
class VolumePlan(Plan):
    """A plan that knows the format and the size to give."""

    kind: str = "qcow2"
    size_bytes: int = 0


def plan(spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
    """Return the steps from what is there to what is wanted.

    Raises:
        InvalidItemError: a new volume has neither size nor image.
        VolumeBackingError: it lies on another image.
        VolumeFormatError: the place or the volume allows no such format.
        VolumeInUseError: a domain has it, and the step needs it alone.
        VolumeShrinkError: it would lose its end.
        VolumeSnapshotsError: it would lose its snapshots.
    """
    if spec.state == "absent":
        return _plan_absent(spec, current)
    if spec.kind is not None and spec.kind not in current.kinds:
        raise VolumeFormatError(spec.name, f"its pool holds only {', '.join(current.kinds)}")
    if spec.compact and "qcow2" not in current.kinds:
        raise VolumeFormatError(spec.name, "a block device cannot be compacted; trim in the guest")
    if current.found is None:
        return _plan_new(spec, current)
    return _plan_existing(spec, current, current.found)


def _plan_absent(spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
    if current.found is None:
        return VolumePlan()
    if current.user is not None:
        if spec.keep_if_used:
            return VolumePlan()
        raise VolumeInUseError(spec.name, current.user.name)
    return VolumePlan((Step.REMOVE,), {"state": "present"}, {"state": "absent"})


def _plan_new(spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
    if spec.size_bytes is None and spec.backing_image is None:
        raise InvalidItemError("size_bytes", None, "needed where there is no backing_image")
    least = current.image_size_bytes or 0
    size = spec.size_bytes or least
    if size < least:
        raise VolumeShrinkError(spec.name, size, least)
    kind = spec.kind or current.kinds[0]
    after = _shown(size or None, spec.backing_image, kind)
    return VolumePlan((Step.CREATE,), {"state": "absent"}, after, kind=kind, size_bytes=size)


def _plan_existing(spec: VolumeSpec, current: CurrentVolume, found: Found) -> VolumePlan:
    kind = spec.kind or found.kind
    _check_backing(spec, current, found)
    size = found.size_bytes if spec.size_bytes is None else spec.size_bytes
    if size < found.size_bytes:
        raise VolumeShrinkError(spec.name, size, found.size_bytes)
    steps: List[Step] = []
    if kind != found.kind:
        _check_alone(spec, current, found, "converting it")
        steps.append(Step.CONVERT)
    elif spec.compact and not found.is_compact:
        _check_off(spec, current, found, "compacting it")
        steps.append(Step.COMPACT)
    if size > found.size_bytes:
        is_live = current.user is not None and current.user.is_active
        steps.append(Step.GROW_LIVE if is_live else Step.GROW)
    before = _shown(found.size_bytes, spec.backing_image, found.kind)
    after = _shown(size, spec.backing_image, kind)
    if Step.COMPACT in steps:
        before, after = {**before, "compact": False}, {**after, "compact": True}
    return VolumePlan(tuple(steps), before, after, kind=kind, size_bytes=size)


def _check_backing(spec: VolumeSpec, current: CurrentVolume, found: Found) -> None:
    """A raw volume knows no image any more; whatever it was made from is accepted."""
    if found.kind == "raw":
        if spec.kind == "qcow2" and spec.backing_image is not None:
            reason = "a raw volume cannot become an overlay of an image; leave out backing_image"
            raise VolumeFormatError(spec.name, reason)
        return
    is_flattened = spec.kind == "raw" and spec.backing_image is None
    if not is_flattened and found.backing != current.image_path:
        raise VolumeBackingError(spec.name, found.backing, current.image_path)


def _check_alone(spec: VolumeSpec, current: CurrentVolume, found: Found, action: str) -> None:
    """A domain's definition names the file, and a converted one has another name."""
    if current.user is not None:
        raise VolumeInUseError(spec.name, current.user.name, f"detach it before {action}")
    _check_snapshots(spec, found, action)


def _check_off(spec: VolumeSpec, current: CurrentVolume, found: Found, action: str) -> None:
    if current.user is not None and current.user.is_active:
        raise VolumeInUseError(spec.name, current.user.name, f"stop it before {action}")
    _check_snapshots(spec, found, action)


def _check_snapshots(spec: VolumeSpec, found: Found, action: str) -> None:
    if found.snapshots:
        raise VolumeSnapshotsError(spec.name, found.snapshots, action)


def _shown(size_bytes: int | None, image: str | None, kind: str) -> Dict[str, Any]:
    shown = {"state": "present", "size_bytes": size_bytes, "backing_image": image}
    return {**shown, "format": kind}
