"""The event stream: what changed, in the order of commits, resumable from any position."""

import threading
import weakref
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import Engine, delete, event, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from skep.core.store.base import db
from skep.core.store.models import Event

log = structlog.get_logger(__name__)

KEEP_DAYS = 7
KEEP_EVENTS = 100_000
_POLL_S = 1.0  # how late another process's event may come; our own wake the stream at once
_RECENT = 2000
_BATCH = 500
_PENDING = "skep_events"
# On PostgreSQL ids are drawn before commit: without one order, a stream could pass an id by.
_ORDER_LOCK = text("SELECT pg_advisory_xact_lock(5870)")


@dataclass(frozen=True)
class EventRow:
    """One event as a stream shows it."""

    id: int
    kind: str
    run_id: str | None
    data: dict[str, Any]


def record(
    session: Session, kind: str, subject_id: str, data: dict[str, Any], run_id: str | None = None
) -> None:
    """Write an event in the caller's transaction; streams see it once that is committed."""
    if session.get_bind().dialect.name == "postgresql" and _PENDING not in session.info:
        session.execute(_ORDER_LOCK)
    session.info[_PENDING] = True
    session.add(Event(kind=str(kind), subject_id=subject_id, run_id=run_id, data=data))


def stream(after: int | None, run_id: str | None, tick_s: float = 5.0) -> Iterator[EventRow | None]:
    """Yield events after a position (None: from now on), for ever; None after a quiet `tick_s`.

    The generator needs no app context once it was made. It ends when the feed closes.
    """
    return feed().follow(after, run_id, tick_s)


def newest_id() -> int:
    """Return the position after which nothing has happened yet."""
    return feed().newest_id()


def oldest_id() -> int:
    """Return the first position still kept; 0 if there is none."""
    with Session(db.engine) as session:
        return session.scalar(select(func.min(Event.id))) or 0


def trim(session: Session, now: datetime) -> int:
    """Forget events beyond the bound of age and number; return how many."""
    newest = session.scalar(select(func.max(Event.id))) or 0
    old = (Event.at < now - timedelta(days=KEEP_DAYS)) | (Event.id <= newest - KEEP_EVENTS)
    done = session.execute(delete(Event).where(old, Event.id < newest))
    return int(done.rowcount)  # type: ignore[attr-defined]  # a DELETE gives a CursorResult


class EventFeed:
    """Reads new events once per process and hands them to every stream."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._news = threading.Event()
        self._changed = threading.Condition()
        self._recent: list[EventRow] = []
        self._floor: int | None = None  # every event above it is in `_recent`
        self._thread: threading.Thread | None = None
        self._closed = False
        _feeds.add(self)

    def notify(self) -> None:
        """Look for news now; called after each commit that wrote events."""
        self._news.set()

    def close(self) -> None:
        """End all streams. Takes no lock, so a signal handler may call it."""
        self._closed = True
        self._news.set()

    def newest_id(self) -> int:
        """Return the newest position in the database."""
        with Session(self._engine) as session:
            return session.scalar(select(func.max(Event.id))) or 0

    def follow(
        self, after: int | None, run_id: str | None, tick_s: float
    ) -> Iterator[EventRow | None]:
        """Yield as `stream` says."""
        self._start()
        position = self.newest_id() if after is None else after
        while not self._closed:
            rows = self._next(position, tick_s)
            if not rows:
                yield None
                continue
            position = rows[-1].id
            wanted = [row for row in rows if run_id in {None, row.run_id}]
            if not wanted:
                yield None
            yield from wanted

    def _next(self, position: int, tick_s: float) -> list[EventRow]:
        with self._changed:
            covered = self._floor is not None and position >= self._floor
            if covered:
                rows = self._after(position)
                if rows or not self._changed.wait(tick_s):
                    return rows
                return self._after(position)
        return self._read(position, _BATCH)

    def _after(self, position: int) -> list[EventRow]:
        return self._recent[bisect_right(self._recent, position, key=lambda row: row.id) :]

    def _start(self) -> None:
        with self._changed:
            if self._thread is not None:
                return
            self._floor = self.newest_id()
            self._thread = threading.Thread(target=self._poll, name="skep-events", daemon=True)
            self._thread.start()

    def _poll(self) -> None:
        while not self._closed:
            self._news.wait(_POLL_S)
            self._news.clear()
            try:
                self._take_news()
            except SQLAlchemyError:
                log.exception("events could not be read; trying again")
        with self._changed:
            self._changed.notify_all()

    def _take_news(self) -> None:
        newest = self._recent[-1].id if self._recent else self._floor or 0
        while rows := self._read(newest, _BATCH):
            newest = rows[-1].id
            with self._changed:
                self._recent.extend(rows)
                surplus = len(self._recent) - _RECENT
                if surplus > 0:
                    self._floor = self._recent[surplus - 1].id
                    del self._recent[:surplus]
                self._changed.notify_all()

    def _read(self, position: int, most: int) -> list[EventRow]:
        query = select(Event).where(Event.id > position).order_by(Event.id).limit(most)
        with Session(self._engine) as session:
            return [EventRow(r.id, r.kind, r.run_id, r.data) for r in session.scalars(query)]


def feed() -> EventFeed:
    """Return this app's feed."""
    found: EventFeed = current_app.extensions["skep_events"]
    return found


_feeds: weakref.WeakSet[EventFeed] = weakref.WeakSet()


@event.listens_for(Session, "after_commit")
def _tell_feeds(session: Session) -> None:
    if session.info.pop(_PENDING, False):
        for each in list(_feeds):
            each.notify()


@event.listens_for(Session, "after_rollback")
def _forget_news(session: Session) -> None:
    session.info.pop(_PENDING, None)
