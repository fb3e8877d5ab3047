"""The members as the scheduler reads them: in memory, patched as things happen, never rebuilt.

Announcements are put in as they are heard. A commit that touches a Cell, or what is on it, makes
it stale, and stale Cells are read from the store again before the next plan. Several Cores on one
database learn of each other's plans by the pool's generation, of all else by a reading now and
then; a plan is only ever committed on the generation that it saw.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core.scheduler import Catalogue, CellRow, Fleet, Plan, owner_key
from skep.core.store import capacity
from skep.core.store.base import db, utc_now
from skep.core.store.lookup import MEMBER_STATES
from skep.core.store.models import Cell, Pool
from skep.domain.states import CellState, KvmState

Members = Mapping[str, Mapping[str, int]]
_CHUNK = 500  # ids in one query
_ANNOUNCED = frozenset(
    {"cpus", "memory_mib", "disk_gib", "load1", "memory_used_mib", "disk_used_gib", "kvm"}
)


@dataclass(frozen=True)
class Known:
    """The Cells, and for each key (instance group, owner) how many members are on which."""

    fleet: Fleet
    members: Members
    generation: int
    """The pool's, as of which all this is true."""


class ResidentFleet:
    """The fleet of one process.

    `placing` is held from a plan to its commit, so that a process never competes with itself.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.placing = threading.Lock()
        self._lock = threading.RLock()
        self._fleet = Fleet()
        self._keys: dict[str, dict[str, int]] = {}  # cell id -> key -> members
        self._members: dict[str, dict[str, int]] = {}  # key -> cell id -> members
        self._generations: dict[str, int] = {}
        self._stale: set[str] | None = None  # None: all of them
        self._heard: set[str] = set()  # Cells whose figures here are newer than the store's

    @contextmanager
    def known(self, pool_id: str) -> Iterator[Known]:
        """Give what is known, for reading only and not for long: announcements wait meanwhile."""
        # A session of its own: one that has read before would not see the newest commits.
        with self._lock, Session(db.engine) as session:
            query = select(Pool.plan_generation).where(Pool.id == pool_id)
            generation = session.scalar(query) or 0
            if self._generations.get(pool_id, generation) != generation:
                self._stale = None  # another process has placed in this pool
            self._generations[pool_id] = generation
            self._refresh(session)
            yield Known(self._fleet, self._members, generation)

    def heard(self, cell_id: str, facts: Mapping[str, object]) -> None:
        """Put in what a member said of itself; a Cell that is not in is passed over."""
        with self._lock:
            if cell_id in self._fleet.row_of:
                self._fleet.update(cell_id, **facts)
                self._heard.add(cell_id)

    def touch(self, cells: Iterable[str]) -> None:
        """Read these Cells again before the next plan."""
        with self._lock:
            if self._stale is not None:
                self._stale.update(cells)

    def forget(self) -> None:
        """Read every Cell again before the next plan."""
        with self._lock:
            self._stale = None

    def committed(self, pool_id: str, plan: Plan, generation: int) -> None:
        """Count a plan of ours that is in the store now."""
        groups = plan.request.groups
        sizes = [group.flavor for group in groups]
        needs = [(size.cores, size.memory_mib, size.disk_gib) for size in sizes]
        cells = [each.cell_id for each in plan.assignments]
        with self._lock:
            self._generations[pool_id] = generation
            wanted = [needs[each.group] for each in plan.assignments]
            self._fleet.promise_all(cells, wanted, plan.now, plan.policy.load_window_s)
            for each in plan.assignments:
                keys = self._keys[each.cell_id]
                for key in groups[each.group].keys:
                    keys[key] = keys.get(key, 0) + 1
                    self._members.setdefault(key, {})[each.cell_id] = keys[key]
            busy = self._fleet.column("io_load")
            for cell_id, count in Counter(cells).items():
                known = int(busy[self._fleet.row_of[cell_id]])
                self._fleet.update(cell_id, io_load=known + count)

    def _refresh(self, session: Session) -> None:
        if self._stale is None:
            self._read(session, None)
        else:
            stale = sorted(self._stale)
            for start in range(0, len(stale), _CHUNK):
                self._read(session, stale[start : start + _CHUNK])
        self._stale = set()

    def _read(self, session: Session, wanted: list[str] | None) -> None:
        rows = {row["id"]: row for row in _rows(session, wanted)}
        for gone in set(self._fleet.ids if wanted is None else wanted) - set(rows):
            self._put_members(gone, {})
            self._heard.discard(gone)
            if gone in self._fleet.row_of:
                self._fleet.remove(gone)
        company = capacity.companies(session, wanted)
        for cell_id, row in rows.items():
            owners, groups = company.get(cell_id, ({}, {}))
            row["instances"] = sum(owners.values())
            self._put_members(cell_id, {**{owner_key(o): n for o, n in owners.items()}, **groups})
            if cell_id in self._fleet.row_of:
                known = {"id", *(_ANNOUNCED if cell_id in self._heard else ())}
                changes = {name: value for name, value in row.items() if name not in known}
                self._fleet.update(cell_id, **changes)
            else:
                self._fleet.add(CellRow(**row))

    def _put_members(self, cell_id: str, keys: dict[str, int]) -> None:
        for key in self._keys.get(cell_id, ()):
            del self._members[key][cell_id]
            if not self._members[key]:
                del self._members[key]
        for key, count in keys.items():
            self._members.setdefault(key, {})[cell_id] = count
        self._keys[cell_id] = keys


def resident_fleet() -> ResidentFleet:
    """Return this app's fleet."""
    found: ResidentFleet = current_app.extensions["skep_fleet"]
    return found


