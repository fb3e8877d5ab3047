"""The image store: one file per image under `<state_dir>/images`, named by the image's id only.

An upload grows as `<id>.part`, locked, and becomes `<id>` by rename after it reached the disk.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Protocol

from skep.core.store.image_inspection import ImageTooLargeError
from skep.domain.errors import SkepError

_CHUNK_BYTES = 2**20


class ByteSource(Protocol):
    """Where an upload comes from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


@dataclass(eq=False)
class UploadBusyError(SkepError):
    """Another upload of this image is under way."""

    code: ClassVar[str] = "upload_busy"
    template: ClassVar[str] = "image {name!r} is being uploaded by another client; wait for its end"
    name: str


@dataclass(eq=False)
class UploadIncompleteError(SkepError):
    """The client sent fewer bytes than it announced."""

    code: ClassVar[str] = "upload_incomplete"
    template: ClassVar[str] = (
        "got {size_bytes} bytes of the {announced_bytes} announced; upload the file again"
    )
    size_bytes: int
    announced_bytes: int


@dataclass(eq=False)
class StoreFullError(SkepError):
    """The image store's file system has no room."""

    code: ClassVar[str] = "image_store_full"
    template: ClassVar[str] = (
        "the Core's image store {directory} has no room for {size_bytes} bytes; "
        "delete images or give it a larger file system"
    )
    directory: str
    size_bytes: int


@dataclass(frozen=True)
class Received:
    """What arrived."""

    size_bytes: int
    sha256: str


class ImageFiles:
    """The files of all images; paths follow from ids, never from names."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, image_id: str) -> Path:
        """Where the finished file is."""
        return self._directory / image_id

    @contextmanager
    def receiving(self, image_id: str, name: str) -> Iterator[IO[bytes]]:
        """Give the locked, empty `.part` file; it is gone afterwards unless it was published.

        Raises:
            UploadBusyError: another request holds it.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._part(image_id)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UploadBusyError(name) from error
            if os.fstat(descriptor).st_nlink == 0:  # its last holder removed it meanwhile
                raise UploadBusyError(name)
            file.truncate(0)
            try:
                yield file
            finally:
                part.unlink(missing_ok=True)

    def is_receiving(self, image_id: str) -> bool:
        """Whether an upload of this image is under way in any process."""
        try:
            with self._part(image_id).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def fill(self, file: IO[bytes], source: ByteSource, announced: int, limit: int) -> Received:
        """Copy the source into the file and hash it on the way.

        Raises:
            ImageTooLargeError: more than `limit` bytes.
            StoreFullError: the file system has no room.
            UploadIncompleteError: fewer bytes than announced.
        """
        if announced > limit:
            raise ImageTooLargeError("the file", announced, limit)
        digest, size = hashlib.sha256(), 0
        try:
            self._reserve(file, announced)
            while chunk := source.read(min(_CHUNK_BYTES, announced - size)):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise
            raise StoreFullError(str(self._directory), announced) from error
        if size != announced:
            raise UploadIncompleteError(size, announced)
        return Received(size, digest.hexdigest())

    def part_path(self, image_id: str) -> Path:
        """Where a file stays until it is inspected."""
        return self._part(image_id)

    def publish(self, image_id: str) -> None:
        """Give the inspected file its final name, durably."""
        self._part(image_id).rename(self.path(image_id))
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def remove(self, image_id: str) -> None:
        """Remove the file; nothing happens when there is none."""
        self.path(image_id).unlink(missing_ok=True)

    def tidy(self, known: frozenset[str]) -> list[str]:
        """Remove what a killed process left behind; return the names. `known` are ready images."""
        if not self._directory.is_dir():
            return []
        stray = [each for each in self._directory.iterdir() if each.name not in known]
        for each in stray:
            each.unlink(missing_ok=True)
        return sorted(each.name for each in stray)

    def _part(self, image_id: str) -> Path:
        return self._directory / f"{image_id}.part"

    @staticmethod
    def _reserve(file: IO[bytes], size: int) -> None:
        # A full disk is found before the client sends gigabytes. Not every file system can do it.
        if size == 0:
            return
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
                raise
