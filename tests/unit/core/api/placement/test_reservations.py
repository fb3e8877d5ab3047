import pytest

from skep.core.store.base import writing
from skep.core.store.lookup import get_run
from skep.core.store.models import Instance
from skep.domain.states import InstanceState, RunState

GROUPS = [
    {"name": "web", "image": "demo", "count": 2, "memory_mib": 256},
    {"name": "db", "image": "demo", "cores": 2, "memory_mib": 1024},
]


@pytest.fixture
def ready(core):
    core.add_cell("cell-1")
    core.add_cell("cell-2")
    core.add_image("demo")
    return core


def _reserve(core, **body):
    response = core.post("/reservations", {"groups": GROUPS, **body})
    assert response.status_code == 202, response.get_data(as_text=True)
    return response.get_json()


def _end(core, made, states: dict[str, str]) -> None:
    """Let the run of a reservation end, with its instances in these states."""
    with core.app.app_context(), writing() as session:
        run = get_run(session, made["run"]["id"])
        run.state = RunState.FAILED
        for each in session.query(Instance).filter_by(run_id=run.id):
            each.state, each.run_id = states.get(each.name, InstanceState.RUNNING), None


def test_groups_are_placed_as_a_whole_and_made_by_one_run(ready):
    response = ready.post("/reservations", {"groups": GROUPS, "name": "shop"})
    made = response.get_json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/v1/runs/{made['run']['id']}"
    shown = {each["name"]: each["memory_mib"] for each in made["instances"]}
    assert shown == {"web-1": 256, "web-2": 256, "db": 1024}
    assert made["shortfalls"] == []
    assert ready.started == [made["run"]["id"]]


def test_a_reservation_is_shown_and_listed(ready):
    first, second = (
        _reserve(ready, name="shop"),
        ready.post("/instances", {**GROUPS[1], "name": "x"}),
    )
    shown = ready.get(f"/reservations/{first['reservation']}").get_json()
    assert (shown["name"], shown["count"], shown["actor"]) == ("shop", 3, "administrator")
    assert (shown["pool"], shown["state"]) == ("default", "pending")
    assert shown["states"] == {"scheduled": 3}
    assert shown["runs"] == [first["run"]["id"]]
    assert {each["name"] for each in shown["instances"]} == {"web-1", "web-2", "db"}
    assert set(shown["instances"][0]) == {"id", "name", "state", "cell", "reason"}
    listed = ready.get("/reservations").get_json()
    ids = [second.get_json()["reservation"], first["reservation"]]
    assert [each["id"] for each in listed["items"]] == ids
    assert "instances" not in listed["items"][0]
    page = ready.get("/reservations?limit=1&sort=created_at").get_json()
    assert [each["id"] for each in page["items"]] == [first["reservation"]]
    assert page["next"] is not None
    assert listed["total"] == page["total"] == 2


def test_without_a_name_it_is_called_as_its_first_group(ready):
    made = _reserve(ready)
    assert ready.get(f"/reservations/{made['reservation']}").get_json()["name"] == "web"


def test_nothing_is_made_when_one_group_does_not_fit(ready, expect_problem):
    groups = [*GROUPS, {"name": "huge", "image": "demo", "memory_mib": 10**6}]
    expect_problem(ready.post("/reservations", {"groups": groups}), 409, "no_valid_cell")
    assert ready.get("/instances").get_json()["total"] == 0
    assert ready.get("/reservations").get_json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/groups"),
        ({"groups": GROUPS[0]}, "/groups"),
        ({"groups": GROUPS, "name": ""}, "/name"),
        ({"groups": GROUPS, "name": "x" * 65}, "/name"),
        ({"groups": GROUPS, "pool": None}, "/pool"),
        ({"groups": GROUPS, "typo": 1}, "/typo"),
        ({"groups": [{**GROUPS[0], "pool": "default"}]}, "/groups/0/pool"),
    ],
)
def test_an_odd_reservation_is_refused_at_its_place(ready, expect_problem, body, pointer):
    problem = expect_problem(ready.post("/reservations", body), 422, "validation")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


def test_a_pool_that_is_not_there(ready, expect_problem):
    body = {"groups": GROUPS, "pool": "none"}
    expect_problem(ready.post("/reservations", body), 404, "pool_not_found")


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")])
def test_what_is_not_there_has_its_own_code(core, expect_problem, method, end):
    response = core.ask(method, f"/reservations/none{end}")
    expect_problem(response, 404, "reservation_not_found")


def test_what_is_being_made_is_canceled(ready, expect_problem):
    made = _reserve(ready)
    response = ready.post(f"/reservations/{made['reservation']}/cancel")
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/v1/runs/{made['run']['id']}"
    body = response.get_json()
    assert [each["id"] for each in body["runs"]] == [body["run"]["id"]] == [made["run"]["id"]]
    _end(ready, made, {})
    again = ready.post(f"/reservations/{made['reservation']}/cancel")
    expect_problem(again, 409, "invalid_state")


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ({}, "ready"),
        ({"db": "stopped"}, "ready"),
        ({"db": "failed"}, "partial"),
        ({"db": "failed", "web-1": "failed", "web-2": "failed"}, "failed"),
    ],
)
def test_a_reservation_is_what_its_instances_come_to(ready, ends, state):
    made = _reserve(ready)
    _end(ready, made, ends)
    assert ready.get(f"/reservations/{made['reservation']}").get_json()["state"] == state


def test_a_reservation_is_canceled_or_gone_as_a_whole(ready):
    made = _reserve(ready)
    path = f"/reservations/{made['reservation']}"
    _end(ready, made, dict.fromkeys(("web-1", "web-2", "db"), InstanceState.FAILED))
    with ready.app.app_context(), writing() as session:
        session.query(Instance).update({"reason_code": "canceled"})
    assert ready.get(path).get_json()["state"] == "canceled"
    with ready.app.app_context(), writing() as session:
        session.query(Instance).filter_by(name="db").one().reason_code = "no_result"
    assert ready.get(path).get_json()["state"] == "failed"
    with ready.app.app_context(), writing() as session:
        session.query(Instance).filter_by(name="db").delete()
    assert ready.get(path).get_json()["state"] == "canceled"
    with ready.app.app_context(), writing() as session:
        session.query(Instance).delete()
    shown = ready.get(path).get_json()
    assert (shown["state"], shown["states"], shown["instances"]) == ("gone", {}, [])


def test_what_failed_is_made_anew(ready, expect_problem):
    made = _reserve(ready)
    path = f"/reservations/{made['reservation']}"
    expect_problem(ready.post(f"{path}/retry"), 409, "invalid_state")
    _end(ready, made, {"web-2": InstanceState.FAILED})
    assert ready.get(path).get_json()["state"] == "partial"
    response = ready.post(f"{path}/retry")
    assert response.status_code == 202, response.get_data(as_text=True)
    again = response.get_json()
    assert again["run"]["id"] != made["run"]["id"]
    assert again["reservation"] == made["reservation"]
    assert [each["name"] for each in again["instances"]] == ["web-2"]
    assert ready.started == [made["run"]["id"], again["run"]["id"]]
    shown = ready.get(path).get_json()
    assert shown["runs"] == [made["run"]["id"], again["run"]["id"]]
    assert shown["states"] == {"running": 2, "scheduled": 1}


def test_an_idempotency_key_reserves_once(ready):
    headers = {"Idempotency-Key": "once"}
    answers = [ready.post("/reservations", {"groups": GROUPS}, headers=headers) for _ in range(2)]
    assert answers[0].get_json() == answers[1].get_json()
    assert ready.get("/instances").get_json()["total"] == 3
