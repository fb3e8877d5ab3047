import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from skep.core.api import events as events_api
from skep.core.services import events, pools, tokens
from skep.core.store.base import db, utc_now, writing
from skep.core.store.models import Event


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(events_api, "TICK_S", 0.2)
    monkeypatch.setattr(events_api, "HEARTBEAT_S", 0.5)


def _blocks(response) -> Iterator[dict[str, str]]:
    """Parse server-sent events; comments appear under the name ''."""
    text = ""
    for chunk in response.iter_encoded():
        text += chunk.decode()
        while "\n\n" in text:
            block, text = text.split("\n\n", 1)
            yield dict(line.split(": ", 1) for line in block.split("\n"))


def _pool(core, name: str) -> None:
    with core.app.app_context():
        pools.create_pool(pools.PoolRequest(name))


def test_a_stream_starts_now_and_shows_what_comes(core):
    response = core.get("/events")
    assert response.mimetype == "text/event-stream"
    blocks = _blocks(response)
    opening = next(blocks)
    _pool(core, "a")
    shown = next(blocks)
    assert shown["event"] == "pool"
    assert int(shown["id"]) > int(opening["id"])
    assert json.loads(shown["data"]) == {**core.get("/pools/a").get_json(), "instances": 0}
    response.close()


def test_a_commit_reaches_the_stream_at_once(core):
    response = core.get("/events")
    blocks = _blocks(response)
    next(blocks)
    threading.Timer(0.3, _pool, (core, "a")).start()
    begun = time.monotonic()
    while "event" not in next(blocks):
        pass
    assert time.monotonic() - begun < 0.8  # the poll alone would need up to 1.3
    response.close()


def test_a_client_resumes_where_it_left_off(core):
    for name in "abc":
        _pool(core, name)
    with core.app.app_context():
        last = events.newest_id()
    for headers, query in (({"Last-Event-ID": str(last - 2)}, ""), ({}, f"?after={last - 2}")):
        response = core.get(f"/events{query}", headers=headers)
        blocks = _blocks(response)
        next(blocks)
        names = [json.loads(next(blocks)["data"])["name"] for _ in range(2)]
        assert names == ["b", "c"]
        response.close()


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "9" * 40, "\u0661"])
def test_a_garbled_last_event_id_counts_as_absent(core, position: str):
    _pool(core, "a")
    response = core.get("/events", headers={"Last-Event-ID": position.encode().decode("latin-1")})
    blocks = _blocks(response)
    next(blocks)
    _pool(core, "b")
    assert json.loads(next(blocks)["data"])["name"] == "b"
    response.close()


@pytest.mark.parametrize("after", [10**9, 0])
def test_a_position_that_is_not_kept_is_reset(core, after: int):
    for name in "abc":
        _pool(core, name)
    with core.app.app_context(), writing() as session:
        session.query(Event).filter(Event.id <= 3).delete()
    response = core.get(f"/events?after={after}")
    blocks = _blocks(response)
    opening, reset = next(blocks), next(blocks)
    assert reset["event"] == "reset"
    assert opening["id"] == str(json.loads(reset["data"])["newest"])
    response.close()


def test_a_stream_of_one_run_shows_nothing_else(core):
    response = core.get("/events?run=run-1")
    blocks = _blocks(response)
    next(blocks)
    with core.app.app_context(), writing() as session:
        events.record(session, "instance", "i", {"n": 1})
        events.record(session, "outcome", "o", {"n": 2}, "run-2")
        events.record(session, "outcome", "o", {"n": 3}, "run-1")
    shown = next(each for each in blocks if "event" in each)
    assert json.loads(shown["data"]) == {"n": 3}
    response.close()


def test_a_rolled_back_change_is_never_shown(core):
    response = core.get("/events")
    blocks = _blocks(response)
    next(blocks)
    with core.app.app_context():
        session = db.session()
        events.record(session, "cell", "c", {"n": 1})
        session.flush()
        session.rollback()
    _pool(core, "a")
    assert json.loads(next(b for b in blocks if "event" in b)["data"])["name"] == "a"
    response.close()


def test_a_quiet_stream_shows_that_it_is_alive(core):
    response = core.get("/events")
    blocks = _blocks(response)
    next(blocks)
    assert next(blocks) == {"": "alive"}
    response.close()


def test_revoking_the_token_ends_its_streams(core):
    with core.app.app_context():
        core.token = tokens.create_token("leaver")
    response = core.get("/events")
    blocks = _blocks(response)
    next(blocks)
    with core.app.app_context():
        tokens.revoke_token("leaver")
    begun = time.monotonic()
    assert all("event" not in each for each in blocks)
    assert time.monotonic() - begun < 3
    response.close()


def test_half_of_the_threads_may_serve_streams(core, expect_problem):
    streams = [core.get("/events") for _ in range(4)]
    refused = core.get("/events")
    expect_problem(refused, 503, "too_many_streams")
    assert refused.headers["Retry-After"]
    streams[0].close()
    again = core.get("/events")
    assert again.status_code == 200
    for each in (*streams[1:], again):
        each.close()


def test_closing_the_feed_ends_every_stream(core):
    response = core.get("/events")
    blocks = _blocks(response)
    next(blocks)
    core.app.extensions["skep_events"].close()
    assert all("event" not in each for each in blocks)
    response.close()


def test_a_slow_client_misses_nothing_when_memory_forgot(core, monkeypatch):
    monkeypatch.setattr(events, "_RECENT", 5)
    response = core.get("/events")
    blocks = _blocks(response)
    next(blocks)
    with core.app.app_context():
        for n in range(30):
            with writing() as session:
                events.record(session, "cell", "c", {"n": n})
        time.sleep(0.2)
    shown = [json.loads(next(blocks)["data"])["n"] for _ in range(30)]
    assert shown == list(range(30))
    response.close()


def test_old_and_surplus_events_are_forgotten(core, monkeypatch):
    monkeypatch.setattr(events, "KEEP_EVENTS", 3)
    for name in "abcde":
        _pool(core, name)
    with core.app.app_context():
        with writing() as session:
            assert events.trim(session, utc_now()) == 3
            assert events.trim(session, utc_now() + timedelta(days=8)) == 2
        assert db.session.query(Event).count() == 1  # the newest keeps the position
