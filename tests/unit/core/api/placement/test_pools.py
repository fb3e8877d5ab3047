import json

import pytest

from skep.core.services import events
from skep.core.store.base import db
from skep.core.store.models import Event

SPREAD_FREE_MEMORY = 2.0


def _patch(core, body, pool="default", **options):
    return core.ask("PATCH", f"/pools/{pool}", json=body, **options)


def test_a_pool_starts_with_spread_and_no_limits(core):
    shown = core.get("/pools/default").get_json()
    assert shown["policy"] == "spread"
    assert shown["multipliers"] == {}
    assert shown["effective_multipliers"]["free_memory"] == SPREAD_FREE_MEMORY
    assert [shown[name] for name in ("load_limit", "io_limit", "max_instances")] == [None] * 3


def test_a_pool_is_created_with_its_policy(core):
    body = {
        "name": "dense",
        "policy": "pack",
        "multipliers": {"image_local": 5, "few_failures": 0},
        "load_limit": 2.5,
        "io_limit": 4,
        "max_instances": 30,
    }
    response = core.post("/pools", body)
    assert response.status_code == 201
    shown = core.get("/pools/dense").get_json()
    assert shown == response.get_json()
    assert {name: shown[name] for name in body} == body
    effective = shown["effective_multipliers"]
    assert effective["image_local"] == 5
    assert effective["few_failures"] == 0
    assert effective["free_memory"] == -SPREAD_FREE_MEMORY


def test_a_change_leaves_the_rest_as_it_was_and_is_told(core):
    _patch(core, {"load_limit": 2, "multipliers": {"turn": 1}})
    response = _patch(core, {"policy": "pack", "cores_overcommit": 4})
    assert response.status_code == 200
    shown = response.get_json()
    assert (shown["policy"], shown["cores_overcommit"]) == ("pack", 4.0)
    assert (shown["load_limit"], shown["multipliers"]) == (2.0, {"turn": 1.0})
    assert (shown["memory_overcommit"], shown["generation"]) == (1.0, 3)
    assert response.headers["ETag"] == '"3"'
    with core.app.app_context():
        told = db.session.get(Event, events.newest_id())
        assert told.kind == "pool"
        assert json.loads(json.dumps(told.data)) == shown


def test_multipliers_are_replaced_as_a_whole(core):
    _patch(core, {"multipliers": {"turn": 1}})
    shown = _patch(core, {"multipliers": {"free_disk": -1.5}}).get_json()
    assert shown["multipliers"] == {"free_disk": -1.5}
    assert "turn" not in shown["effective_multipliers"]


@pytest.mark.parametrize("name", ["load_limit", "io_limit", "max_instances"])
def test_null_lifts_a_limit(core, name):
    assert _patch(core, {name: 3}).get_json()[name] == 3
    assert _patch(core, {name: None}).get_json()[name] is None


@pytest.mark.parametrize("body", [{}, {"policy": "spread"}, {"cores_overcommit": 3}])
def test_a_change_of_nothing_counts_as_none(core, body):
    with core.app.app_context():
        before = events.newest_id()
        assert _patch(core, body).get_json()["generation"] == 1
        assert events.newest_id() == before


@pytest.mark.parametrize(
    ("body", "pointer", "known"),
    [
        ({"policy": "chaos"}, "/policy", "spread, pack, random, round-robin, nova"),
        ({"multipliers": {"free_memory": 1, "luck": 2}}, "/multipliers/luck", "free_memory"),
        ({"multipliers": {"a/b~c": 2}}, "/multipliers/a~1b~0c", "free_memory"),
    ],
)
def test_an_unknown_policy_or_weigher_names_those_that_are_known(
    core, expect_problem, body, pointer, known
):
    for response in (_patch(core, body), core.post("/pools", {"name": "p", **body})):
        problem = expect_problem(response, 422, "unknown_policy")
        assert known in problem["detail"]
        assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert core.get("/pools/default").get_json()["generation"] == 1
    assert core.get("/pools").get_json()["total"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "other"}, "/name"),
        ({"turn": "x"}, "/turn"),
        ({"policy": None}, "/policy"),
        ({"policy": ""}, "/policy"),
        ({"policy": "x" * 65}, "/policy"),
        ({"cores_overcommit": None}, "/cores_overcommit"),
        ({"cores_overcommit": "3"}, "/cores_overcommit"),
        ({"disk_overcommit": 0}, "/disk_overcommit"),
        ({"load_limit": 0}, "/load_limit"),
        ({"load_limit": 1001}, "/load_limit"),
        ({"io_limit": 1.5}, "/io_limit"),
        ({"io_limit": 0}, "/io_limit"),
        ({"max_instances": True}, "/max_instances"),
        ({"max_instances": 10**9}, "/max_instances"),
        ({"multipliers": None}, "/multipliers"),
        ({"multipliers": []}, "/multipliers"),
        ({"multipliers": {"turn": "1"}}, "/multipliers/turn"),
        ({"multipliers": {"turn": 1e10}}, "/multipliers/turn"),
        ({"multipliers": {f"w{n}": 1 for n in range(65)}}, "/multipliers"),
    ],
)
def test_an_odd_change_is_refused_at_its_place(core, expect_problem, body, pointer):
    problem = expect_problem(_patch(core, body), 422, "validation")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert core.get("/pools/default").get_json()["generation"] == 1


def test_a_change_of_what_is_not_there(core, expect_problem):
    expect_problem(_patch(core, {"policy": "pack"}, "none"), 404, "pool_not_found")


@pytest.mark.parametrize("tag", ['"7"', '"x"', 'W/"1"', '"1", "2"', "", '"' + "9" * 40 + '"'])
def test_a_change_on_another_generation_is_refused(core, expect_problem, tag):
    response = _patch(core, {"policy": "pack"}, headers={"If-Match": tag})
    expect_problem(response, 412, "generation_conflict")
    assert core.get("/pools/default").get_json()["policy"] == "spread"


@pytest.mark.parametrize("tag", ['"1"', "*"])
def test_a_change_on_the_generation_that_was_read_is_made(core, tag):
    response = _patch(core, {"policy": "pack"}, headers={"If-Match": tag})
    assert response.get_json()["policy"] == "pack"
