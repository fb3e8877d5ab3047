import pytest
from tests.unit.client.samples import RUN_ID, cell, image, instance, page, pool, run
from tests.unit.client.scripted_core import Answer

from skep.client.placement.wanted import NewInstances

ACCEPTED = Answer({"run": run("queued")}, 202)


@pytest.mark.parametrize(
    ("verb", "extra", "sent"),
    [
        ("start", {}, {}),
        ("stop", {}, {"force": False}),
        ("stop", {"force": True}, {"force": True}),
        ("reboot", {}, {}),
        ("delete", {}, {}),
        ("migrate", {"cell": "cell-2"}, {"cell": "cell-2"}),
        ("migrate", {}, {}),
    ],
)
def test_a_change_of_many_instances_is_one_request(api, core, verb, extra, sent):
    core.on("POST", f"/instances/{verb}", ACCEPTED)
    assert getattr(api.instances, verb)(["a", "b"], **extra).id == RUN_ID
    assert [each.json for each in core.asked] == [{"instances": ["a", "b"], **sent}]


def test_creating_returns_the_run_the_reservation_and_the_instances(api, core):
    answer = {"run": run("queued"), "reservation": "r-1", "instances": [instance("web-1")]}
    core.on("POST", "/instances", Answer(answer, 202))
    made = api.instances.create(NewInstances(name="web", image="debian", count=3), "my-key")
    assert (made.run.id, made.reservation, made.instances[0].name) == (RUN_ID, "r-1", "web-1")
    asked = core.last("POST")
    assert asked.headers["idempotency-key"] == "my-key"
    assert asked.json == {"name": "web", "image": "debian", "count": 3}
    assert made.shortfalls == []


def test_filters_of_instances_are_sent_and_unset_ones_are_not(api, core):
    core.on("GET", "/instances", page(instance()))
    assert [each.name for each in api.instances.list(pool="p", cell=None, q="web")] == ["web-1"]
    assert core.asked[0].query == {"pool": "p", "q": "web", "limit": "500"}


def test_the_log_is_text_even_where_it_is_not_utf_8(api, core):
    core.on("GET", "/instances/web/log", Answer(b"login: \xff\r\n", kind="text/plain"))
    assert api.instances.log("web", 100) == "login: \ufffd\r\n"
    assert core.asked[0].query == {"max_bytes": "100"}


def test_cells_are_accepted_switched_and_removed(api, core):
    core.on("POST", "/cells/c/accept", ACCEPTED)
    core.on("POST", "/cells/c/disable", cell("c", enabled=False))
    core.on("POST", "/cells/c/enable", cell("c"))
    core.on("DELETE", "/cells/c", ACCEPTED)
    assert api.cells.accept("c", "default").id == RUN_ID
    assert core.last("POST").json == {"pool": "default"}
    assert api.cells.disable("c").enabled is False
    assert api.cells.enable("c").enabled is True
    assert api.cells.remove("c").id == RUN_ID


def test_a_cell_and_a_pool_are_changed_by_what_is_named_only(api, core):
    core.on("PATCH", "/cells/c", cell("c", max_instances=9))
    core.on("PATCH", "/pools/p", pool("p", policy="pack"))
    core.on("POST", "/cells/c/refresh", ACCEPTED)
    assert api.cells.update("c", max_instances=9, tags=[]).max_instances == 9
    assert core.last("PATCH").json == {"max_instances": 9, "tags": []}
    assert api.pools.update("p", policy="pack", load_limit=None).policy == "pack"
    assert core.last("PATCH").json == {"policy": "pack", "load_limit": None}
    assert api.cells.refresh("c").id == RUN_ID


def test_pools_are_made_and_deleted(api, core):
    core.on("POST", "/pools", Answer(pool("fast", cores_overcommit=1.5), 201))
    core.on("GET", "/pools", page(pool()))
    core.on("DELETE", "/pools/fast", Answer(None, 204))
    assert api.pools.create("fast", cores_overcommit=1.5).cores_overcommit == 1.5
    assert core.last("POST").json == {"name": "fast", "cores_overcommit": 1.5}
    assert [each.name for each in api.pools.list()] == ["default"]
    api.pools.delete("fast")
    assert core.last("DELETE").path == "/api/v1/pools/fast"


def test_images_are_created_listed_and_deleted(api, core):
    core.on("POST", "/images", Answer(image(state="uploading"), 201))
    core.on("GET", "/images", page(image()))
    core.on("DELETE", "/images/debian", ACCEPTED)
    assert api.images.create("debian", "media").state == "uploading"
    assert core.last("POST").json == {"name": "debian", "kind": "media"}
    assert next(api.images.list()).cached_on == ["cell-1"]
    assert api.images.delete("debian").id == RUN_ID


def test_a_run_is_canceled_by_its_id(api, core):
    core.on("POST", f"/runs/{RUN_ID}/cancel", ACCEPTED)
    assert api.runs.cancel(RUN_ID).state == "queued"
