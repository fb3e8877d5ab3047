"""Images: announce, upload, list, show, delete; Cells fetch the content with a ticket."""

from typing import IO, Any

from apiflask import APIBlueprint
from flask import Response, g, request, send_file
from werkzeug.exceptions import ClientDisconnected, LengthRequired

from skep.core.api.protocol.auth import actor, bearer
from skep.core.api.protocol.exchange import accepted, created, with_etag
from skep.core.api.protocol.openapi import RAW_BODY
from skep.core.api.schemas.fields import ListQuery
from skep.core.api.schemas.images import Image, ImageCreate, ImageList
from skep.core.api.schemas.runs import Accepted
from skep.core.services import image_removal, images
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("images", __name__, url_prefix="/api/v1/images", tag="images")
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; ranges are served.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Upload:
    """A request's body that ends where its client went away."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none at the end, however it came."""
        try:
            return self._stream.read(size)
        except (ClientDisconnected, OSError):  # gone, or silent for too long
            return b""


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.output(ImageList)
def list_images(query_data: ListQuery) -> dict[str, Any]:
    """List images."""
    return vars(images.list_images(Page(query_data.limit, query_data.cursor, query_data.sort)))


@bp.get("/<image>")
@bp.output(Image)
def get_image(image: str) -> Answer:
    """Show one image."""
    return with_etag(images.get_image(image))


@bp.post("")
@bp.input(ImageCreate)
@bp.output(Image, status_code=201)
def create_image(json_data: ImageCreate) -> Answer:
    """Announce an image; upload its content next."""
    record = images.create_image(json_data.name, json_data.kind)
    return created(record, f"{bp.url_prefix}/{record['id']}")


@bp.put("/<image>/content")
@bp.output(Image)
@bp.doc(extensions={RAW_BODY: "application/octet-stream"})
def put_content(image: str) -> Answer:
    """Upload the image's content as the raw body; Content-Length is needed.

    The file is inspected before it can be used: qcow2 without references for a disk image,
    ISO 9660 or UDF for a media image.
    """
    length = request.content_length
    if length is None:
        raise LengthRequired("an upload needs Content-Length")
    # The image's own limit counts, not that of JSON. One more than announced: behind a server that
    # ends the body itself (gunicorn), reading to the end of a body of exactly this length is a 413.
    request.max_content_length = length + 1
    return with_etag(images.receive_content(image, Upload(request.stream), length))


@bp.get("/<image>/content")
@bp.doc(responses=_RESPONSES)
def get_content(image: str) -> Response:
    """Download the image; with a token, or with a ticket for this image."""
    if "actor" not in g:
        images.check_ticket(bearer(), image)
    path, sha256 = images.content_path(image)
    return send_file(
        path, mimetype="application/octet-stream", conditional=True, etag=sha256, max_age=0
    )


@bp.delete("/<image>")
@bp.output(Accepted, status_code=202)
def delete_image(image: str) -> Answer:
    """Delete an image that no instance uses, and its copies on Cells."""
    return accepted(image_removal.delete_image(image, actor().name))
