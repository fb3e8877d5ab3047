"""Images: announced by name, uploaded as a stream, inspected, then ready; Cells fetch by ticket."""

import os
import secrets
from pathlib import Path
from typing import Any, ClassVar

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from skep.core.config import current_config
from skep.core.services import events
from skep.core.services.records import image_record
from skep.core.store.base import db, insert_missing, reading, writing
from skep.core.store.image_files import ByteSource, ImageFiles, Received
from skep.core.store.image_inspection import ImageFacts, inspect
from skep.core.store.lookup import get_image as find_image
from skep.core.store.models import Image, ImageCopy
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import InvalidStateError, NameTakenError, NotFoundError, SkepError
from skep.domain.names import check_label
from skep.domain.states import ImageKind, ImageState, ResourceKind

TICKET_LIFE_S = 3600
_TICKET_SALT = "image-ticket"
_TICKET_KEY_BYTES = 32
_ERROR_MAX = 400
_KEYS = {
    "name": Image.name,
    "created_at": Image.created_at,
    "state": Image.state,
    "id": Image.id,
}


class BadTicketError(SkepError):
    """The ticket is not ours, too old, or for another image."""

    code: ClassVar[str] = "bad_ticket"
    template: ClassVar[str] = "this ticket does not open this image; ask for a new run"


def list_images(page: Page) -> Listing:
    """Return one page of images."""
    with reading() as session:
        return fetch(session, select(Image), page, _KEYS, image_record)


def get_image(ref: str) -> dict[str, Any]:
    """Return one image, by name or id."""
    with reading() as session:
        return image_record(find_image(session, ref))


def create_image(name: str, kind: ImageKind) -> dict[str, Any]:
    """Announce an image; it can be used once its content is uploaded and found good.

    Raises:
        InvalidNameError, NameTakenError: the name is not usable.
    """
    check_label("image", name)
    try:
        with writing() as session:
            image = Image(name=name, kind=kind, state=ImageState.UPLOADING, copies=[])
            session.add(image)
            session.flush()
            return tell(session, image)
    except IntegrityError as error:
        raise NameTakenError("image", name) from error


def receive_content(ref: str, source: ByteSource, announced_bytes: int) -> dict[str, Any]:
    """Store the stream as the image's content, inspect it, and make the image ready.

    A file that is refused is removed, and the image is `failed` with the reason; the upload can
    be repeated.

    Raises:
        InvalidStateError: the image has its content already.
        NotAnImageError, UnsafeImageError, ImageTooLargeError: the file is refused.
        UploadIncompleteError, StoreFullError, UploadBusyError: it could not be stored.
    """
    image_id, name, kind = _awaiting_content(ref)
    db.session.remove()  # an upload may last for hours; it must not hold a connection
    files = image_files()
    with files.receiving(image_id, name) as file:
        try:
            received = files.fill(file, source, announced_bytes, current_config().image_max_bytes)
            facts = inspect(files.part_path(image_id), kind)
        except SkepError as error:
            _fail(image_id, error)
            raise
        except OSError:  # the connection broke, or the file system did
            _fail(image_id, "the upload broke off; upload the file again")
            raise
        return _publish(files, image_id, received, facts)


def content_path(ref: str) -> tuple[Path, str]:
    """Return the file of a ready image and its SHA-256."""
    with reading() as session:
        image = find_image(session, ref)
        if image.state != ImageState.READY:
            raise InvalidStateError("image", image.name, image.state, "download", "ready")
        return image_files().path(image.id), str(image.sha256)


def issue_ticket(image_id: str, run_id: str) -> str:
    """Return a ticket with which Cells of one run may fetch one image, for an hour."""
    return _signer().dumps({"image": image_id, "run": run_id})


def check_ticket(ticket: str, image_id: str) -> str:
    """Return the run that the ticket was issued for.

    Raises:
        BadTicketError: forged, expired, or for another image.
    """
    try:
        content = _signer().loads(ticket, max_age=TICKET_LIFE_S)
    except BadSignature as error:
        raise BadTicketError from error
    if content["image"] != image_id:
        raise BadTicketError
    return str(content["run"])


def tidy() -> list[str]:
    """At start-up, remove files that no ready image owns; return their names."""
    with reading() as session:
        ready = session.scalars(select(Image.id).where(Image.state == ImageState.READY))
        return image_files().tidy(frozenset(ready))


def image_files() -> ImageFiles:
    """Return the image store of this app."""
    return ImageFiles(current_config().state_dir / "images")


def tell(session: Session, image: Image) -> dict[str, Any]:
    """Return the image's record, and tell the event stream the same."""
    record = image_record(image)
    events.record(session, ResourceKind.IMAGE, image.id, record)
    return record


def note_copy(session: Session, image_id: str, cell_id: str) -> None:
    """Note that the Cell may hold the image from now on, also if what places it fails half-way."""
    insert_missing(session, ImageCopy, image_id=image_id, cell_id=cell_id)


def forget(session: Session, image: Image) -> None:
    """Delete the record, and tell the event stream."""
    gone = {**image_record(image), "state": "deleted"}
    events.record(session, ResourceKind.IMAGE, image.id, gone)
    session.delete(image)


def _awaiting_content(ref: str) -> tuple[str, str, ImageKind]:
    with reading() as session:
        image = find_image(session, ref)
        if image.state not in {ImageState.UPLOADING, ImageState.FAILED} or image.copies:
            raise InvalidStateError("image", image.name, image.state, "upload", "without content")
        return image.id, image.name, ImageKind(image.kind)


def _publish(
    files: ImageFiles, image_id: str, received: Received, facts: ImageFacts
) -> dict[str, Any]:
    with writing() as session:
        image = session.get(Image, image_id, populate_existing=True)
        if image is None:
            raise NotFoundError("image", image_id)  # deleted during the upload
        files.publish(image_id)  # a crash before the commit leaves a file that `tidy` removes
        image.state, image.error = ImageState.READY, None
        image.format, image.virtual_size_bytes = facts.format, facts.virtual_size_bytes
        image.size_bytes, image.sha256 = received.size_bytes, received.sha256
        image.generation += 1
        return tell(session, image)


def _fail(image_id: str, reason: object) -> None:
    with writing() as session:
        image = session.get(Image, image_id, populate_existing=True)
        if image is None:
            return
        image.state, image.error = ImageState.FAILED, str(reason)[:_ERROR_MAX]
        image.generation += 1
        tell(session, image)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        _ticket_key(current_config().state_dir / "ticket.key"), _TICKET_SALT
    )


def _ticket_key(path: Path) -> bytes:
    """Return the key in the file, made at first use."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(_TICKET_KEY_BYTES)
        file.write(key)
    return key