def announced_facts(said: Mapping[str, Any]) -> dict[str, object]:
    """Return what an announcement says of a member, in the fleet's words."""
    usable = said["kvm"] == KvmState.USABLE
    return {**said["capacity"], **announced_load(said), "kvm": usable}


def announced_load(said: Mapping[str, Any]) -> dict[str, object]:
    """Return what changes from one announcement to the next."""
    load = said["load"]
    return {name: load[name] for name in ("load1", "memory_used_mib", "disk_used_gib")}


def _rows(session: Session, wanted: list[str] | None) -> Iterator[dict[str, Any]]:
    """Yield what the scheduler wants to know of each member, as fields of `CellRow`."""
    columns = [column for column in Cell.__table__.columns if column.name in _COLUMNS]
    query = select(*columns, Pool.name.label("pool")).join(Pool, Cell.pool_id == Pool.id)
    query = query.where(Cell.state.in_(MEMBER_STATES))
    query = query if wanted is None else query.where(Cell.id.in_(wanted))
    promised = capacity.promises(session, wanted)
    images = capacity.image_copies(session, wanted)
    busy = capacity.disk_work(session, wanted)
    failures = capacity.failures(session, utc_now(), wanted)
    for found in session.execute(query).mappings():
        row = dict(found)
        cell_id, state, kvm = row["id"], row.pop("state"), row.pop("kvm")
        able = _capabilities(row.pop("capabilities"))
        promise = promised.get(cell_id, capacity.no_promise())
        yield {
            **row,
            **able,
            "online": state == CellState.ONLINE,
            "kvm": kvm == KvmState.USABLE,
            "tags": frozenset(row["tags"]),
            **{f"promised_{name}": promise[name] for name in ("cores", "memory_mib", "disk_gib")},
            "images": frozenset(images.get(cell_id, ())),
            "io_load": busy.get(cell_id, 0),
            "failures": failures.get(cell_id, 0.0),
        }


_COLUMNS = {
    *("id", "name", "state", "enabled", "conflict", "kvm", "cpus", "memory_mib", "disk_gib"),
    *("load1", "memory_used_mib", "disk_used_gib", "tags", "labels", "capabilities"),
    *("reserved_cores", "reserved_memory_mib", "reserved_disk_gib", "max_instances"),
}


def _capabilities(known: Mapping[str, Any]) -> dict[str, object]:
    names = ("cpu_models", "firmwares", "machines", "networks", "vlans")
    sets: dict[str, object] = {name: frozenset(known[name]) for name in names if name in known}
    return {**sets, "architecture": known["architecture"]} if "architecture" in known else sets
