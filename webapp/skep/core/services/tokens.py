"""API tokens: made once, shown once, kept as a digest only."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from skep.core.services.records import timestamp
from skep.core.store.base import reading, utc_now, writing
from skep.core.store.models import Token
from skep.domain.errors import NameTakenError, SkepError
from skep.domain.names import check_label

PREFIX = "skep_"
_RANDOM_BYTES = 32  # 43 characters of base64url


@dataclass(eq=False)
class TokenNotFoundError(SkepError):
    """No token has this name."""

    code: ClassVar[str] = "token_not_found"
    template: ClassVar[str] = "token {name!r} does not exist; `skep-core token list` shows them"
    name: str


@dataclass(frozen=True)
class Actor:
    """Who asks: the token's name appears on runs, its id binds idempotency keys."""

    name: str
    token_id: str


def create_token(name: str, days: int | None = None) -> str:
    """Make a token and return it; it cannot be read again.

    Raises:
        InvalidNameError, NameTakenError: the name is not usable.
    """
    check_label("token", name)
    token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    now = utc_now()
    expires_at = None if days is None else now + timedelta(days=days)
    try:
        with writing() as session:
            session.add(
                Token(name=name, digest=_digest(token), created_at=now, expires_at=expires_at)
            )
            session.flush()
    except IntegrityError as error:
        raise NameTakenError("token", name) from error
    return token


def list_tokens() -> list[dict[str, Any]]:
    """Return every token without its secret, oldest first."""
    with reading() as session:
        rows = session.scalars(select(Token).order_by(Token.created_at, Token.id)).all()
        return [
            {
                "name": token.name,
                "created_at": timestamp(token.created_at),
                "expires_at": timestamp(token.expires_at),
            }
            for token in rows
        ]


def revoke_token(name: str) -> None:
    """Remove a token; requests and event streams that use it end within seconds.

    Raises:
        TokenNotFoundError: there is none of this name.
    """
    with writing() as session:
        token = session.scalar(select(Token).where(Token.name == name))
        if token is None:
            raise TokenNotFoundError(name)
        session.delete(token)


def authenticate(secret: str) -> Actor | None:
    """Return who holds this token, or None if it is unknown or expired."""
    digest = _digest(secret)
    with reading() as session:
        token = session.scalar(select(Token).where(Token.digest == digest))
        # The index found it by equality already; this comparison takes the same time anywhere.
        if token is None or not hmac.compare_digest(token.digest, digest):
            return None
        if _is_expired(token):
            return None
        return Actor(token.name, token.id)


def is_valid(token_id: str) -> bool:
    """Whether the token of a long request is still good."""
    with reading() as session:
        token = session.get(Token, token_id, populate_existing=True)
        return token is not None and not _is_expired(token)


def _is_expired(token: Token) -> bool:
    return token.expires_at is not None and token.expires_at <= datetime.now(UTC)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
