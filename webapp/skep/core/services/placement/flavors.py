"""Flavors: named sizes, with what their Cells must be able to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from skep.core.scheduler import Needs
from skep.core.services import events
from skep.core.services.records import Record, flavor_record
from skep.core.store.base import reading, writing
from skep.core.store.changes import change
from skep.core.store.lookup import get_flavor as find_flavor
from skep.core.store.models import Flavor, Pool
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import NameTakenError
from skep.domain.names import check_label
from skep.domain.states import ResourceKind

_KEYS = {
    "name": Flavor.name,
    "cores": Flavor.cores,
    "memory_mib": Flavor.memory_mib,
    "created_at": Flavor.created_at,
    "id": Flavor.id,
}


@dataclass(frozen=True)
class FlavorRequest:
    """A size; `disk_gib` None means the image's own, `needs` holds only what is asked for."""

    name: str
    cores: int
    memory_mib: int
    disk_gib: int | None = None
    needs: Mapping[str, Any] = field(default_factory=dict)


DEFAULTS = (
    FlavorRequest("tiny", 1, 256),
    FlavorRequest("small", 1, 1024),
    FlavorRequest("medium", 2, 4096),
    FlavorRequest("large", 4, 8192),
    FlavorRequest("xlarge", 8, 16384),
)


def list_flavors(page: Page) -> Listing:
    """Return one page of flavors, by name unless sorted otherwise."""
    with reading() as session:
        return fetch(session, select(Flavor), page, _KEYS, flavor_record)


def get_flavor(ref: str) -> Record:
    """Return one flavor, by name or id."""
    with reading() as session:
        return flavor_record(find_flavor(session, ref))


def create_flavor(request: FlavorRequest) -> Record:
    """Add a flavor.

    Raises:
        InvalidNameError, NameTakenError: the name is not usable.
    """
    check_label("flavor", request.name)
    try:
        with writing() as session:
            return _add(session, request)
    except IntegrityError as error:
        raise NameTakenError("flavor", request.name) from error


def update_flavor(ref: str, changes: Mapping[str, Any], seen: int | None = None) -> Record:
    """Change a flavor for instances to come; those that are there keep their size.

    Raises:
        ConflictError: it is not of the generation `seen`.
    """
    with writing() as session:
        flavor = find_flavor(session, ref)
        if change(flavor, "flavor", changes, seen):
            _tell(session, flavor)
        return flavor_record(flavor)


def delete_flavor(ref: str) -> None:
    """Remove a flavor; instances made with it stay as they are."""
    with writing() as session:
        flavor = find_flavor(session, ref)
        gone = {**flavor_record(flavor), "state": "deleted"}
        events.record(session, ResourceKind.FLAVOR, flavor.id, gone)
        session.delete(flavor)


def ensure_default_flavors() -> None:
    """Add the default flavors to a new database: one without pools.

    So what an operator deletes never comes back. Call it before `ensure_default_pool`.
    """
    with writing() as session:
        if any(session.scalar(select(func.count(model.id))) for model in (Pool, Flavor)):
            return
        for each in DEFAULTS:
            _add(session, each)


def needs_of(*documents: Mapping[str, Any]) -> Needs:
    """Return what the stored or requested documents need together; the last word on one value."""
    wanted: dict[str, Any] = {}
    for name, value in ((name, value) for each in documents for name, value in each.items()):
        is_set = isinstance(value, list | tuple | frozenset)
        wanted[name] = wanted.get(name, frozenset()) | frozenset(value) if is_set else value
    return Needs(**wanted)


def _add(session: Session, request: FlavorRequest) -> Record:
    flavor = Flavor(**{**vars(request), "needs": dict(request.needs)})
    session.add(flavor)
    session.flush()
    return _tell(session, flavor)


def _tell(session: Session, flavor: Flavor) -> Record:
    record = flavor_record(flavor)
    events.record(session, ResourceKind.FLAVOR, flavor.id, record)
    return record
