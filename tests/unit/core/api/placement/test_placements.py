import pytest

from skep.core.store.base import db
from skep.core.store.models import Event, Plan, Pool


@pytest.fixture
def ready(core):
    core.add_cell("cell-1")
    core.add_cell("cell-2", memory_mib=8192)
    core.add_image("demo")
    return core


def _body(**changes):
    group = {"name": "web", "image": "demo", "count": 4, "memory_mib": 1024}
    return {"groups": [{**group, **changes.pop("group", {})}], **changes}


def _preview(core, **changes):
    response = core.post("/placements", _body(**changes))
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def test_a_preview_tells_where_everything_would_go(ready):
    shown = _preview(ready)
    assert shown["feasible"] is True
    assert (shown["policy"], shown["shortfalls"]) == ("spread", [])
    assert [each["instance"] for each in shown["assignments"]] == [f"web-{n}" for n in (1, 2, 3, 4)]
    first = shown["assignments"][0]
    assert {first["cell"], first["runner_up"]} == {"cell-1", "cell-2"}
    assert first["score"] >= first["runner_up_score"]
    assert sum(each["count"] for each in shown["split"]) == 4
    decision = shown["decision"]
    assert (decision["instance"], decision["cell"]) == ("web-1", first["cell"])
    assert decision["cells"][0]["cell"] == first["cell"]
    assert decision["flavor"] == {"cores": 1, "memory_mib": 1024, "disk_gib": 1}
    assert decision["seed"] == shown["seed"]


def test_a_preview_makes_and_tells_nothing(ready):
    with ready.app.app_context():
        before = db.session.query(Event).count()
    _preview(ready)
    for path in ("/instances", "/reservations", "/runs"):
        assert ready.get(path).get_json()["total"] == 0
    with ready.app.app_context():
        assert db.session.query(Event).count() == before
        assert db.session.query(Plan).count() == 0
        assert db.session.query(Pool).one().plan_generation == 1
    assert ready.started == []


def test_a_preview_that_does_not_fit_tells_why(ready):
    shown = _preview(ready, group={"memory_mib": 10_000, "count": 3})
    assert shown["feasible"] is False
    assert shown["assignments"] == []
    (short,) = shown["shortfalls"]
    assert (short["instance"], short["asked"], short["placed"]) == ("web-2", 3, 1)
    assert short["fatal"] is True
    assert short["removed"] == [{"filter": "memory", "count": 2}]
    assert short["closest"]["lacks"][0]["filter"] == "memory"
    assert "1 of 3 placed" in short["words"]
    assert (shown["decision"]["instance"], shown["decision"]["cell"]) == ("web-2", None)


def test_the_decision_of_what_fits_nowhere_has_every_refusal(ready):
    decision = _preview(ready, group={"memory_mib": 20_000})["decision"]
    assert (decision["instance"], decision["cell"], decision["accepted"]) == ("web-1", None, 0)
    assert {each["rejected_by"] for each in decision["cells"]} == {"memory"}


def test_other_cells_may_be_supposed(ready):
    assert {each["cell"] for each in _preview(ready, remove_cells=["cell-2"])["split"]} == {
        "cell-1"
    }
    new = {"name": "new", "cpus": 64, "memory_mib": 10**6, "disk_gib": 10**4, "count": 2}
    shown = _preview(ready, add_cells=[{**new, "tags": ["x"]}], group={"needs": {"tags": ["x"]}})
    assert {each["cell"] for each in shown["split"]} == {"new-1", "new-2"}
    assert {each["name"] for each in ready.get("/cells").get_json()["items"]} == {
        "cell-1",
        "cell-2",
    }


def test_another_policy_may_be_supposed(ready):
    shown = _preview(ready, policy="pack", multipliers={"owner_apart": 0.5})
    assert shown["policy"] == "pack"
    assert len(shown["split"]) == 1
    multipliers = shown["decision"]["policy"]["multipliers"]
    assert (multipliers["owner_apart"], multipliers["free_memory"]) == (0.5, -2.0)
    assert ready.get("/pools/default").get_json()["policy"] == "spread"


def test_the_decision_shown_can_be_chosen_and_cut(ready):
    decision = _preview(ready, explain="web-3", limit=1)["decision"]
    assert decision["instance"] == "web-3"
    assert len(decision["cells"]) == 1
    assert decision["accepted"] == 2


NEW = {"name": "new", "cpus": 1, "memory_mib": 1, "disk_gib": 1}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"groups": []}, "/groups"),
        ({"limit": 0}, "/limit"),
        ({"limit": 10_001}, "/limit"),
        ({"explain": ""}, "/explain"),
        ({"policy": 7}, "/policy"),
        ({"multipliers": {"turn": "x"}}, "/multipliers/turn"),
        ({"remove_cells": [""]}, "/remove_cells/0"),
        ({"add_cells": [{"name": "new"}]}, None),
        ({"add_cells": [{**NEW, "name": "New"}]}, "/add_cells/0/name"),
        ({"add_cells": [{**NEW, "cpus": 0}]}, "/add_cells/0/cpus"),
        ({"add_cells": [{**NEW, "kvm": 1}]}, "/add_cells/0/kvm"),
        ({"add_cells": [{**NEW, "tags": ["a b"]}]}, "/add_cells/0/tags/0"),
        ({"add_cells": [{**NEW, "count": 1001}]}, "/add_cells/0/count"),
        ({"add_cells": [{**NEW, "count": 600}, {**NEW, "name": "b", "count": 600}]}, "/add_cells"),
        ({"add_cells": [{**NEW, "count": 2}, {**NEW, "name": "new-1"}]}, "/add_cells"),
        ({"name": "x"}, "/name"),
    ],
)
def test_an_odd_preview_is_refused_at_its_place(ready, expect_problem, changes, pointer):
    problem = expect_problem(ready.post("/placements", _body(**changes)), 422, "validation")
    pointers = {each["pointer"] for each in problem["errors"]}
    missing = {f"/add_cells/0/{name}" for name in ("cpus", "memory_mib", "disk_gib")}
    assert pointers == ({pointer} if pointer else missing)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"policy": "chaos"}, 422, "unknown_policy"),
        ({"multipliers": {"luck": 1}}, 422, "unknown_policy"),
        ({"remove_cells": ["none"]}, 404, "unknown_cell"),
        ({"remove_cells": ["cell-1", "none"]}, 404, "unknown_cell"),
        ({"explain": "other"}, 404, "not_in_plan"),
        ({"pool": "none"}, 404, "pool_not_found"),
    ],
)
def test_what_is_supposed_must_make_sense(ready, expect_problem, changes, status, code):
    expect_problem(ready.post("/placements", _body(**changes)), status, code)


def test_a_cell_named_twice_is_left_out_once(ready):
    shown = _preview(ready, remove_cells=["cell-2", "cell-2"])
    assert {each["cell"] for each in shown["split"]} == {"cell-1"}


def test_a_supposed_cell_may_have_the_name_of_a_real_one(ready):
    new = {**NEW, "name": "cell-1", "memory_mib": 10**6, "cpus": 64, "disk_gib": 10**4}
    assert _preview(ready, add_cells=[new])["feasible"] is True


def test_an_empty_pool_is_told_as_such(core):
    core.add_image("demo")
    shown = _preview(core)
    assert shown["feasible"] is False
    assert shown["shortfalls"][0]["closest"] is None
    assert shown["decision"]["cells"] == []
