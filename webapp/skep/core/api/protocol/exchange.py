"""Around each request: its id, its log line, size limits and security headers; ETags and 202."""

import re
import time
import uuid
from contextlib import suppress
from typing import Any

import structlog
from apiflask import APIFlask
from flask import Response, g, request
from werkzeug.exceptions import NotFound

log = structlog.get_logger(__name__)

RUNS_PATH = "/api/v1/runs"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_REFUSED = 400
_DRAIN_MAX_BYTES = 64 * 2**20
_DRAIN_MAX_S = 10.0
_DRAIN_CHUNK_BYTES = 64 * 1024
_QUIET_ENDPOINTS = frozenset({"status.get_health"})


def register_exchange(app: APIFlask) -> None:
    """Wrap every request of this app; register before everything else."""
    app.before_request(_open)
    app.after_request(_close)


def with_etag(record: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Answer one object with its generation as ETag."""
    return record, 200, {"ETag": f'"{record["generation"]}"'}


def created(record: dict[str, Any], location: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Answer a new object with its address."""
    return record, 201, {"Location": location, "ETag": f'"{record["generation"]}"'}


def seen_generation() -> int | None:
    """Return the generation that If-Match asks for; None for any, -1 for one that never was."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    known = [tag for tag in request.if_match.as_set() if tag.isascii() and tag.isdecimal()]
    return int(known[0][:18]) if len(known) == 1 else -1


def accepted(run: dict[str, Any], **more: object) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Answer that a run will do it, and where to follow the run."""
    return {"run": run, **more}, 202, {"Location": f"{RUNS_PATH}/{run['id']}"}


def _open() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
    g.started = time.monotonic()
    # PostgreSQL refuses NUL in text; no object has it in its name, so none can be meant.
    if any("\0" in str(value) for value in (request.view_args or {}).values()):
        raise NotFound


def _close(response: Response) -> Response:
    if response.status_code >= _REFUSED and "actor" in g:
        _drain()
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint not in _QUIET_ENDPOINTS:
        _log(response)
    return response


def _drain() -> None:
    """Read what the client still sends: most clients hear an answer only after their last byte."""
    source, left = request.environ["wsgi.input"], _DRAIN_MAX_BYTES
    deadline = time.monotonic() + _DRAIN_MAX_S
    with suppress(OSError):  # it stalls or went away, and will hear nothing
        while left > 0 and time.monotonic() < deadline:
            chunk = source.read(_DRAIN_CHUNK_BYTES)
            if not chunk:
                return
            left -= len(chunk)


def _log(response: Response) -> None:
    actor = g.get("actor")
    log.info(
        "request",
        method=request.method,
        path=request.path[:200],
        status=response.status_code,
        ms=round((time.monotonic() - g.get("started", time.monotonic())) * 1000, 1),
        actor=actor.name if actor else None,
        request_id=g.get("request_id"),
    )
