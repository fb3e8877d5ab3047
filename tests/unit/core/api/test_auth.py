from datetime import timedelta
from typing import Any

import pytest
from werkzeug.routing import Rule

from skep.core.api.protocol.auth import PUBLIC_ENDPOINTS
from skep.core.services import tokens
from skep.core.store.base import utc_now, writing
from skep.core.store.models import Token


def _path(rule: Rule) -> str:
    return rule.rule.replace("<", "").replace(">", "")


def test_every_route_but_the_public_ones_refuses_a_request_without_token(core, expect_problem):
    asked = 0
    for rule in core.app.url_map.iter_rules():
        for method in sorted(rule.methods or ()):
            response = core.client.open(_path(rule), method=method)
            if rule.endpoint in PUBLIC_ENDPOINTS:
                assert response.status_code == 200
                continue
            asked += 1
            assert response.status_code == 401, rule
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            if method != "HEAD":
                code = "bad_ticket" if _is_ticket_door(rule, method) else "bad_token"
                expect_problem(response, 401, code)
    assert asked > 40


def _is_ticket_door(rule: Rule, method: str) -> bool:
    return rule.endpoint == "images.get_content" and method != "OPTIONS"


def test_only_health_and_the_document_are_public():
    assert {"status.get_health", "openapi.spec"} == PUBLIC_ENDPOINTS


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer skep_wrong",
        "Basic YTpi",
        "bearer \u00ff\u00fe",
        "Bearer " + "x" * 3000,
        "Token {token}",
        "Bearer {token}x",
        "Bearer {digest}",
    ],
)
def test_wrong_credentials_are_refused(core, expect_problem, value: str):
    header = value.format(token=core.token, digest=tokens._digest(core.token))
    response = core.client.get("/api/v1/pools", headers={"Authorization": header})
    expect_problem(response, 401, "bad_token")


def test_the_scheme_is_matched_without_case(core):
    response = core.client.get("/api/v1/pools", headers={"Authorization": f"bEARER {core.token}"})
    assert response.status_code == 200


def test_the_token_is_stored_as_a_digest_only(core):
    with core.app.app_context(), writing() as session:
        stored: Any = session.query(Token).one()
        assert core.token.startswith("skep_")
        assert len(core.token) == len("skep_") + 43
        assert core.token not in {stored.digest, stored.name, stored.id}


def test_an_expired_token_opens_nothing(core, expect_problem):
    with core.app.app_context():
        secret = tokens.create_token("short", days=1)
        with writing() as session:
            token = session.query(Token).filter_by(name="short").one()
            token.expires_at = utc_now() - timedelta(seconds=1)
    response = core.client.get("/api/v1/pools", headers={"Authorization": f"Bearer {secret}"})
    expect_problem(response, 401, "bad_token")


def test_a_revoked_token_opens_nothing(core, expect_problem):
    with core.app.app_context():
        secret = tokens.create_token("leaver")
        tokens.revoke_token("leaver")
    response = core.client.get("/api/v1/pools", headers={"Authorization": f"Bearer {secret}"})
    expect_problem(response, 401, "bad_token")


def test_token_names_are_unique_and_checked(core):
    with core.app.app_context():
        with pytest.raises(tokens.NameTakenError):
            tokens.create_token("administrator")
        with pytest.raises(tokens.TokenNotFoundError, match="skep-core token list"):
            tokens.revoke_token("nobody")
        assert [each["name"] for each in tokens.list_tokens()] == ["administrator"]


def test_forwarded_identity_headers_mean_nothing(core, expect_problem):
    headers = {"X-Forwarded-User": "administrator", "X-Real-IP": "127.0.0.1"}
    expect_problem(core.client.get("/api/v1/pools", headers=headers), 401, "bad_token")
