import pytest

from skep.core.services import instances
from skep.core.services.execution import work
from skep.core.store.base import writing
from skep.core.store.lookup import get_run

NAMES = [
    "web 1",
    "{{ lookup('pipe','id') }}",
    "a<name><devices>]]>",
    "&xxe;",
    "$(id);`id`",
    "日本語",
    "'; DROP TABLE instance; --",
    "<img src=x onerror=alert(1)>",
]


@pytest.fixture
def ready(core):
    core.add_cell("cell-1")
    core.add_cell("cell-2")
    core.add_image("demo")
    return core


def _create(core, **body):
    return core.post("/instances", {"name": "web", "image": "demo", **body})


def test_a_reservation_names_its_run_and_its_instances(ready):
    response = _create(ready, count=3, memory_mib=256)
    assert response.status_code == 202
    body = response.get_json()
    assert response.headers["Location"] == f"/api/v1/runs/{body['run']['id']}"
    assert [each["name"] for each in body["instances"]] == ["web-1", "web-2", "web-3"]
    assert {each["state"] for each in body["instances"]} == {"scheduled"}
    assert {each["cell"] for each in body["instances"]} == {"cell-1", "cell-2"}
    assert body["run"]["actor"] == "administrator"
    assert ready.started == [body["run"]["id"]]
    listed = ready.get(f"/instances?reservation={body['reservation']}").get_json()
    assert listed["total"] == 3


def test_an_instance_shows_itself_with_an_etag_and_an_explanation(ready):
    _create(ready)
    response = ready.get("/instances/web")
    assert response.headers["ETag"] == f'"{response.get_json()["generation"]}"'
    said = ready.get("/instances/web/explanation").get_json()
    assert {each["cell"] for each in said["cells"]} == {"cell-1", "cell-2"}
    assert all(each["accepted"] and each["score"] is not None for each in said["cells"])


@pytest.mark.parametrize("name", NAMES)
def test_any_printable_name_is_data(ready, name: str):
    assert _create(ready, name=name).get_json()["instances"][0]["name"] == name
    found = ready.get("/instances", query_string={"q": name}).get_json()
    assert [each["name"] for each in found["items"]] == [name]
    started = ready.post("/instances/start", {"instances": [name]})
    assert started.status_code == 409  # busy with its creation, so it was found


@pytest.mark.parametrize(
    "name", ["a/b", "a\0b", "a\nb", " a", "a ", "\u202eevil", "a\u200bb", "x" * 65, "\x7f"]
)
def test_an_illegal_name_is_refused(ready, expect_problem, name: str):
    body = expect_problem(_create(ready, name=name), 422, "invalid_name")
    assert body["errors"][0]["pointer"] == "/name"
    assert ready.get("/instances").get_json()["total"] == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cores", "2"),
        ("cores", 1.5),
        ("cores", True),
        ("cores", 10**30),
        ("memory_mib", -1),
        ("memory_mib", 0),
        ("disk_gib", 0),
        ("count", 0),
        ("count", 1001),
        ("pool", ""),
        ("image", 7),
        ("image", "x" * 129),
        ("image", "a\0"),
        ("name", ""),
        ("name", "\ud800"),
        ("cell", "cell-1"),
        ("reservation", "mine"),
    ],
)
def test_an_odd_value_is_refused(ready, expect_problem, field: str, value: object):
    expect_problem(_create(ready, **{field: value}), 422, "validation")


def test_a_whole_float_is_a_number_like_any_other(ready):
    assert _create(ready, memory_mib=512.0).status_code == 202


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"image": "none"}, 404, "image_not_found"),
        ({"pool": "none"}, 404, "pool_not_found"),
        ({"image": "raw"}, 409, "invalid_state"),
        ({"memory_mib": 10**6}, 409, "no_valid_cell"),
    ],
)
def test_a_request_that_cannot_be_met_changes_nothing(
    ready, expect_problem, body: dict, status: int, code: str
):
    ready.add_image("raw", state="uploading")
    expect_problem(_create(ready, **body), status, code)
    assert ready.get("/instances").get_json()["total"] == 0
    assert ready.started == []


