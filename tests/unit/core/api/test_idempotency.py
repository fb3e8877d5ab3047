from datetime import timedelta

import pytest

from skep.core.api.protocol.idempotency import forget_unanswered
from skep.core.services import pools, tokens
from skep.core.store.base import utc_now, writing
from skep.core.store.models import IdempotencyKey

KEY = {"Idempotency-Key": "3f1b-once"}


def test_a_repeat_gets_the_first_answer_and_changes_nothing(core):
    core.add_cell("cell-1")
    core.add_image("demo")
    body = {"name": "web", "image": "demo"}
    first = core.post("/instances", body, headers=KEY)
    second = core.post("/instances", body, headers=KEY)
    assert first.status_code == second.status_code == 202
    assert first.get_json() == second.get_json()
    assert first.headers["Location"] == second.headers["Location"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(core.started) == 1


def test_the_same_key_for_another_request_is_refused(core, expect_problem):
    assert core.post("/pools", {"name": "a"}, headers=KEY).status_code == 201
    other = core.post("/pools", {"name": "b"}, headers=KEY)
    expect_problem(other, 422, "idempotency_key_reused")
    elsewhere = core.post("/images", {"name": "a"}, headers=KEY)
    expect_problem(elsewhere, 422, "idempotency_key_reused")


def test_the_keys_of_two_tokens_do_not_meet(core):
    assert core.post("/pools", {"name": "a"}, headers=KEY).status_code == 201
    with core.app.app_context():
        core.token = tokens.create_token("other")
    assert core.post("/pools", {"name": "b"}, headers=KEY).status_code == 201


def test_a_refused_request_gives_its_key_back(core, expect_problem):
    expect_problem(core.post("/pools", {"name": "default"}, headers=KEY), 409, "name_taken")
    assert core.post("/pools", {"name": "fine"}, headers=KEY).status_code == 201


def test_a_broken_request_gives_its_key_back(core, expect_problem, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(pools, "create_pool", lambda _request: 1 / 0)
        expect_problem(core.post("/pools", {"name": "a"}, headers=KEY), 500, "internal_error")
    assert core.post("/pools", {"name": "a"}, headers=KEY).status_code == 201


def test_a_repeat_while_the_first_is_under_way_is_told_so(core, expect_problem):
    answers = []
    create = pools.create_pool

    def slow(request: pools.PoolRequest) -> dict:
        answers.append(
            core.app.test_client().post(
                "/api/v1/pools",
                json={"name": "a"},
                headers={"Authorization": f"Bearer {core.token}", **KEY},
            )
        )
        return create(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "create_pool", slow)
        assert core.post("/pools", {"name": "a"}, headers=KEY).status_code == 201
    expect_problem(answers[0], 409, "request_in_flight")


def test_a_request_that_died_with_the_process_gives_its_key_back_at_the_next_start(core):
    body = {"name": "a"}
    core.post("/pools", body, headers=KEY)
    with core.app.app_context():
        with writing() as session:
            session.query(IdempotencyKey).one().status = 0
        forget_unanswered()
    assert core.ask("DELETE", "/pools/a").status_code == 204
    assert core.post("/pools", body, headers=KEY).status_code == 201


def test_a_key_is_forgotten_after_a_day(core):
    core.post("/pools", {"name": "a"}, headers=KEY)
    with core.app.app_context(), writing() as session:
        session.query(IdempotencyKey).one().created_at = utc_now() - timedelta(hours=25)
    assert core.post("/pools", {"name": "b"}, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "é", "a\tb"])
def test_an_odd_key_is_refused(core, expect_problem, key: str):
    response = core.post("/pools", {"name": "a"}, headers={"Idempotency-Key": key})
    expect_problem(response, 422, "invalid_idempotency_key")
    assert core.get("/pools").get_json()["total"] == 1
