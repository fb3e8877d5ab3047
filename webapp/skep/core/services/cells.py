"""Cells: who is a member, and what operators say of them."""

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.services import runs
from skep.core.services.execution.effects import tell_cell
from skep.core.services.records import Record, cell_record, run_record
from skep.core.store.base import reading, writing
from skep.core.store.capacity import no_promise, promises
from skep.core.store.changes import change
from skep.core.store.lookup import MEMBER_STATES, get_pool
from skep.core.store.lookup import get_cell as find_cell
from skep.core.store.models import Cell, Instance, Pool
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import InUseError, InvalidStateError, NameTakenError
from skep.domain.states import CellState, ResourceKind

log = structlog.get_logger(__name__)
_KEYS = {"name": Cell.name, "state": Cell.state, "last_seen_at": Cell.last_seen_at, "id": Cell.id}


def list_cells(page: Page, state: str | None = None, pool: str | None = None) -> Listing:
    """Return one page of Cells, by name unless sorted otherwise."""
    query = select(Cell)
    if state:
        query = query.where(Cell.state == state)
    if pool:
        query = query.join(Pool, Cell.pool_id == Pool.id).where(Pool.name == pool)
    with reading() as session:
        promised = promises(session)
        return fetch(
            session,
            query,
            page,
            _KEYS,
            lambda cell: cell_record(cell, promised.get(cell.id, no_promise())),
        )


def get_cell(ref: str) -> Record:
    """Return one Cell by name or id."""
    with reading() as session:
        return _record(session, find_cell(session, ref))


def accept_cell(ref: str, pool: str, actor: str) -> Record:
    """Make a discovered Cell a member of a pool; the run writes its membership on it.

    Raises:
        InvalidStateError: it is a member already, or its identity is in conflict.
        NameTakenError: another member has its name.
    """
    with writing() as session:
        cell, wanted = find_cell(session, ref), get_pool(session, pool)
        if cell.state != CellState.DISCOVERED:
            raise InvalidStateError("cell", cell.name, cell.state, "accept", "discovered")
        if cell.conflict is not None:
            raise InvalidStateError("cell", cell.name, cell.conflict, "accept", "unambiguous")
        if cell.ssh_host_key is None and not cell.is_local:
            missing = "without an SSH host key"
            raise InvalidStateError("cell", cell.name, missing, "accept", "to announce one")
        _check_name(session, cell)
        cell.state, cell.pool_id, cell.pool = CellState.ENROLLING, wanted.id, wanted
        cell.generation += 1
        run = runs.add_run(session, "cells_accept", actor, [_resource(cell)], {"pool": pool})
        tell_cell(session, cell)
        record = run_record(run)
    runs.start(run.id)
    return record


def remove_cell(ref: str, actor: str) -> Record:
    """Take a member without instances out of its pool; the run removes its membership.

    Raises:
        InUseError: instances are on it.
        InvalidStateError: it is no member, or offline.
    """
    with writing() as session:
        cell = find_cell(session, ref)
        count = select(func.count()).select_from(Instance).where(Instance.cell_id == cell.id)
        instances = session.scalar(count) or 0
        if instances:
            raise InUseError("cell", cell.name, instances, "instances")
        if cell.state != CellState.ONLINE:
            raise InvalidStateError("cell", cell.name, cell.state, "remove", "online")
        cell.state = CellState.ENROLLING  # nothing new lands on it meanwhile
        cell.generation += 1
        run = runs.add_run(session, "cells_remove", actor, [_resource(cell)])
        tell_cell(session, cell)
        record = run_record(run)
    runs.start(run.id)
    return record


def refresh_cell(ref: str, actor: str) -> Record:
    """Ask a member anew what it can do; the run puts CPU models, firmware and so on into the store.

    Raises:
        InvalidStateError: it is no member, or offline.
    """
    with writing() as session:
        cell = find_cell(session, ref)
        if cell.state != CellState.ONLINE:
            raise InvalidStateError("cell", cell.name, cell.state, "refresh", "online")
        run = runs.add_run(session, "cells_refresh", actor, [_resource(cell)])
        record = run_record(run)
    runs.start(run.id)
    return record


def update_cell(ref: str, changes: Mapping[str, Any], seen: int | None = None) -> Record:
    """Change what is reserved, the limit of instances, tags or labels; what is on it stays.

    Raises:
        ConflictError: it is not of the generation `seen`.
    """
    values = dict(changes)
    reserved = values.pop("reserved", {})
    values.update({f"reserved_{name}": amount for name, amount in reserved.items()})
    if "max_instances" in values:
        values["max_instances"] = values["max_instances"] or 0
    with writing() as session:
        cell = find_cell(session, ref)
        if change(cell, "cell", values, seen):
            tell_cell(session, cell)
        return _record(session, cell)


def set_cell_enabled(ref: str, *, enabled: bool) -> Record:
    """Allow or refuse new instances on a Cell; those on it are not touched."""
    with writing() as session:
        cell = find_cell(session, ref)
        if cell.enabled != enabled:
            cell.enabled = enabled
            cell.generation += 1
            tell_cell(session, cell)
        return _record(session, cell)


def _check_name(session: Session, cell: Cell) -> None:
    query = select(Cell.id).where(
        Cell.name == cell.name, Cell.state.in_(MEMBER_STATES), Cell.id != cell.id
    )
    if session.scalar(query) is not None:
        raise NameTakenError("cell", cell.name)


def _resource(cell: Cell) -> runs.Resource:
    return runs.Resource(ResourceKind.CELL, cell.id, cell.name, cell.id, cell.name)


def _record(session: Session, cell: Cell) -> Record:
    return cell_record(cell, promises(session, [cell.id]).get(cell.id, no_promise()))
