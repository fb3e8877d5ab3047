import pytest


@pytest.fixture
def ready(core):
    core.add_cell("cell-1", memory_mib=4096, disk_gib=10)
    core.add_cell("cell-2", memory_mib=2048, disk_gib=10)
    for name, memory, disk in (("small", 1024, None), ("large", 4096, 5)):
        body = {"name": name, "cores": 1, "memory_mib": memory, "disk_gib": disk}
        core.post("/flavors", body)
    return core


def _items(core, query: str = "") -> list[dict]:
    response = core.get(f"/capacity{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.get_json()["pool"] == "default"
    return response.get_json()["items"]


def test_every_flavor_is_counted(ready):
    small, large = _items(ready)
    assert (small["flavor"], small["cores"], small["memory_mib"]) == ("small", 1, 1024)
    assert (small["disk_gib"], small["now"], small["after_loss"]) == (1, 6, 2)
    assert small["cells"] == [{"cell": "cell-1", "count": 4}, {"cell": "cell-2", "count": 2}]
    assert (small["survives"], small["worst_cell"], small["displaced"]) == (True, "cell-1", 0)
    assert (large["flavor"], large["disk_gib"], large["now"]) == ("large", 5, 1)


def test_one_flavor_is_counted(ready):
    assert [each["flavor"] for each in _items(ready, "?flavor=large")] == ["large"]


def test_a_disk_given_is_that_of_flavors_without_one(ready):
    small, large = _items(ready, "?disk_gib=6")
    assert (small["disk_gib"], small["now"]) == (6, 2)
    assert large["disk_gib"] == 5
    (only,) = _items(ready, "?flavor=small&disk_gib=4")
    assert (only["disk_gib"], only["now"]) == (4, 4)


@pytest.mark.parametrize(("disk", "now"), [("", 3), ("&disk_gib=8", 2)])
def test_a_size_is_counted(ready, disk, now):
    (found,) = _items(ready, f"?cores=1&memory_mib=2048{disk}")
    assert (found["flavor"], found["now"]) == (None, now)


def test_what_is_reserved_does_not_count(ready):
    ready.ask("PATCH", "/cells/cell-1", json={"reserved": {"memory_mib": 2048}})
    assert _items(ready, "?flavor=small")[0]["now"] == 4


def test_an_empty_pool_has_no_room(core):
    core.post("/pools", {"name": "empty"})
    shown = core.get("/capacity?pool=empty&cores=1&memory_mib=1").get_json()
    assert shown["pool"] == "empty"
    (found,) = shown["items"]
    assert (found["now"], found["worst_cell"], found["cells"]) == (0, None, [])


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("?colour=red", {"?colour"}),
        ("?cores=0&memory_mib=1", {"?cores"}),
        ("?cores=1&memory_mib=x", {"?memory_mib"}),
        ("?disk_gib=0", {"?disk_gib"}),
        ("?cores=1", {"?memory_mib"}),
        ("?memory_mib=1", {"?memory_mib"}),
        ("?flavor=small&cores=1&memory_mib=1", {"?flavor"}),
        ("?pool=", {"?pool"}),
    ],
)
def test_an_odd_question_is_refused_at_its_place(ready, expect_problem, query, pointers):
    problem = expect_problem(ready.get(f"/capacity{query}"), 422, "validation")
    assert {each["pointer"] for each in problem["errors"]} == pointers


@pytest.mark.parametrize(
    ("query", "code"), [("?pool=none", "pool_not_found"), ("?flavor=none", "flavor_not_found")]
)
def test_what_is_asked_about_must_be_there(ready, expect_problem, query, code):
    expect_problem(ready.get(f"/capacity{query}"), 404, code)
