"""What announcements, reports and silence mean for the store.

Most of what Cells say is load. It goes into the fleet in memory at once and to the store in
batches, once a second; only what a person would notice is written as it is heard.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from skep.core.config import current_config
from skep.core.services.execution.effects import tell_cell, touch
from skep.core.services.heard import LOAD, Heard
from skep.core.services.placement.fleet import announced_facts, announced_load, resident_fleet
from skep.core.store.base import reading, utc_now, writing
from skep.core.store.lookup import MEMBER_STATES
from skep.core.store.models import Cell, Instance
from skep.domain.announcement import Announcement
from skep.domain.states import CellState, InstanceState

log = structlog.get_logger(__name__)
# A report that was sent before a run ended may arrive after it; the next one is 2 s away.
_REPORT_GRACE = timedelta(seconds=3)
_REPORTED = {
    "running": InstanceState.RUNNING,
    "paused": InstanceState.PAUSED,
    "stopped": InstanceState.STOPPED,
}
_AT_ONCE = 200  # Cells that fall silent in one transaction
_SETTLED = (
    InstanceState.RUNNING,
    InstanceState.PAUSED,
    InstanceState.STOPPED,
    InstanceState.LOST,
)


def observe(announcement: Announcement, source: str, *, is_local: bool, duplicate: bool) -> None:
    """Take in one verified announcement or report.

    Args:
        announcement: signature and freshness checked.
        source: address that the datagram came from.
        is_local: that address is one of the Core's own host.
        duplicate: two hosts speak with this identity at once.
    """
    if announcement.kind == "report":
        _observe_report(announcement)
    elif announcement.kind == "cell":
        _observe_cell(announcement, source, is_local=is_local, duplicate=duplicate)


def flush() -> None:
    """Write the load that was heard since the last flush; once a second."""
    batch = _heard().take_loads()
    if batch:
        table = Cell.metadata.tables[Cell.__tablename__]
        statement = table.update().where(table.c.id == bindparam("cell_id"))
        values: dict[str, Any] = {name: bindparam(name) for name in (*LOAD, "last_seen_at")}
        with writing() as session:
            session.execute(statement.values(values), batch)


def expire_silent(now: datetime) -> None:
    """Turn members that were silent for too long `offline`, and their live instances `lost`.

    Discovered Cells that fell silent are forgotten: nothing depends on them.
    """
    limit = now - timedelta(seconds=current_config().offline_after_s)
    with reading() as session:
        query = select(Cell.id).where(Cell.last_seen_at < limit)
        query = query.where(Cell.state.in_((CellState.ONLINE, CellState.DISCOVERED)))
        silent = list(session.scalars(query))
    # When a switch dies it is thousands; others must get to write in between.
    for start in range(0, len(silent), _AT_ONCE):
        some = silent[start : start + _AT_ONCE]
        with writing() as session:
            for cell in session.scalars(select(Cell).where(Cell.id.in_(some))):
                if cell.last_seen_at < limit:
                    _go_silent(session, cell, now)


def _observe_cell(
    announcement: Announcement, source: str, *, is_local: bool, duplicate: bool
) -> None:
    if duplicate:
        _note_conflict(announcement, source)
        return
    said, heard, fleet = announcement.payload["cell"], _heard(), resident_fleet()
    steady = {name: value for name, value in said.items() if name != "load"}
    facts = (steady, source, is_local, announcement.boot_id)
    mark = heard.mark()
    if heard.is_old(announcement.id, "cell", facts):
        fleet.heard(announcement.id, announced_load(said))
    else:
        fleet.heard(announcement.id, announced_facts(said))
        if _is_news(announcement, source, is_local=is_local):
            _announce(announcement, source, is_local=is_local)
        heard.remember(announcement.id, "cell", facts, mark)
    heard.keep_load(announcement.id, said["load"], utc_now())


def _observe_report(announcement: Announcement) -> None:
    said, heard = announcement.payload["report"], _heard()
    mark = heard.mark()
    if not heard.is_old(announcement.id, said["part"], said["domains"]) and _report(announcement):
        heard.remember(announcement.id, said["part"], said["domains"], mark)
    heard.keep_load(announcement.id, said["load"], utc_now())


def _is_news(announcement: Announcement, source: str, *, is_local: bool) -> bool:
    """Whether an announcement changes what the store knows: after a start, most don't."""
    with reading() as session:
        cell = session.get(Cell, announcement.id, populate_existing=True)
        if cell is None or cell.state == CellState.OFFLINE or cell.conflict is not None:
            return True
        facts = _facts(cell, announcement, source, is_local=is_local)
        return any(getattr(cell, name) != value for name, value in facts.items())


