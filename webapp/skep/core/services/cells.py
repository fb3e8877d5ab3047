"""Cells: what announcements and reports mean, and who is a member."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.config import current_config
from skep.core.services import runs
from skep.core.services.execution.effects import tell_cell, touch
from skep.core.services.records import Record, cell_record, run_record
from skep.core.store.base import reading, utc_now, writing
from skep.core.store.capacity import no_promise, promises
from skep.core.store.changes import change
from skep.core.store.lookup import MEMBER_STATES, get_pool
from skep.core.store.lookup import get_cell as find_cell
from skep.core.store.models import Cell, Instance, Pool
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.announcement import Announcement
from skep.domain.errors import InUseError, InvalidStateError, NameTakenError
from skep.domain.states import CellState, InstanceState, ResourceKind

log = structlog.get_logger(__name__)
_KEYS = {"name": Cell.name, "state": Cell.state, "last_seen_at": Cell.last_seen_at, "id": Cell.id}
# A report that was sent before a run ended may arrive after it; the next one is 2 s away.
_REPORT_GRACE = timedelta(seconds=3)
_REPORTED = {
    "running": InstanceState.RUNNING,
    "paused": InstanceState.PAUSED,
    "stopped": InstanceState.STOPPED,
}
_SETTLED = (
    InstanceState.RUNNING,
    InstanceState.PAUSED,
    InstanceState.STOPPED,
    InstanceState.LOST,
)


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


def observe(announcement: Announcement, source: str, *, is_local: bool, duplicate: bool) -> None:
    """Take in one verified announcement or report.

    Args:
        announcement: signature and freshness checked.
        source: address that the datagram came from.
        is_local: that address is one of the Core's own host.
        duplicate: two hosts speak with this identity at once.
    """
    if announcement.kind == "report":
        _report(announcement)
    elif announcement.kind == "cell":
        _announce(announcement, source, is_local=is_local, duplicate=duplicate)


def expire_silent(now: datetime) -> None:
    """Turn members that were silent for too long `offline`, and their live instances `lost`.

    Discovered Cells that fell silent are forgotten: nothing depends on them.
    """
    limit = now - timedelta(seconds=current_config().offline_after_s)
    with reading() as session:
        query = select(Cell.id).where(Cell.last_seen_at < limit)
        query = query.where(Cell.state.in_((CellState.ONLINE, CellState.DISCOVERED)))
        silent = list(session.scalars(query))
    if not silent:
        return
    with writing() as session:
        for cell in session.scalars(select(Cell).where(Cell.id.in_(silent))):
            if cell.last_seen_at < limit:
                _go_silent(session, cell, now)


def _announce(announcement: Announcement, source: str, *, is_local: bool, duplicate: bool) -> None:
    said = announcement.payload["cell"]
    with writing() as session:
        cell = session.get(Cell, announcement.id)
        before = None if cell is None else _visible(cell)
        if cell is None:
            cell = _discovered(announcement)
            session.add(cell)
        if duplicate:
            cell.conflict = f"two hosts announce this identity, one at {source}"
        else:
            cell.conflict = None  # the guard says `duplicate` until one of them fell silent
            _take_over(cell, announcement, said, source, is_local=is_local)
        cell.last_seen_at = utc_now()
        if cell.state == CellState.OFFLINE:
            cell.state = CellState.ONLINE
        session.flush()
        if _visible(cell) != before:
            tell_cell(session, cell)
            log.info("cell", cell=cell.name, state=cell.state, address=cell.address)


def _discovered(announcement: Announcement) -> Cell:
    return Cell(
        id=announcement.id,
        public_key=announcement.public_key,
        fingerprint=announcement.fingerprint,
        state=CellState.DISCOVERED,
        enabled=True,
        generation=1,
    )


def _take_over(
    cell: Cell, announcement: Announcement, said: Mapping[str, Any], source: str, *, is_local: bool
) -> None:
    capacity, load = said["capacity"], said["load"]
    if cell.state == CellState.DISCOVERED:
        # A member keeps what its operator accepted: name and SSH host key are pinned.
        cell.name = said["name"]
        cell.ssh_host_key = said.get("ssh_host_key")
    cell.address, cell.is_local = source, is_local
    cell.addresses = list(said["addresses"])
    cell.kvm = said["kvm"]
    cell.cpus = capacity["cpus"]
    cell.memory_mib = capacity["memory_mib"]
    cell.disk_gib = capacity["disk_gib"]
    _take_load(cell, load)
    cell.versions = dict(said["versions"])
    cell.boot_id = announcement.boot_id
    cell.started_at = datetime.fromtimestamp(said["started_at"], tz=UTC)


def _take_load(cell: Cell, load: Mapping[str, Any]) -> None:
    cell.load1 = load["load1"]
    cell.memory_used_mib = load["memory_used_mib"]
    cell.disk_used_gib = load["disk_used_gib"]
    cell.domains = load["domains"]


def _report(announcement: Announcement) -> None:
    said = announcement.payload["report"]
    with writing() as session:
        cell = session.get(Cell, announcement.id)
        if cell is None or cell.state not in MEMBER_STATES:
            return
        _take_load(cell, said["load"])
        cell.last_seen_at = utc_now()
        if cell.state == CellState.OFFLINE:
            cell.state = CellState.ONLINE
            tell_cell(session, cell)
        _take_domains(session, cell, dict(said["domains"]))


def _take_domains(session: Session, cell: Cell, domains: Mapping[str, str]) -> None:
    now = utc_now()
    query = select(Instance).where(Instance.cell_id == cell.id, Instance.id.in_(domains))
    for instance in session.scalars(query):
        reported = _REPORTED[domains[instance.id]]
        is_idle = instance.run_id is None and now - instance.updated_at > _REPORT_GRACE
        if is_idle and instance.state in _SETTLED and instance.state != reported:
            log.info("reported", instance=instance.name, was=instance.state, now=reported)
            touch(session, instance, reported, now)


def _go_silent(session: Session, cell: Cell, now: datetime) -> None:
    if cell.state == CellState.DISCOVERED:
        events_record = {**_record(session, cell), "state": "forgotten"}
        log.info("forgotten", cell=events_record["name"])
        session.delete(cell)
        return
    cell.state = CellState.OFFLINE
    tell_cell(session, cell)
    log.warning("offline", cell=cell.name)
    live = (InstanceState.RUNNING, InstanceState.PAUSED)
    query = select(Instance).where(
        Instance.cell_id == cell.id, Instance.state.in_(live), Instance.run_id.is_(None)
    )
    for instance in session.scalars(query):
        touch(session, instance, InstanceState.LOST, now)


def _visible(cell: Cell) -> Sequence[object]:
    """Return what must be told when it changes; load and time of day are not."""
    return (cell.state, cell.name, cell.address, cell.kvm, cell.conflict, cell.boot_id)


def _check_name(session: Session, cell: Cell) -> None:
    query = select(Cell.id).where(
        Cell.name == cell.name, Cell.state.in_(MEMBER_STATES), Cell.id != cell.id
    )
    if session.scalar(query) is not None:
        raise NameTakenError("cell", cell.name)


def _resource(cell: Cell) -> runs.Resource:
    return runs.Resource(ResourceKind.CELL, cell.id, cell.name, cell.id, cell.name)


def _record(session: Session, cell: Cell) -> Record:
    return cell_record(cell, promises(session).get(cell.id, no_promise()))
