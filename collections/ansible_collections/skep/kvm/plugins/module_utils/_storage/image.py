# SPDX-License-Identifier: Apache-2.0
"""Images on a Cell: read-only files named after their checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Mapping, Optional

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    ImageInUseError,
    InvalidItemError,
    VolumeBrokenError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import download, files, qcow2
from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan
from ansible_collections.skep.kvm.plugins.module_utils._storage import inspect
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import MediaInUseError
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import User

_SUFFIXES = {"disk": ".qcow2", "media": ".iso"}
_CHUNK = 1 << 20


class Step(Enum):
    """What can happen to an image."""

    PLACE = "place"
    REMOVE = "remove"


@dataclass(frozen=True)
class ImageSpec:
    """One image as wanted."""

    sha256: str
    state: str
    size_bytes: int
    url: str
    kind: str
    verify: bool


@dataclass(frozen=True)
class CurrentImage:
    """What is there: the file's size, whether its content was found to be another, its users."""

    size_bytes: int | None
    is_rotten: bool = False
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageStore:
    """The image directory of a Cell, filled from one server; `user_of` a path asks libvirt."""

    noun: ClassVar[str] = "image"
    directory: Path
    volume_directories: Callable[[], tuple[Path, ...]]
    user_of: Callable[[str], Optional[User]]
    ca_pem: str | None = None
    token: str | None = None

    def identify(self, item: Item) -> str:
        """Return the checksum as it was given."""
        return str(item["sha256"])

    def resolve(self, item: Item) -> ImageSpec:
        """Return the checked item."""
        size = item["size_bytes"] or 0
        if not 0 <= size <= inspect.SIZE_MAX_BYTES:
            raise InvalidItemError("size_bytes", size, f"at most {inspect.SIZE_MAX_BYTES}")
        return ImageSpec(
            sha256=files.check_sha256(item["sha256"]),
            state=item["state"],
            size_bytes=size,
            url=item["url"] or "",
            kind=item["kind"],
            verify=item["verify"],
        )

    def lock_id(self, spec: ImageSpec) -> str:
        """One lock for each image."""
        return spec.sha256

    def read(self, spec: ImageSpec) -> CurrentImage:
        """Return the file's size, its content's state if asked, and for a removal its users."""
        path = self._path(spec)
        if not path.exists():
            return CurrentImage(None)
        is_rotten = spec.state == "present" and spec.verify and _sha256_of(path) != spec.sha256
        users = self._users(spec, path) if spec.state == "absent" else ()
        return CurrentImage(path.stat().st_size, is_rotten, users)

    def plan(self, spec: ImageSpec, current: CurrentImage) -> Plan:
        """A present image of the right size is trusted unless it is to be verified."""
        before = _shown(current)
        if spec.state == "absent":
            if current.size_bytes is None:
                return Plan()
            _check_unused(spec, current)
            return Plan((Step.REMOVE,), before, _shown(CurrentImage(None)))
        if current.size_bytes == spec.size_bytes and not current.is_rotten:
            return Plan()
        return Plan((Step.PLACE,), before, _shown(CurrentImage(spec.size_bytes)))

    def apply(self, spec: ImageSpec, plan: Plan) -> None:
        """Place or remove the file."""
        if Step.REMOVE in plan.steps:
            self._path(spec).unlink()
        else:
            self._place(spec)
        files.sync_directory(self.directory)

    def observe(self, spec: ImageSpec) -> Mapping[str, Any]:
        """Where the image lies."""
        path = self._path(spec)
        return {"path": str(path) if path.exists() else None}

    def _place(self, spec: ImageSpec) -> None:
        files.make_directory(self.directory)
        path = self._path(spec)
        part = path.with_suffix(".part")
        source = download.Source(
            spec.url, spec.size_bytes, spec.sha256, ca_pem=self.ca_pem, token=self.token
        )
        download.fetch(source, part)
        check = inspect.check_media if spec.kind == "media" else inspect.check_disk
        try:
            check(spec.sha256, part)
        except CellError:
            part.unlink()
            raise
        part.chmod(0o444)
        part.replace(path)

    def _users(self, spec: ImageSpec, path: Path) -> tuple[str, ...]:
        if spec.kind == "media":
            user = self.user_of(str(path))
            return () if user is None else (user.name,)
        return tuple(
            name for folder in self.volume_directories() for name in overlays_of(path, folder)
        )

    def _path(self, spec: ImageSpec) -> Path:
        disk = files.image_path(str(self.directory), spec.sha256)
        return disk.with_suffix(_SUFFIXES[spec.kind])


def _check_unused(spec: ImageSpec, current: CurrentImage) -> None:
    if not current.users:
        return
    if spec.kind == "media":
        raise MediaInUseError(spec.sha256, current.users[0])
    raise ImageInUseError(spec.sha256, len(current.users), current.users[0])


def overlays_of(image: Path, volume_directory: Path) -> tuple[str, ...]:
    """Return the names of the volumes whose backing is this image."""
    backings = {path.stem: _backing(path) for path in sorted(volume_directory.glob("*.qcow2"))}
    return tuple(name for name, backing in backings.items() if backing == str(image))


def _backing(path: Path) -> str | None:
    try:
        header = qcow2.read_header(path)
    except VolumeBrokenError:
        return None
    return header.backing if header else None


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _shown(current: CurrentImage) -> Dict[str, Any]:
    if current.size_bytes is None:
        return {"state": "absent"}
    shown: Dict[str, Any] = {"state": "present", "size_bytes": current.size_bytes}
    return {**shown, "content": "another"} if current.is_rotten else shown
