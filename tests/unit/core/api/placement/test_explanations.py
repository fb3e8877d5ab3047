import pytest

from skep.core.store.base import writing
from skep.core.store.models import Instance


@pytest.fixture
def ready(core):
    for n in range(1, 6):
        core.add_cell(f"cell-{n}", memory_mib=1024 * n)
    core.add_image("demo")
    body = {"name": "web", "image": "demo", "count": 2, "memory_mib": 2500}
    assert core.post("/instances", body).status_code == 202
    return core


def test_an_explanation_tells_of_every_cell(ready):
    instance = ready.get("/instances/web-2").get_json()
    for ref in ("web-2", instance["id"]):
        said = ready.get(f"/instances/{ref}/explanation").get_json()
        assert (said["instance"], said["cell"]) == ("web-2", instance["cell"])
        assert said["flavor"] == {"cores": 1, "memory_mib": 2500, "disk_gib": 1}
        assert said["policy"]["name"] == "spread"
        accepted = [each for each in said["cells"] if each["accepted"]]
        assert len(said["cells"]) == 5
        assert said["accepted"] == len(accepted)
        assert [each["rank"] for each in accepted] == list(range(1, len(accepted) + 1))
        assert accepted[0]["cell"] == instance["cell"]
        parts = accepted[0]["parts"]
        assert sum(each["weighted"] for each in parts) == pytest.approx(accepted[0]["score"])
        refused = {each["cell"]: each for each in said["cells"] if not each["accepted"]}
        assert refused["cell-1"]["rejected_by"] == "memory"
        assert "1024" in refused["cell-1"]["reason"]
        assert sum(each["count"] for each in said["removed"]) == len(refused)


def test_an_explanation_stays_what_it_was(ready):
    before = ready.get("/instances/web-1/explanation").get_json()
    ready.ask("PATCH", "/pools/default", json={"policy": "pack"})
    ready.post("/cells/cell-5/disable")
    assert ready.get("/instances/web-1/explanation").get_json() == before


@pytest.mark.parametrize("limit", [1, 2, 10_000])
def test_an_explanation_is_cut_where_asked(ready, limit):
    said = ready.get(f"/instances/web-1/explanation?limit={limit}").get_json()
    assert len(said["cells"]) == min(limit, 5)
    assert said["cells"][0]["rank"] == 1


def test_a_person_gets_text(ready):
    response = ready.get("/instances/web-1/explanation", headers={"Accept": "text/plain"})
    assert response.mimetype == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    text = response.get_data(as_text=True)
    assert text.startswith("web-1 (1 core, 2500 MiB memory, 1 GiB disk) is on cell-")
    assert "cell-1  memory: " in text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "text/*;q=0.1, */*"])
def test_everybody_else_gets_json(ready, accept):
    response = ready.get("/instances/web-1/explanation", headers={"Accept": accept})
    assert response.mimetype == "application/json"


@pytest.mark.parametrize("limit", ["0", "10001", "x"])
def test_an_odd_limit_is_refused(ready, expect_problem, limit):
    response = ready.get(f"/instances/web-1/explanation?limit={limit}")
    problem = expect_problem(response, 422, "validation")
    assert problem["errors"][0]["pointer"] == "?limit"


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_an_instance_without_a_plan_has_no_explanation(ready, expect_problem, accept):
    headers = {"Accept": accept}
    expect_problem(
        ready.get("/instances/none/explanation", headers=headers), 404, "instance_not_found"
    )
    with ready.app.app_context(), writing() as session:
        session.query(Instance).filter_by(name="web-1").one().plan_id = None
    expect_problem(ready.get("/instances/web-1/explanation", headers=headers), 409, "invalid_state")


def test_the_document_tells_of_both_answers(core):
    paths = core.client.get("/openapi.json").get_json()["paths"]
    answer = paths["/api/v1/instances/{instance}/explanation"]["get"]["responses"]["200"]
    assert set(answer["content"]) == {"application/json", "text/plain"}
