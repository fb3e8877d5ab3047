"""What may be asked for instances, in all three places that take a group."""

from typing import Any

import pytest

from skep.core.store.base import writing
from skep.core.store.models import Cell, Image


@pytest.fixture
def ready(core):
    core.add_cell("cell-1", tags=["ssd"], labels={"rack": "r1"}, capabilities={"vlans": [7]})
    core.add_cell("cell-2")
    core.add_image("demo")
    return core


def _ask(core: Any, path: str, **group: Any):
    """Send the group to one of the addresses that take one."""
    body = {"name": "web", "image": "demo", **group}
    return core.post(path, body if path == "/instances" else {"groups": [body]})


def _cells(response) -> list[str]:
    assert response.status_code == 202, response.get_data(as_text=True)
    return [each["cell"] for each in response.get_json()["instances"]]


@pytest.mark.parametrize(
    ("group", "cells"),
    [
        ({"needs": {"tags": ["ssd"]}}, {"cell-1"}),
        ({"needs": {"tags_forbidden": ["ssd"]}}, {"cell-2"}),
        ({"needs": {"labels": ["rack=r1"]}}, {"cell-1"}),
        ({"needs": {"labels_forbidden": ["rack=r1"]}}, {"cell-2"}),
        ({"needs": {"vlans": [7]}}, {"cell-1"}),
        ({"cells": ["cell-2"]}, {"cell-2"}),
        ({"avoid_cells": ["cell-2"]}, {"cell-1"}),
        ({"query": ["=", "$cell.labels.rack", "r1"]}, {"cell-1"}),
        ({"query": []}, {"cell-1", "cell-2"}),
        ({"max_per_cell": 2}, {"cell-1", "cell-2"}),
    ],
)
def test_what_is_asked_of_cells_is_met(ready, group, cells):
    assert set(_cells(_ask(ready, "/instances", count=4, **group))) == cells


def test_sizes_are_the_defaults_the_flavors_or_as_asked(ready):
    needs = {"tags": ["ssd"]}
    body = {"name": "big", "cores": 2, "memory_mib": 2048, "disk_gib": 7, "needs": needs}
    assert ready.post("/flavors", body).status_code == 201

    def size(**group):
        shown = _ask(ready, "/instances", **group).get_json()["instances"][0]
        return [shown[name] for name in ("flavor", "cores", "memory_mib", "disk_gib", "cell")]

    assert size(name="a", cells=["cell-2"]) == [None, 1, 512, 1, "cell-2"]
    assert size(name="b", flavor="big") == ["big", 2, 2048, 7, "cell-1"]
    asked = {"cores": 3, "memory_mib": 100, "disk_gib": 9}
    assert size(name="c", flavor="big", **asked) == ["big", 3, 100, 9, "cell-1"]


def test_needs_come_on_top_of_the_flavors(ready, expect_problem):
    needs = {"tags": ["ssd"]}
    ready.post("/flavors", {"name": "f", "cores": 1, "memory_mib": 64, "needs": needs})
    wanted = {"flavor": "f", "needs": {"tags": ["gpu"]}}
    expect_problem(_ask(ready, "/instances", **wanted), 409, "no_valid_cell")
    with ready.app.app_context(), writing() as session:
        session.query(Cell).filter_by(name="cell-1").one().tags = ["gpu", "ssd"]
    assert _cells(_ask(ready, "/instances", **wanted)) == ["cell-1"]


def test_members_of_an_instance_group_are_kept_apart(ready, expect_problem):
    ready.post("/instance-groups", {"name": "g", "policy": "anti-affinity"})
    response = _ask(ready, "/instances", count=2, instance_groups=["g"])
    assert set(_cells(response)) == {"cell-1", "cell-2"}
    assert ready.get("/instance-groups/g").get_json()["instances"] == ["web-1", "web-2"]
    expect_problem(
        _ask(ready, "/instances", name="more", instance_groups=["g"]), 409, "no_valid_cell"
    )


def test_fewer_may_be_made_when_that_is_allowed(ready, expect_problem):
    wanted = {"count": 3, "max_per_cell": 1}
    expect_problem(_ask(ready, "/instances", **wanted), 409, "no_valid_cell")
    response = _ask(ready, "/instances", min_count=2, **wanted)
    assert len(_cells(response)) == 2
    assert "2 of 3 placed" in response.get_json()["shortfalls"][0]
    assert ready.get("/instances").get_json()["total"] == 2


def test_the_owner_is_who_asked(ready):
    assert _ask(ready, "/instances").get_json()["instances"][0]["owner"] == "administrator"


