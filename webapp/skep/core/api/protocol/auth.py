"""Who asks: every request needs a bearer token unless its endpoint is public."""

from dataclasses import dataclass
from typing import ClassVar

from apiflask import APIFlask
from flask import g, request

from skep.core.services import tokens
from skep.core.services.tokens import Actor
from skep.domain.errors import SkepError

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token made by `skep-core token create NAME`.",
    }
}
# Nothing else answers without a token; a test walks all routes and knows this list by heart.
PUBLIC_ENDPOINTS = frozenset({"status.get_health", "openapi.spec"})
# This endpoint decides by itself: Cells come with a ticket for one image.
TICKET_ENDPOINTS = frozenset({"images.get_content"})


@dataclass(eq=False)
class BadTokenError(SkepError):
    """No token, or one that opens nothing."""

    code: ClassVar[str] = "bad_token"
    template: ClassVar[str] = (
        "the Core needs a valid token in `Authorization: Bearer TOKEN`; "
        "`skep-core token create NAME` makes one"
    )


def register_auth(app: APIFlask) -> None:
    """Check each request of this app before its view runs."""
    app.before_request(_authenticate)


def actor() -> Actor:
    """Return who sent this request."""
    found: Actor = g.actor
    return found


def bearer() -> str:
    """Return what the client sent as bearer token; empty if nothing."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _authenticate() -> None:
    if request.endpoint in PUBLIC_ENDPOINTS:
        return
    secret = bearer()
    if request.endpoint in TICKET_ENDPOINTS and not secret.startswith(tokens.PREFIX):
        return
    found = tokens.authenticate(secret) if secret else None
    if found is None:
        raise BadTokenError
    g.actor = found
