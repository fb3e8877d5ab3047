# SPDX-License-Identifier: Apache-2.0
"""Images on a Cell: read-only files named after their checksum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    ImageInUseError,
    UnsafeImageError,
    VolumeBrokenError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import download, files, qcow2
from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan


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


@dataclass(frozen=True)
class CurrentImage:
    """What is there: the file's size, and the volumes that lie on it."""

    size_bytes: int | None
    volumes: tuple[str, ...]


@dataclass(frozen=True)
class ImageStore:
    """The image directory of a Cell, filled from one server."""

    noun: ClassVar[str] = "image"
    directory: Path
    volume_directory: Path
    ca_pem: str | None = None
    token: str | None = None

    def identify(self, item: Item) -> str:
        """Return the checksum as it was given."""
        return str(item["sha256"])

    def resolve(self, item: Item) -> ImageSpec:
        """Return the checked item."""
        sha256 = files.check_sha256(item["sha256"])
        return ImageSpec(sha256, item["state"], item["size_bytes"] or 0, item["url"] or "")

    def lock_id(self, spec: ImageSpec) -> str:
        """One lock for each image."""
        return spec.sha256

    def read(self, spec: ImageSpec) -> CurrentImage:
        """Return the file's size and, for a removal, who lies on it."""
        path = self._path(spec)
        size = path.stat().st_size if path.exists() else None
        volumes = overlays_of(path, self.volume_directory) if spec.state == "absent" else ()
        return CurrentImage(size, volumes)

    def plan(self, spec: ImageSpec, current: CurrentImage) -> Plan:
        """A present image of the right size is trusted: its checksum was verified when placed."""
        before = _shown(current.size_bytes)
        if spec.state == "absent":
            if current.size_bytes is None:
                return Plan()
            if current.volumes:
                raise ImageInUseError(spec.sha256, len(current.volumes), current.volumes[0])
            return Plan((Step.REMOVE,), before, _shown(None))
        if current.size_bytes == spec.size_bytes:
            return Plan()
        return Plan((Step.PLACE,), before, _shown(spec.size_bytes))

    def apply(self, spec: ImageSpec, plan: Plan) -> None:
        """Place or remove the file."""
        if Step.REMOVE in plan.steps:
            self._path(spec).unlink()
        else:
            self._place(spec)
        files.sync_directory(self.directory)

    def observe(self, spec: ImageSpec) -> Mapping[str, Any]:
        """An image has no facts beyond its id."""
        del spec
        return {}

    def _place(self, spec: ImageSpec) -> None:
        files.make_directory(self.directory)
        path = self._path(spec)
        part = path.with_suffix(".part")
        source = download.Source(
            spec.url, spec.size_bytes, spec.sha256, ca_pem=self.ca_pem, token=self.token
        )
        download.fetch(source, part)
        try:
            check_stands_alone(spec.sha256, part)
        except CellError:
            part.unlink()
            raise
        part.chmod(0o444)
        part.replace(path)

    def _path(self, spec: ImageSpec) -> Path:
        return files.image_path(str(self.directory), spec.sha256)


def check_stands_alone(sha256: str, path: Path) -> None:
    """Raise UnsafeImageError unless the file is a qcow2 image that names no other file.

    The Core inspected it already; a Cell does not have to believe that.
    """
    try:
        header = qcow2.read_header(path)
    except VolumeBrokenError as error:
        raise UnsafeImageError(sha256, error.reason) from error
    if header is None or header.backing is not None:
        raise UnsafeImageError(sha256, "it names a backing file")
    if header.has_data_file:
        raise UnsafeImageError(sha256, "it names an external data file")


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


def _shown(size_bytes: int | None) -> Dict[str, Any]:
    if size_bytes is None:
        return {"state": "absent"}
    return {"state": "present", "size_bytes": size_bytes}
