"""Idempotency-Key on POST: within 24 hours a repeat gets the first answer and changes nothing.

A key is claimed before the work and keeps the answer after it. A refused request changed nothing,
so its key is given back: the client may repeat it when the reason is gone.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from apiflask import APIFlask
from flask import Response, g, request
from sqlalchemy import delete

from skep.core.api.protocol.auth import actor
from skep.core.store.base import utc_now, writing
from skep.core.store.models import IdempotencyKey
from skep.domain.errors import SkepError

KEEP = timedelta(hours=24)
_HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_IN_FLIGHT = 0
_REFUSED = 400
_KEPT_HEADERS = ("Location", "ETag")


@dataclass(eq=False)
class InvalidKeyError(SkepError):
    """The header holds no usable key."""

    code: ClassVar[str] = "invalid_idempotency_key"
    template: ClassVar[str] = "an Idempotency-Key is 1 to 128 visible ASCII characters"


@dataclass(eq=False)
class KeyReusedError(SkepError):
    """The key belongs to another request."""

    code: ClassVar[str] = "idempotency_key_reused"
    template: ClassVar[str] = (
        "Idempotency-Key {key!r} was used for another request; make a new key for a new request"
    )
    key: str


@dataclass(eq=False)
class RequestInFlightError(SkepError):
    """The first request with this key has no answer yet."""

    code: ClassVar[str] = "request_in_flight"
    template: ClassVar[str] = (
        "the first request with Idempotency-Key {key!r} is not done; repeat it"
    )
    key: str


def register_idempotency(app: APIFlask) -> None:
    """Honour the header on every POST of this app; register after the authentication."""
    app.before_request(_claim)
    app.after_request(_keep)


def forget_unanswered() -> None:
    """At start-up, give back keys whose request died with the process."""
    with writing() as session:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.status == _IN_FLIGHT))


def _claim() -> Response | None:
    key = request.headers.get(_HEADER)
    if request.method != "POST" or key is None or "actor" not in g:
        return None
    if _KEY.fullmatch(key) is None:
        raise InvalidKeyError
    digest, identity, now = _digest(), (key, actor().token_id), utc_now()
    with writing() as session:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEEP))
        known = session.get(IdempotencyKey, identity)
        if known is None:
            session.add(_claimed(key, digest))
    if known is None:
        g.idempotency_key = identity
        return None
    if known.request_digest != digest:
        raise KeyReusedError(key)
    if known.status == _IN_FLIGHT:
        raise RequestInFlightError(key)
    return _replay(known)


def _claimed(key: str, digest: str) -> IdempotencyKey:
    return IdempotencyKey(
        key=key,
        token_id=actor().token_id,
        request_digest=digest,
        status=_IN_FLIGHT,
        headers={},
        body={},
        created_at=utc_now(),
    )


def _keep(response: Response) -> Response:
    identity = g.pop("idempotency_key", None)
    if identity is None:
        return response
    with writing() as session:
        known = session.get(IdempotencyKey, identity)
        if known is None:
            return response
        if response.status_code >= _REFUSED:
            session.delete(known)
            return response
        known.status = response.status_code
        known.headers = {
            each: response.headers[each] for each in _KEPT_HEADERS if each in response.headers
        }
        known.body = response.get_json(silent=True) or {}
    return response


def _replay(known: IdempotencyKey) -> Response:
    response = Response(json.dumps(known.body), known.status, mimetype="application/json")
    response.headers.update({name: str(value) for name, value in known.headers.items()})
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _digest() -> str:
    """Return what makes this request the same as another: where it goes and its body."""
    digest = hashlib.sha256(request.full_path.encode())
    digest.update(b"\0" + request.get_data())
    return digest.hexdigest()
