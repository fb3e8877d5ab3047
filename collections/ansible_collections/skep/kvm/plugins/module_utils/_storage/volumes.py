# SPDX-License-Identifier: Apache-2.0
"""Volumes as items: writable disks of instances, usually overlays of an image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ClassVar, Mapping, Optional

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    ImageNotPlacedError,
    InvalidItemError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files, qcow2
from ansible_collections.skep.kvm.plugins.module_utils._items import Item
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import VolumeFormatError
from ansible_collections.skep.kvm.plugins.module_utils._storage.inspect import SIZE_MAX_BYTES
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Found, Place
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import Usage, User
from ansible_collections.skep.kvm.plugins.module_utils._storage.volume_plan import (
    CurrentVolume,
    Step,
    VolumePlan,
    VolumeSpec,
    plan,
)

_UUID_LENGTH = 36


@dataclass(frozen=True)
class VolumeStore:
    """The volumes of a Cell; `place_of` a pool's name is where they lie, of None the usual one."""

    noun: ClassVar[str] = "volume"
    image_directory: Path
    usage: Usage
    place_of: Callable[[Optional[str]], Place]

    def identify(self, item: Item) -> str:
        """Return the name as it was given."""
        return str(item["name"])

    def resolve(self, item: Item) -> VolumeSpec:
        """Return the checked item, its size as the place can give it."""
        name = files.check_volume(item["name"])
        size = item["size_bytes"]
        if size is not None and not 1 <= size <= SIZE_MAX_BYTES:
            raise InvalidItemError("size_bytes", size, f"1 to {SIZE_MAX_BYTES}")
        image = item["backing_image"]
        place = self.place_of(item["pool"])
        return VolumeSpec(
            name=name,
            state=item["state"],
            size_bytes=None if size is None else place.rounded(size),
            backing_image=None if image is None else files.check_sha256(image),
            keep_if_used=item["in_use"] == "keep",
            kind=item["format"],
            compact=item["compact"],
            pool=item["pool"],
        )

    def lock_id(self, spec: VolumeSpec) -> str:
        """The lock of the instance that the volume belongs to, the same as its domain's."""
        return spec.name[:_UUID_LENGTH]

    def read(self, spec: VolumeSpec) -> CurrentVolume:
        """Return the volume and its image; who has it only where that matters."""
        place = self.place_of(spec.pool)
        image = self._image(spec)
        header = qcow2.read_header(image) if image else None
        found = _any(place, spec) if spec.state == "absent" else place.find(spec.name)
        return CurrentVolume(
            found=found,
            image_size_bytes=place.rounded(header.virtual_size_bytes) if header else None,
            image_path=str(image) if image else None,
            user=self._user(spec, found, place),
            kinds=place.kinds,
        )

    def plan(self, spec: VolumeSpec, current: CurrentVolume) -> VolumePlan:
        """Decide; see volume_plan.py."""
        return plan(spec, current)

    def apply(self, spec: VolumeSpec, plan: VolumePlan) -> None:
        """Take the steps in order."""
        for step in plan.steps:
            if step is Step.CREATE:
                self._create(spec, plan)
            elif step is Step.REMOVE:
                self.place_of(spec.pool).remove(spec.name)
            else:
                self._change(step, spec, plan)

    def observe(self, spec: VolumeSpec) -> Mapping[str, Any]:
        """The size that the guest sees and where the volume lies; None when there is none."""
        found = self.place_of(spec.pool).find(spec.name)
        if found is None:
            return {"size_bytes": None, "format": None, "path": None}
        return {"size_bytes": found.size_bytes, "format": found.kind, "path": str(found.path)}

    def _create(self, spec: VolumeSpec, plan: VolumePlan) -> None:
        image = self._image(spec)
        if image and not image.exists():
            raise ImageNotPlacedError(spec.name, spec.backing_image or "")
        self.place_of(spec.pool).create(spec.name, plan.kind, plan.size_bytes, image)

    def _change(self, step: Step, spec: VolumeSpec, plan: VolumePlan) -> None:
        place = self.place_of(spec.pool)
        found = place.find(spec.name)
        if found is None:
            raise VolumeFormatError(spec.name, "it was removed meanwhile")
        if step in {Step.CONVERT, Step.COMPACT}:
            place.convert(found, plan.kind)
        elif step is Step.GROW:
            place.grow(found, plan.size_bytes)
        else:
            self._grow_live(place, found, plan)

    def _grow_live(self, place: Place, found: Found, plan: VolumePlan) -> None:
        user = self.usage.of(str(found.path))
        place.make_room(found, plan.size_bytes)
        if user is not None:
            self.usage.resize(user, str(found.path), plan.size_bytes)

    def _user(self, spec: VolumeSpec, found: Found | None, place: Place) -> User | None:
        """Libvirt is asked only where a volume is to be removed or rewritten."""
        if found is None:
            return None
        if spec.state == "absent":
            users = (self.usage.of(str(path)) for path in place.paths(spec.name))
            return next((each for each in users if each is not None), None)
        grows = spec.size_bytes is not None and spec.size_bytes > found.size_bytes
        if grows or spec.kind not in {None, found.kind} or spec.compact:
            return self.usage.of(str(found.path))
        return None

    def _image(self, spec: VolumeSpec) -> Path | None:
        if spec.backing_image is None:
            return None
        return files.image_path(str(self.image_directory), spec.backing_image)


def _any(place: Place, spec: VolumeSpec) -> Found | None:
    """A broken file is removed like any other."""
    paths = place.paths(spec.name)
    return Found(paths[0], "qcow2", 0) if paths else None
