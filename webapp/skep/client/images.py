"""Images: the read-only sources of volumes, and CDs."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, ClassVar

from pydantic import Field

from skep.client.errors import FileChangedError
from skep.client.runs import Run, run_of
from skep.client.transport import Model, Transport, read, segment
from skep.domain.states import ImageKind, ImageState

# The Core may need this long between two signs of life while it writes and inspects.
_PATIENCE_S = 900.0


class Image(Model):
    """One image. Only a `ready` one can be used; `cached_on` names the Cells that hold it."""

    id: str
    name: str
    kind: str = ImageKind.DISK
    state: str = ImageState.UPLOADING
    format: str | None = None
    size_bytes: int | None = None
    virtual_size_bytes: int | None = None
    sha256: str | None = None
    error: Any = None
    cached_on: list[str] = Field(default_factory=list)
    created_at: datetime | None = None
    generation: int | None = None


OnBytes = Callable[[int], None]


class Images:
    """The Core's image store."""

    path: ClassVar[str] = "/images"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[Image]:
        """Yield the images."""
        for item in self._transport.items(self.path, {}, limit):
            yield read(Image, item, self.path)

    def get(self, name: str) -> Image:
        """Return one image by name or id."""
        path = self._path(name)
        return read(Image, self._transport.get(path), path)

    def create(self, name: str, kind: str = ImageKind.DISK) -> Image:
        """Create an image that waits for its content."""
        return read(Image, self._transport.post(self.path, {"name": name, "kind": kind}), self.path)

    def upload(self, name: str, source: Path, on_bytes: OnBytes | None = None) -> Image:
        """Send a file as the content of an image; `on_bytes` hears the bytes sent so far.

        Raises:
            OSError: the file cannot be read.
            InvalidRequestError: the Core refuses the content, with its code
                (not_an_image, unsafe_image, image_too_large).
        """
        path = self._path(name, "/content")
        with source.open("rb") as stream:
            body = _Body(stream, source, on_bytes)
            headers = {"Content-Type": "application/octet-stream"}
            transport = Transport(self._transport.endpoint.patient(_PATIENCE_S))
            with transport, transport.request("PUT", path, data=body, headers=headers) as response:
                return read(Image, response.json(), path)

    def delete(self, name: str) -> Run:
        """Delete an image that no instance uses, on the Core and on all Cells."""
        path = self._path(name)
        return run_of(self._transport.delete(path), path)

    def _path(self, name: str, action: str = "") -> str:
        return f"{self.path}/{segment('image', name)}{action}"


class _Body:
    """A request body of exactly the size that the file had: its length is announced first."""

    def __init__(self, stream: IO[bytes], source: Path, on_bytes: OnBytes | None) -> None:
        self._stream, self._source, self._on_bytes = stream, source, on_bytes
        self._size = source.stat().st_size
        self._sent = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(1 << 20):
            yield piece

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; none at the end."""
        left = self._size - self._sent
        piece = self._stream.read(left if size < 0 else min(size, left))
        if not piece and left:
            raise FileChangedError(str(self._source), self._sent, self._size)
        self._sent += len(piece)
        if self._on_bytes is not None:
            self._on_bytes(self._sent)
        return piece