def test_a_taken_name_and_a_busy_instance_are_conflicts(ready, expect_problem):
    _create(ready)
    expect_problem(_create(ready), 409, "name_taken")
    for verb in ("start", "stop", "reboot", "delete"):
        expect_problem(
            ready.post(f"/instances/{verb}", {"instances": ["web"]}), 409, "instance_busy"
        )


def test_an_operation_on_an_unknown_instance_names_it(ready, expect_problem):
    body = {"instances": ["ghost"], "cell": "cell-1"}
    expect_problem(ready.post("/instances/migrate", body), 404, "instance_not_found")


@pytest.mark.parametrize("refs", [[], "web", [""], ["x"] * 1001, [None], {"a": 1}])
def test_an_odd_list_of_instances_is_refused(ready, expect_problem, refs: object):
    expect_problem(ready.post("/instances/delete", {"instances": refs}), 422, "validation")


def test_the_log_is_plain_text_whatever_the_guest_wrote(ready, monkeypatch):
    monkeypatch.setattr(instances, "read_log", lambda _ref, most: "<script>\x1b[2J" + "x" * most)
    response = ready.get("/instances/web/log?max_bytes=3")
    assert response.mimetype == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.get_data(as_text=True) == "<script>\x1b[2Jxxx"


def test_a_cell_is_disabled_removed_and_accepted(ready, expect_problem, monkeypatch):
    monkeypatch.setattr(work, "address_towards", lambda _cell: "192.0.2.254")
    assert ready.post("/cells/cell-2/disable").get_json()["enabled"] is False
    assert ready.post("/cells/cell-2/enable").get_json()["enabled"] is True
    _create(ready, count=2)
    expect_problem(ready.ask("DELETE", "/cells/cell-1"), 409, "cell_has_instances")
    expect_problem(ready.post("/cells/cell-1/accept", {"pool": "default"}), 409, "invalid_state")
    ready.add_cell("cell-3", state="discovered", pool_id=None)
    accepted = ready.post("/cells/cell-3/accept", {"pool": "default"})
    assert accepted.status_code == 202
    assert accepted.get_json()["run"]["operation"] == "cells_accept"
    assert ready.get("/cells/cell-3").get_json()["state"] == "enrolling"


def test_a_member_is_asked_anew_what_it_can_do(ready, expect_problem):
    ready.add_cell("cell-9", state="offline")
    refreshed = ready.post("/cells/cell-1/refresh")
    assert refreshed.status_code == 202
    run = refreshed.get_json()["run"]
    assert (run["operation"], ready.started) == ("cells_refresh", [run["id"]])
    assert ready.get("/cells/cell-1").get_json()["state"] == "online"
    expect_problem(ready.post("/cells/cell-9/refresh"), 409, "invalid_state")
    expect_problem(ready.post("/cells/none/refresh"), 404, "cell_not_found")


def test_a_run_is_listed_shown_and_canceled(ready, expect_problem):
    run = _create(ready).get_json()["run"]
    assert ready.get(f"/runs/{run['id']}").get_json()["outcomes"][0]["state"] == "pending"
    assert ready.get("/runs?state=queued&operation=instances_create").get_json()["total"] == 1
    assert ready.get("/runs?state=failed").get_json()["total"] == 0
    assert ready.post(f"/runs/{run['id']}/cancel").status_code == 202
    expect_problem(ready.post("/runs/none/cancel"), 404, "run_not_found")


def test_a_cell_may_hold_the_image_before_its_creation_ends(ready):
    created = _create(ready, count=2).get_json()
    pending = [each["id"] for each in created["instances"]]
    tls = ready.app.config["SKEP"].state_dir / "tls"
    tls.mkdir()
    (tls / "ca.pem").write_text("a certificate\n")
    with ready.app.app_context(), writing() as session:
        work.prepare(session, get_run(session, created["run"]["id"]), pending)
    assert ready.get("/images/demo").get_json()["cached_on"] == ["cell-1", "cell-2"]
