# SPDX-License-Identifier: Apache-2.0
"""Volumes on a Cell: writable qcow2 files, usually overlays of an image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    ImageNotPlacedError,
    InvalidItemError,
    VolumeBackingError,
    VolumeInUseError,
    VolumeShrinkError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files, qcow2, qemu_img
from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan

_SECTOR = 512  # qcow2 sizes are whole sectors
_UUID_LENGTH = 36


class Step(Enum):
    """What can happen to a volume."""

    CREATE = "create"
    GROW = "grow"
    REMOVE = "remove"


@dataclass(frozen=True)
class VolumeSpec:
    """One volume as wanted; a size of None is the image's."""

    name: str
    state: str
    size_bytes: int | None
    backing_image: str | None
    keep_if_used: bool


@dataclass(frozen=True)
class CurrentVolume:
    """What is there: the volume, the image it should lie on, and the domain that uses it."""

    header: qcow2.Header | None
    image_size_bytes: int | None
    image_path: str | None
    user: str | None


@dataclass(frozen=True)
class VolumePlan(Plan):
    """A plan that knows the size to give."""

    size_bytes: int = 0


@dataclass(frozen=True)
class VolumeStore:
    """The volume directory of a Cell; `users` maps a file's path to the domain that has it."""

    noun: ClassVar[str] = "volume"
    directory: Path
    image_directory: Path
    users: Callable[[], Mapping[str, str]]

    def identify(self, item: Item) -> str:
        """Return the name as it was given."""
        return str(item["name"])

    def resolve(self, item: Item) -> VolumeSpec:
        """Return the checked item, its size in whole sectors."""
        name = files.check_volume(item["name"])
        size = item["size_bytes"]
        if size is not None and size < 1:
            raise InvalidItemError("size_bytes", size, "at least 1")
        image = item["backing_image"]
        return VolumeSpec(
            name=name,
            state=item["state"],
            size_bytes=None if size is None else -(-size // _SECTOR) * _SECTOR,
            backing_image=None if image is None else files.check_sha256(image),
            keep_if_used=item["in_use"] == "keep",
        )

    def lock_id(self, spec: VolumeSpec) -> str:
        """The lock of the instance that the volume belongs to, the same as its domain's."""
        return spec.name[:_UUID_LENGTH]

    def read(self, spec: VolumeSpec) -> CurrentVolume:
        """Return the volume's and its image's headers; who uses it only for a removal."""
        path = self._path(spec)
        image = self._image(spec)
        image_header = qcow2.read_header(image) if image else None
        user = self.users().get(str(path)) if spec.state == "absent" else None
        return CurrentVolume(
            header=_header(path, spec),
            image_size_bytes=image_header.virtual_size_bytes if image_header else None,
            image_path=str(image) if image else None,
            user=user,
        )

    def plan(self, spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
        """Decide what the volume needs."""
        if spec.state == "absent":
            return _plan_absent(spec, current)
        if current.header is None:
            return _plan_new(spec, current)
        return _plan_existing(spec, current, current.header)

    def apply(self, spec: VolumeSpec, plan: VolumePlan) -> None:
        """Take the one step of the plan."""
        if Step.REMOVE in plan.steps:
            self._path(spec).unlink()
        elif Step.GROW in plan.steps:
            qemu_img.grow(self._path(spec), plan.size_bytes)
        else:
            self._create(spec, plan.size_bytes)

    def observe(self, spec: VolumeSpec) -> Mapping[str, Any]:
        """The size that the guest sees, None when there is no volume."""
        header = qcow2.read_header(self._path(spec))
        return {"size_bytes": header.virtual_size_bytes if header else None}

    def _create(self, spec: VolumeSpec, size_bytes: int) -> None:
        image = self._image(spec)
        if image and not image.exists():
            raise ImageNotPlacedError(spec.name, spec.backing_image or "")
        files.make_directory(self.directory)
        qemu_img.create(self._path(spec), size_bytes, image)

    def _path(self, spec: VolumeSpec) -> Path:
        return files.volume_path(str(self.directory), spec.name)

    def _image(self, spec: VolumeSpec) -> Path | None:
        if spec.backing_image is None:
            return None
        return files.image_path(str(self.image_directory), spec.backing_image)


def _header(path: Path, spec: VolumeSpec) -> qcow2.Header | None:
    if spec.state == "absent" and path.exists():
        # A broken file is removed like any other.
        return qcow2.Header(0, None, has_data_file=False)
    return qcow2.read_header(path)


def _plan_absent(spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
    if current.header is None:
        return VolumePlan()
    if current.user is not None:
        if spec.keep_if_used:
            return VolumePlan()
        raise VolumeInUseError(spec.name, current.user)
    return VolumePlan((Step.REMOVE,), {"state": "present"}, {"state": "absent"})


def _plan_new(spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
    if spec.size_bytes is None and spec.backing_image is None:
        raise InvalidItemError("size_bytes", None, "needed where there is no backing_image")
    least = current.image_size_bytes or 0
    size = spec.size_bytes or least
    if size < least:
        raise VolumeShrinkError(spec.name, size, least)
    after = _shown(size or None, spec.backing_image)
    return VolumePlan((Step.CREATE,), {"state": "absent"}, after, size_bytes=size)


def _plan_existing(spec: VolumeSpec, current: CurrentVolume, header: qcow2.Header) -> VolumePlan:
    if header.backing != current.image_path:
        raise VolumeBackingError(spec.name, header.backing, current.image_path)
    have = header.virtual_size_bytes
    if spec.size_bytes is None or spec.size_bytes == have:
        return VolumePlan()
    if spec.size_bytes < have:
        raise VolumeShrinkError(spec.name, spec.size_bytes, have)
    before = _shown(have, spec.backing_image)
    after = _shown(spec.size_bytes, spec.backing_image)
    return VolumePlan((Step.GROW,), before, after, size_bytes=spec.size_bytes)


def _shown(size_bytes: int | None, image: str | None) -> Dict[str, Any]:
    return {"state": "present", "size_bytes": size_bytes, "backing_image": image}
