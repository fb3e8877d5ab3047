"""Images."""

from pydantic import BaseModel

from skep.core.api.schemas.fields import Body, Label, ListAnswer, Timestamp
from skep.domain.states import ImageKind, ImageState


class ImageCreate(Body):
    """The name of an image to be uploaded."""

    name: Label
    kind: ImageKind = ImageKind.DISK


class Image(BaseModel):
    """A read-only source of disks."""

    id: str
    name: str
    kind: ImageKind
    state: ImageState
    format: str | None
    size_bytes: int | None
    virtual_size_bytes: int | None
    sha256: str | None
    error: str | None
    cached_on: list[str]
    created_at: Timestamp
    generation: int


class ImageList(ListAnswer):
    """One page of images."""

    items: list[Image]
