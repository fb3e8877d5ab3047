"""Removing an image: from the Core at once, from the Cells that hold copies by a run."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.services import images, runs
from skep.core.services.records import run_record
from skep.core.store.base import writing
from skep.core.store.image_files import UploadBusyError
from skep.core.store.lookup import get_image
from skep.core.store.models import Image, Instance
from skep.domain.errors import InUseError
from skep.domain.states import ImageState, ResourceKind

_BEING_REMOVED = "being removed from Cells; delete it again if this run fails"


def delete_image(ref: str, actor: str) -> dict[str, Any]:
    """Remove the image and its file; return the run that removes its copies.

    The record stays until the last copy is gone, so that no Cell keeps a file nobody knows of.

    Raises:
        InUseError: instances use it.
        UploadBusyError: its content is being uploaded.
    """
    files = images.image_files()
    with writing() as session:
        image = get_image(session, ref)
        _refuse_use(session, image)
        if files.is_receiving(image.id):
            raise UploadBusyError(image.name)
        run = runs.add_run(session, "images_remove", actor, _copies(image), {"image_id": image.id})
        record = run_record(run)
        if image.copies:
            image.state, image.error = ImageState.FAILED, _BEING_REMOVED
            image.generation += 1
            images.tell(session, image)
        else:
            images.forget(session, image)
        image_id = image.id
    files.remove(image_id)  # a crash before this leaves a file that images.tidy removes
    runs.start(str(record["id"]))
    return record


def _refuse_use(session: Session, image: Image) -> None:
    query = select(func.count()).select_from(Instance).where(Instance.image_id == image.id)
    count = session.scalar(query) or 0
    if count:
        raise InUseError("image", image.name, count, "instances")


def _copies(image: Image) -> list[runs.Resource]:
    return [
        runs.Resource(ResourceKind.CELL, copy.cell_id, copy.cell.name, copy.cell_id, copy.cell.name)
        for copy in image.copies
    ]
