"""Server-sent events: what changed, as it changes, resumable with Last-Event-ID."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from apiflask import APIBlueprint
from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from skep.core.api.protocol.auth import actor
from skep.core.api.schemas.status import EventQuery
from skep.core.config import CoreConfig
from skep.core.services import events, tokens
from skep.core.services.events import EventRow
from skep.domain.errors import SkepError

# Dead clients are noticed at the second heartbeat; a revoked token ends its streams at a tick.
HEARTBEAT_S = 10.0
TICK_S = 2.0
bp = APIBlueprint("events", __name__, url_prefix="/api/v1/events", tag="events")
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_LARGEST_ID = 2**62


@dataclass(eq=False)
class TooManyStreamsError(SkepError):
    """Half of the threads serve streams already; the others are for requests."""

    code: ClassVar[str] = "too_many_streams"
    template: ClassVar[str] = "{limit} event streams are open, the most allowed; close one"
    limit: int


class Seats:
    """How many streams may be open at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take a seat; TooManyStreamsError if there is none."""
        with self._lock:
            if self._taken >= self._limit:
                raise TooManyStreamsError(self._limit)
            self._taken += 1

    def give_back(self) -> None:
        """Leave."""
        with self._lock:
            self._taken -= 1


class _Body:
    """A response body that gives its seat back, even if it was never read."""

    def __init__(self, chunks: Iterator[str], seats: Seats) -> None:
        self._chunks = chunks
        self._seats: Seats | None = seats

    def __iter__(self) -> Iterator[str]:
        return self._chunks

    def close(self) -> None:
        seats, self._seats = self._seats, None
        if seats is not None:
            seats.give_back()


@bp.get("")
@bp.input(EventQuery, location="query")
@bp.doc(responses=_RESPONSES)
def get_events(query_data: EventQuery) -> ResponseReturnValue:
    """Stream changes as server-sent events.

    `id` rises; `event` is run, outcome, instance, cell, image, pool, flavor or instance_group;
    `data` is the object as its own address shows it. `reset` says that events were missed and
    lists must be read again.
    """
    asked = _position() if query_data.after is None else query_data.after
    seats: Seats = current_app.extensions["skep_seats"]
    seats.take()
    try:
        chunks = _chunks(asked, query_data.run)
    except BaseException:
        seats.give_back()
        raise
    body = _Body(chunks, seats)
    return Response(body, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})


def seats_for(config: CoreConfig) -> Seats:
    """Return the seats of a Core with so many threads."""
    return Seats(max(1, config.threads // 2))


def _position() -> int | None:
    """Return where a client that reconnects left off; what is no number counts as absent."""
    said = request.headers.get("Last-Event-ID", "")
    if not (said.isascii() and said.isdecimal()) or int(said[:20]) > _LARGEST_ID:
        return None
    return int(said)


def _chunks(asked: int | None, run: str | None) -> Iterator[str]:
    """Prepare while the request's context lasts; the chunks come without one."""
    newest, oldest = events.newest_id(), events.oldest_id()
    start = newest if asked is None else asked
    missed = asked is not None and (asked > newest or asked < oldest - 1)
    if missed:
        start = newest
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's own way to keep the app
    token_id = actor().token_id

    def is_welcome() -> bool:
        with app.app_context():
            return tokens.is_valid(token_id)

    opening = f"retry: 1000\nid: {start}\n\n"
    if missed:
        opening += f"event: reset\ndata: {json.dumps({'newest': newest})}\n\n"
    return _talk(opening, events.stream(start, run, TICK_S), is_welcome)


def _talk(
    opening: str, rows: Iterator[EventRow | None], is_welcome: Callable[[], bool]
) -> Iterator[str]:
    yield opening
    said = checked = time.monotonic()
    for row in rows:
        now = time.monotonic()
        if now - checked >= TICK_S:
            checked = now
            if not is_welcome():
                return
        if row is not None:
            said = now
            yield _spell(row)
        elif now - said >= HEARTBEAT_S:
            said = now
            yield ": alive\n\n"


def _spell(row: EventRow) -> str:
    return f"id: {row.id}\nevent: {row.kind}\ndata: {json.dumps(row.data)}\n\n"