def _announce(announcement: Announcement, source: str, *, is_local: bool) -> None:
    with writing() as session:
        cell = session.get(Cell, announcement.id)
        before = None if cell is None else _visible(cell)
        if cell is None:
            cell = _discovered(announcement)
            session.add(cell)
        cell.conflict = None  # the guard says `duplicate` until one of them fell silent
        for name, value in _facts(cell, announcement, source, is_local=is_local).items():
            setattr(cell, name, value)
        for name in LOAD:
            setattr(cell, name, announcement.payload["cell"]["load"][name])
        cell.last_seen_at = utc_now()
        if cell.state == CellState.OFFLINE:
            cell.state = CellState.ONLINE
        session.flush()
        if _visible(cell) != before:
            tell_cell(session, cell)
            log.info("cell", cell=cell.name, state=cell.state, address=cell.address)


def _note_conflict(announcement: Announcement, source: str) -> None:
    with writing() as session:
        cell = session.get(Cell, announcement.id)
        if cell is None:
            return  # one of the two has just been the first to speak, and is known by then
        cell.last_seen_at = utc_now()
        before, cell.conflict = cell.conflict, f"two hosts announce this identity, one at {source}"
        if cell.conflict != before:
            session.flush()
            tell_cell(session, cell)
            log.warning("conflict", cell=cell.name, address=source)


def _discovered(announcement: Announcement) -> Cell:
    return Cell(
        id=announcement.id,
        public_key=announcement.public_key,
        fingerprint=announcement.fingerprint,
        state=CellState.DISCOVERED,
        enabled=True,
        generation=1,
    )


def _facts(
    cell: Cell, announcement: Announcement, source: str, *, is_local: bool
) -> dict[str, Any]:
    """Return what the announcement says of a Cell besides its load, as fields of `Cell`."""
    said = announcement.payload["cell"]
    facts = {
        "address": source,
        "is_local": is_local,
        "addresses": list(said["addresses"]),
        "kvm": said["kvm"],
        **{name: said["capacity"][name] for name in ("cpus", "memory_mib", "disk_gib")},
        "versions": dict(said["versions"]),
        "boot_id": announcement.boot_id,
        "started_at": datetime.fromtimestamp(said["started_at"], tz=UTC),
    }
    if cell.state == CellState.DISCOVERED:
        # A member keeps what its operator accepted: name and SSH host key are pinned.
        facts |= {"name": said["name"], "ssh_host_key": said.get("ssh_host_key")}
    return facts


def _report(announcement: Announcement) -> bool:
    """Take in a report; return whether it and the store say the same now."""
    said = announcement.payload["report"]
    with writing() as session:
        cell = session.get(Cell, announcement.id)
        if cell is None or cell.state not in MEMBER_STATES:
            return False
        if cell.state == CellState.OFFLINE:
            cell.state, cell.last_seen_at = CellState.ONLINE, utc_now()
            tell_cell(session, cell)
        return _take_domains(session, cell, dict(said["domains"]))


def _take_domains(session: Session, cell: Cell, domains: Mapping[str, str]) -> bool:
    now, agreed = utc_now(), True
    query = select(Instance).where(Instance.cell_id == cell.id, Instance.id.in_(domains))
    for instance in session.scalars(query):
        reported = _REPORTED[domains[instance.id]]
        is_idle = instance.run_id is None and now - instance.updated_at > _REPORT_GRACE
        if is_idle and instance.state in _SETTLED and instance.state != reported:
            log.info("reported", instance=instance.name, was=instance.state, now=reported)
            touch(session, instance, reported, now)
        agreed = agreed and instance.state == reported
    return agreed


def _go_silent(session: Session, cell: Cell, now: datetime) -> None:
    if cell.state == CellState.DISCOVERED:
        log.info("forgotten", cell=cell.name)
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


def _heard() -> Heard:
    found: Heard = current_app.extensions["skep_heard"]
    return found
