"""What announcements, reports and silence mean for the store.

Most of what Cells say is load. It goes into the fleet in memory at once and to the store in
batches, once a second; only what a person would notice is written as it is heard.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from skep.core.config import current_config
from skep.core.services.execution.effects import tell_cell, touch
from skep.core.services.placement.fleet import announced_facts, resident_fleet
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
_LOAD = ("load1", "memory_used_mib", "disk_used_gib", "domains")
_CHANGED = "skep_changed_cells"
_SETTLED = (
    InstanceState.RUNNING,
    InstanceState.PAUSED,
    InstanceState.STOPPED,
    InstanceState.LOST,
)


class Heard:
    """What each Cell said last, so that saying the same again costs no transaction.

    Thread-safe. Whatever changes a Cell or an instance on it makes the next word count again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[tuple[str, object], object] = {}
        self._parts: dict[str, set[object]] = {}
        self._loads: dict[str, dict[str, Any]] = {}

    def is_old(self, cell_id: str, part: object, said: object) -> bool:
        """Whether the Cell has said the same in this part, and nothing happened since."""
        with self._lock:
            return self._last.get((cell_id, part)) == said

    def remember(self, cell_id: str, part: object, said: object) -> None:
        """Note what was taken in."""
        with self._lock:
            self._last[cell_id, part] = said
            self._parts.setdefault(cell_id, set()).add(part)

    def forget(self, cells: Iterable[str]) -> None:
        """Take in whatever these Cells say next."""
        with self._lock:
            for cell_id in cells:
                for part in self._parts.pop(cell_id, ()):
                    del self._last[cell_id, part]

    def keep_load(self, cell_id: str, load: Mapping[str, Any], now: datetime) -> None:
        """Note a Cell's load for the next batch."""
        row = {name: load[name] for name in _LOAD}
        with self._lock:
            self._loads[cell_id] = {"id": cell_id, "last_seen_at": now, **row}

    def take_loads(self) -> list[dict[str, Any]]:
        """Return the batch and begin another."""
        with self._lock:
            batch, self._loads = self._loads, {}
        return list(batch.values())


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
        with writing() as session:
            session.execute(update(Cell), batch)


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


def _observe_cell(
    announcement: Announcement, source: str, *, is_local: bool, duplicate: bool
) -> None:
    said, heard = announcement.payload["cell"], _heard()
    steady = {name: value for name, value in said.items() if name != "load"}
    facts = (steady, source, is_local, announcement.boot_id)
    if duplicate:
        _announce(announcement, source, is_local=is_local, duplicate=True)
        return
    resident_fleet().heard(announcement.id, announced_facts(said))
    if heard.is_old(announcement.id, "cell", facts):
        heard.keep_load(announcement.id, said["load"], utc_now())
        return
    _announce(announcement, source, is_local=is_local, duplicate=False)
    heard.remember(announcement.id, "cell", facts)


def _observe_report(announcement: Announcement) -> None:
    said, heard = announcement.payload["report"], _heard()
    if heard.is_old(announcement.id, said["part"], said["domains"]):
        heard.keep_load(announcement.id, said["load"], utc_now())
    elif _report(announcement):
        heard.remember(announcement.id, said["part"], said["domains"])


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
    for name in _LOAD:
        setattr(cell, name, load[name])


def _report(announcement: Announcement) -> bool:
    """Take in a report; return whether it and the store say the same now."""
    said = announcement.payload["report"]
    with writing() as session:
        cell = session.get(Cell, announcement.id)
        if cell is None or cell.state not in MEMBER_STATES:
            return False
        _take_load(cell, said["load"])
        cell.last_seen_at = utc_now()
        if cell.state == CellState.OFFLINE:
            cell.state = CellState.ONLINE
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


@event.listens_for(Session, "before_flush")
def _note_changed(session: Session, _context: object, _instances: object) -> None:
    changed = session.info.setdefault(_CHANGED, set())
    for found in (*session.new, *session.dirty, *session.deleted):
        if isinstance(found, Cell):
            changed.add(found.id)
        elif isinstance(found, Instance):
            changed.add(found.cell_id)


@event.listens_for(Session, "after_commit")
def _forget_changed(session: Session) -> None:
    changed = session.info.pop(_CHANGED, None)
    if changed and current_app:
        _heard().forget(changed)
