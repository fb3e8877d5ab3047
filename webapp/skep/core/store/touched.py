"""Which Cells a commit touched, told to what keeps something about Cells in memory."""

from collections.abc import Iterable

from flask import current_app
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from skep.core.store.models import Cell, ImageCopy, Instance, Outcome
from skep.domain.states import OutcomeState

# The app's extension that holds them: functions of ids of Cells, called after each such commit.
LISTENERS = "skep_on_touched"
_TOUCHED = "skep_touched_cells"


def _cells_of(found: object) -> Iterable[str | None]:
    """Return the ids of the Cells that a changed row speaks of, before and after."""
    if isinstance(found, Cell):
        return (found.id,)
    if isinstance(found, ImageCopy):
        return (found.cell_id,)
    if isinstance(found, Outcome):
        return (found.cell_id,) if found.state == OutcomeState.FAILED else ()
    if isinstance(found, Instance):
        before = inspect(found).attrs
        past = (*before.cell_id.history.deleted, *before.target_id.history.deleted)
        return (found.cell_id, found.target_id, *past)
    return ()


@event.listens_for(Session, "before_flush")
def _note_touched(session: Session, _context: object, _instances: object) -> None:
    touched = session.info.setdefault(_TOUCHED, set())
    for found in (*session.new, *session.dirty, *session.deleted):
        touched.update(cell for cell in _cells_of(found) if cell)


@event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    touched = session.info.pop(_TOUCHED, None)
    if touched and current_app:
        for tell in current_app.extensions[LISTENERS]:
            tell(touched)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_TOUCHED, None)