@pytest.mark.parametrize("path", ["/instances", "/reservations", "/placements"])
@pytest.mark.parametrize(
    ("group", "refusal"),
    [
        ({"count": 1001}, ("validation", "/count")),
        ({"flavor": 7}, ("validation", "/flavor")),
        ({"cores": 0}, ("validation", "/cores")),
        ({"needs": {"typo": 1}}, ("validation", "/needs/typo")),
        ({"needs": {"labels": ["rack"]}}, ("validation", "/needs/labels/0")),
        ({"instance_groups": "g"}, ("validation", "/instance_groups")),
        ({"instance_groups": ["a"] * 65}, ("validation", "/instance_groups")),
        ({"max_per_cell": 0}, ("validation", "/max_per_cell")),
        ({"cells": ["a\0"]}, ("validation", "/cells/0")),
        ({"avoid_cells": ["a"] * 1001}, ("validation", "/avoid_cells")),
        ({"query": "[]"}, ("validation", "/query")),
        ({"count": 2, "min_count": 3}, ("validation", "/min_count")),
        ({"min_count": 0}, ("validation", "/min_count")),
        ({"groups": []}, ("validation", "/groups")),
        ({"name": "a/b"}, ("invalid_name", "/name")),
        ({"name": "x" * 62, "count": 100}, ("invalid_name", "/name")),
        ({"query": ["=", "$cell.cpus"]}, ("invalid_query", "/query")),
        ({"query": ["and", ["?", 1, 2]]}, ("invalid_query", "/query/1/0")),
        ({"query": ["not", ["<", "$cell.cpus", None]]}, ("invalid_query", "/query/1/2")),
        ({"query": ["=", "$cell.name", "x" * 16_384]}, ("invalid_query", "/query")),
    ],
)
def test_what_is_odd_is_refused_at_its_place(ready, expect_problem, path, group, refusal):
    code, pointer = refusal
    place = "" if path == "/instances" else "/groups/0"
    problem = expect_problem(_ask(ready, path, **group), 422, code)
    assert [each["pointer"] for each in problem["errors"]] == [place + pointer]
    assert ready.get("/instances").get_json()["total"] == 0
    assert ready.started == []


@pytest.mark.parametrize("path", ["/instances", "/reservations", "/placements"])
@pytest.mark.parametrize(
    ("group", "refusal"),
    [
        ({"flavor": "none"}, (404, "flavor_not_found")),
        ({"image": "none"}, (404, "image_not_found")),
        ({"instance_groups": ["none"]}, (404, "instance_group_not_found")),
        ({"cells": ["none"]}, (404, "cell_not_found")),
        ({"avoid_cells": ["none", "cell-1"]}, (404, "cell_not_found")),
        ({"image": "growing"}, (409, "invalid_state")),
    ],
)
def test_what_is_named_must_be_there(ready, expect_problem, path, group, refusal):
    ready.add_image("growing", state="uploading")
    expect_problem(_ask(ready, path, **group), *refusal)
    assert ready.started == []


def test_a_disk_smaller_than_the_image_is_refused(ready, expect_problem):
    with ready.app.app_context(), writing() as session:
        session.query(Image).one().virtual_size_bytes = 5 * 2**30
    expect_problem(_ask(ready, "/instances", disk_gib=4), 409, "invalid_state")


@pytest.mark.parametrize("path", ["/reservations", "/placements"])
@pytest.mark.parametrize(
    ("counts", "pointer"), [([], "/groups"), ([1] * 51, "/groups"), ([1000] * 5 + [1], "/groups")]
)
def test_groups_are_bounded_in_number_and_in_sum(ready, expect_problem, path, counts, pointer):
    groups = [{"name": f"g{n}", "image": "demo", "count": count} for n, count in enumerate(counts)]
    problem = expect_problem(ready.post(path, {"groups": groups}), 422, "validation")
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


@pytest.mark.parametrize("path", ["/reservations", "/placements"])
def test_a_fault_of_the_second_group_points_at_it(ready, expect_problem, path):
    good = {"name": "a", "image": "demo"}
    groups = [good, {**good, "name": "b", "query": ["or"]}]
    problem = expect_problem(ready.post(path, {"groups": groups}), 422, "invalid_query")
    assert problem["errors"][0]["pointer"] == "/groups/1/query"


@pytest.mark.parametrize("path", ["/reservations", "/placements"])
def test_two_instances_cannot_have_one_name(ready, expect_problem, path):
    groups = [
        {"name": "web", "image": "demo", "count": 2},
        {"name": "web-1", "image": "demo"},
    ]
    expect_problem(ready.post(path, {"groups": groups}), 409, "name_taken")
