"""Find one object by id or name; `get_*` raises NotFoundError, `find_*` answers None."""

from typing import TypeVar

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from skep.core.store.models import (
    Cell,
    Flavor,
    Image,
    Instance,
    InstanceGroup,
    Pool,
    Reservation,
    Run,
)
from skep.domain.errors import AmbiguousNameError, NotFoundError
from skep.domain.states import CellState

Row = TypeVar("Row")
MEMBER_STATES = (CellState.ENROLLING, CellState.ONLINE, CellState.OFFLINE)


def get_cell(session: Session, ref: str) -> Cell:
    """Return the Cell with this id, or the only one with this name, members first."""
    cells = list(session.scalars(select(Cell).where(or_(Cell.id == ref, Cell.name == ref))))
    members = [cell for cell in cells if cell.state in MEMBER_STATES] or cells
    if not members:
        raise NotFoundError("cell", ref)
    if len(members) > 1:
        raise AmbiguousNameError("cell", ref, ", ".join(sorted(cell.id for cell in members)))
    return members[0]


def get_pool(session: Session, ref: str) -> Pool:
    """Return the pool."""
    return _only(session, select(Pool).where(or_(Pool.name == ref, Pool.id == ref)), "pool", ref)


def get_image(session: Session, ref: str) -> Image:
    """Return the image; an id wins over a name that looks like one."""
    found = session.get(Image, ref)
    return found or _only(session, select(Image).where(Image.name == ref), "image", ref)


def get_instance(session: Session, ref: str) -> Instance:
    """Return the instance; an id wins over a name that looks like one."""
    found = session.get(Instance, ref)
    return found or _only(session, select(Instance).where(Instance.name == ref), "instance", ref)


def get_run(session: Session, identity: str) -> Run:
    """Return the run."""
    return _only(session, select(Run).where(Run.id == identity), "run", identity)


def get_flavor(session: Session, ref: str) -> Flavor:
    """Return the flavor; an id wins over a name that looks like one."""
    found = session.get(Flavor, ref)
    return found or _only(session, select(Flavor).where(Flavor.name == ref), "flavor", ref)


def get_instance_group(session: Session, ref: str) -> InstanceGroup:
    """Return the instance group; an id wins over a name that looks like one."""
    found = session.get(InstanceGroup, ref)
    query = select(InstanceGroup).where(InstanceGroup.name == ref)
    return found or _only(session, query, "instance group", ref)


def get_reservation(session: Session, identity: str) -> Reservation:
    """Return the reservation; its name is no key, many may have the same."""
    query = select(Reservation).where(Reservation.id == identity)
    return _only(session, query, "reservation", identity)


def _only(session: Session, query: Select[Row], kind: str, ref: str) -> Row:
    found = session.scalars(query).unique().first()
    if found is None:
        raise NotFoundError(kind, ref)
    return found
