import pytest
from tests.unit.client.placement.samples import (
    RESERVATION_ID,
    explanation,
    flavor,
    group,
    part,
    preview,
    refusal,
    reservation,
    room,
    shortfall,
    verdict,
)
from tests.unit.client.samples import RUN_ID, instance, page, run
from tests.unit.client.scripted_core import Answer, problem

from skep.client.errors import RefusedError, UnexpectedAnswerError
from skep.client.placement.wanted import (
    GroupRequest,
    Needs,
    NewCell,
    NewInstances,
    PlacementRequest,
)


def test_only_what_differs_from_the_cores_defaults_is_sent():
    wanted = NewInstances(name="web", image="debian", count=1, needs=Needs(vlans=[7]))
    assert wanted.body() == {"name": "web", "image": "debian", "needs": {"vlans": [7]}}


def test_a_size_equal_to_the_cores_default_overrides_a_flavor():
    body = NewInstances(name="web", image="i", flavor="large", cores=1, memory_mib=512).body()
    assert (body["cores"], body["memory_mib"]) == (1, 512)


def test_a_preview_sends_its_what_if_and_reads_the_answer(api, core):
    core.on("POST", "/placements", preview(shortfalls=[shortfall(fatal=False)]))
    asked = PlacementRequest(
        pool="fast",
        groups=[GroupRequest(name="web", image="debian", count=3)],
        add_cells=[NewCell(name="new", cpus=8, memory_mib=1024, disk_gib=9)],
    )
    found = api.placements.preview(asked)
    assert core.last("POST").json == {
        "pool": "fast",
        "groups": [{"name": "web", "image": "debian", "count": 3}],
        "add_cells": [{"name": "new", "cpus": 8, "memory_mib": 1024, "disk_gib": 9}],
    }
    assert [(each.cell, each.count) for each in found.split] == [("cell-2", 2), ("cell-1", 1)]
    assert found.shortfalls[0].closest.lacks[0].reason == "1 MiB free"
    assert found.decision.total == 3


def test_a_document_is_previewed_as_it_is(api, core):
    core.on("POST", "/placements", preview())
    api.placements.preview({"groups": [], "odd": 1})
    assert core.last("POST").json == {"groups": [], "odd": 1}


def test_an_explanation_tells_scores_parts_and_reasons(api, core):
    cells = [
        verdict("cell-1", 1, 0.8, part("free_memory", 0.8)),
        refusal("cell-2", ("memory", "x"), ("disk", "y")),
    ]
    core.on("GET", "/instances/web/explanation", explanation(*cells))
    found = api.instances.explanation("web", 20)
    assert core.last("GET").query == {"limit": "20"}
    assert [each.score for each in found.cells] == [0.8, None]
    assert found.cells[0].parts[0].weighted == 0.8
    assert [each.filter for each in found.cells[1].refusals] == ["memory", "disk"]


def test_an_explanation_as_text_is_asked_for_as_text(api, core):
    core.on("GET", "/instances/web/explanation", Answer(b"web is on \xff\n", kind="text/plain"))
    assert api.instances.explanation_text("web") == "web is on \ufffd\n"
    assert core.last("GET").headers["accept"] == "text/plain"
    assert core.last("GET").query == {}


def test_flavors_are_listed_made_changed_and_deleted(api, core):
    core.on("GET", "/flavors", page(flavor("a"), flavor("b")))
    core.on("POST", "/flavors", Answer(flavor("a"), 201))
    core.on("PATCH", "/flavors/a", flavor("a", disk_gib=None, generation=2))
    core.on("DELETE", "/flavors/a", Answer(None, 204))
    assert [each.name for each in api.flavors.list()] == ["a", "b"]
    assert api.flavors.create("a", cores=2, needs={"kvm": True}).cores == 2
    assert core.last("POST").json == {"name": "a", "cores": 2, "needs": {"kvm": True}}
    assert api.flavors.update("a", disk_gib=None).generation == 2
    assert core.last("PATCH").json == {"disk_gib": None}
    assert "if-match" not in core.last("PATCH").headers
    api.flavors.update("a", 7, cores=3)
    assert core.last("PATCH").headers["if-match"] == '"7"'
    api.flavors.delete("a")
    assert core.last("DELETE").path == "/api/v1/flavors/a"


def test_instance_groups_are_listed_made_and_deleted(api, core):
    core.on("GET", "/instance-groups", page(group()))
    core.on("POST", "/instance-groups", Answer(group("x", max_per_cell=2), 201))
    core.on("DELETE", "/instance-groups/x", problem(409, "instance_group_in_use", "2 members"))
    assert next(api.instance_groups.list()).instances == ["db-1", "db-2"]
    assert api.instance_groups.create("x", "soft-affinity", 2).max_per_cell == 2
    assert core.last("POST").json == {"name": "x", "policy": "soft-affinity", "max_per_cell": 2}
    api.instance_groups.create("x", "affinity")
    assert core.last("POST").json == {"name": "x", "policy": "affinity"}
    with pytest.raises(RefusedError, match="2 members"):
        api.instance_groups.delete("x")


def test_reservations_are_read_canceled_and_retried(api, core):
    path = f"/reservations/{RESERVATION_ID}"
    reserved = {**instance("web-2", state="failed"), "reason": {"code": "x", "msg": "disk full"}}
    core.on("GET", "/reservations", page(reservation()))
    core.on("GET", path, reservation(instances=[reserved], runs=[RUN_ID]))
    answer = {"run": run("queued"), "reservation": RESERVATION_ID, "instances": []}
    canceled = {"run": run("running"), "runs": [run("running"), run("queued", id="second")]}
    core.on("POST", f"{path}/cancel", Answer(canceled, 202))
    core.on("POST", f"{path}/retry", Answer({**answer, "shortfalls": ["one less"]}, 202))
    assert next(api.reservations.list(limit=1)).states == {"running": 1, "failed": 1}
    assert api.reservations.get(RESERVATION_ID).instances[0].reason.msg == "disk full"
    assert [each.id for each in api.reservations.cancel(RESERVATION_ID)] == [RUN_ID, "second"]
    assert api.reservations.retry(RESERVATION_ID).shortfalls == ["one less"]


def test_capacity_asks_for_a_flavor_or_a_size(api, core):
    core.on("GET", "/capacity", {"pool": "p", "items": [room(worst_cell=None)]})
    found = api.capacities.of("p", flavor="medium", cores=None)
    assert core.last("GET").query == {"pool": "p", "flavor": "medium"}
    assert (found.items[0].now, found.items[0].worst_cell) == (12, None)
    api.capacities.of("p", cores=2, memory_mib=512)
    assert core.last("GET").query == {"pool": "p", "cores": "2", "memory_mib": "512"}


def test_a_preview_without_its_verdict_is_not_understood(api, core):
    core.on("POST", "/placements", {"assignments": []})
    with pytest.raises(UnexpectedAnswerError, match="feasible: Field required"):
        api.placements.preview({"groups": []})
