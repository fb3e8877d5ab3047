import pytest

from skep.core.services import events
from skep.core.store.base import db
from skep.core.store.models import Event


@pytest.fixture
def ready(core):
    core.add_cell("cell-1")
    return core


def _patch(core, body, **options):
    return core.ask("PATCH", "/cells/cell-1", json=body, **options)


def test_a_cell_starts_without_conditions(ready):
    shown = ready.get("/cells/cell-1").get_json()
    assert shown["reserved"] == {"cores": 0, "memory_mib": 0, "disk_gib": 0}
    assert shown["max_instances"] is None
    assert (shown["tags"], shown["labels"], shown["capabilities"]) == ([], {}, {})


def test_what_is_known_of_a_cell_is_shown(core):
    able = {"architecture": "x86_64", "cpu_models": ["qemu64"], "vlans": [100]}
    core.add_cell("cell-2", capabilities=able, max_instances=7)
    shown = core.get("/cells/cell-2").get_json()
    assert shown["capabilities"] == able
    assert shown["max_instances"] == 7


def test_a_change_leaves_the_rest_as_it_was_and_is_told(ready):
    _patch(ready, {"reserved": {"cores": 2, "disk_gib": 10}, "max_instances": 5})
    body = {"reserved": {"memory_mib": 512.0}, "tags": ["ssd", "a/b", "ssd"], "labels": {"k": "v"}}
    response = _patch(ready, body)
    assert response.status_code == 200
    shown = response.get_json()
    assert shown["reserved"] == {"cores": 2, "memory_mib": 512, "disk_gib": 10}
    assert shown["max_instances"] == 5
    assert shown["tags"] == ["a/b", "ssd"]
    assert shown["labels"] == {"k": "v"}
    assert response.headers["ETag"] == f'"{shown["generation"]}"' == '"3"'
    with ready.app.app_context():
        told = db.session.get(Event, events.newest_id())
        assert (told.kind, told.data) == ("cell", shown)


def test_tags_labels_and_the_limit_are_taken_away_again(ready):
    _patch(ready, {"tags": ["a"], "labels": {"k": "v"}, "max_instances": 1})
    shown = _patch(ready, {"tags": [], "labels": {}, "max_instances": None}).get_json()
    assert (shown["tags"], shown["labels"], shown["max_instances"]) == ([], {}, None)


@pytest.mark.parametrize("body", [{}, {"reserved": {}}, {"tags": []}, {"max_instances": None}])
def test_a_change_of_nothing_counts_as_none(ready, body):
    assert _patch(ready, body).get_json()["generation"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "other"}, "/name"),
        ({"pool": "other"}, "/pool"),
        ({"reserved": None}, "/reserved"),
        ({"reserved": {"cores": -1}}, "/reserved/cores"),
        ({"reserved": {"cores": None}}, "/reserved/cores"),
        ({"reserved": {"memory_mib": "1"}}, "/reserved/memory_mib"),
        ({"reserved": {"disk_gib": 2**40}}, "/reserved/disk_gib"),
        ({"reserved": {"cpus": 1}}, "/reserved/cpus"),
        ({"max_instances": 0}, "/max_instances"),
        ({"tags": None}, "/tags"),
        ({"tags": "ssd"}, "/tags"),
        ({"tags": ["ok", "a b"]}, "/tags/1"),
        ({"tags": ["-a"]}, "/tags/0"),
        ({"tags": ["a\n"]}, "/tags/0"),
        ({"tags": ["x" * 64]}, "/tags/0"),
        ({"tags": ["é"]}, "/tags/0"),
        ({"tags": [f"t{n}" for n in range(65)]}, "/tags"),
        ({"labels": []}, "/labels"),
        ({"labels": {"k": 1}}, "/labels/k"),
        ({"labels": {"k": "a=b"}}, "/labels/k"),
        ({"labels": {"k": ""}}, "/labels/k"),
        ({"labels": {f"k{n}": "v" for n in range(65)}}, "/labels"),
    ],
)
def test_an_odd_change_is_refused_at_its_place(ready, expect_problem, body, pointer):
    problem = expect_problem(_patch(ready, body), 422, "validation")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert ready.get("/cells/cell-1").get_json()["generation"] == 1


def test_an_odd_key_of_a_label_is_refused(ready, expect_problem):
    problem = expect_problem(_patch(ready, {"labels": {"a=b": "c"}}), 422, "validation")
    assert problem["errors"][0]["pointer"].startswith("/labels/a=b")


def test_a_change_on_another_generation_is_refused(ready, expect_problem):
    response = _patch(ready, {"tags": ["a"]}, headers={"If-Match": '"9"'})
    expect_problem(response, 412, "generation_conflict")
    assert ready.get("/cells/cell-1").get_json()["tags"] == []


def test_a_change_of_what_is_not_there(core, expect_problem):
    expect_problem(core.ask("PATCH", "/cells/none", json={}), 404, "cell_not_found")
