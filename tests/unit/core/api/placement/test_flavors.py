import pytest

from skep.core.scheduler import Needs
from skep.core.services import pools
from skep.core.services.placement import flavors
from skep.core.store.base import db
from skep.core.store.models import Event
from skep.core.store.paging import Page

FAST = {"name": "fast", "cores": 4, "memory_mib": 8192}


def _patch(core, name, body, **options):
    return core.ask("PATCH", f"/flavors/{name}", json=body, **options)


def test_a_flavor_is_created_shown_listed_and_deleted(core, expect_problem):
    response = core.post("/flavors", FAST)
    assert response.status_code == 201
    made = response.get_json()
    assert {**FAST, "disk_gib": None, "needs": {}, "generation": 1}.items() <= made.items()
    assert response.headers["Location"] == "/api/v1/flavors/fast"
    assert response.headers["ETag"] == '"1"'
    for ref in ("fast", made["id"]):
        assert core.get(f"/flavors/{ref}").get_json() == made
    assert core.get("/flavors").get_json() == {"items": [made], "next": None, "total": 1}
    assert core.ask("DELETE", "/flavors/fast").status_code == 204
    expect_problem(core.get("/flavors/fast"), 404, "flavor_not_found")


def test_every_change_is_told(core):
    core.post("/flavors", FAST)
    _patch(core, "fast", {"cores": 5})
    core.ask("DELETE", "/flavors/fast")
    with core.app.app_context():
        told = db.session.query(Event).filter_by(kind="flavor").order_by(Event.id).all()
    assert [each.data["cores"] for each in told] == [4, 5, 5]
    assert [each.data.get("state") for each in told] == [None, None, "deleted"]


def test_flavors_are_sorted_by_size(core):
    for cores in (3, 1, 2):
        core.post("/flavors", {"name": f"f{9 - cores}", "cores": cores, "memory_mib": 1})
    page = core.get("/flavors?sort=-cores&limit=2").get_json()
    assert [each["cores"] for each in page["items"]] == [3, 2]
    page = core.get(f"/flavors?sort=-cores&cursor={page['next']}").get_json()
    assert [each["cores"] for each in page["items"]] == [1]


def test_needs_are_kept_as_what_is_asked_only(core):
    needs = {
        "kvm": True,
        "architecture": None,
        "firmware": "uefi",
        "networks": ["b", "a", "b"],
        "vlans": [7.0, 5],
        "tags": [],
        "labels": ["rack=1"],
        "labels_forbidden": ["tier=bronze"],
    }
    shown = core.post("/flavors", {**FAST, "needs": needs}).get_json()["needs"]
    assert shown == {
        "kvm": True,
        "firmware": "uefi",
        "networks": ["a", "b"],
        "vlans": [5, 7],
        "labels": ["rack=1"],
        "labels_forbidden": ["tier=bronze"],
    }
    assert flavors.needs_of(shown) == Needs(
        kvm=True,
        firmware="uefi",
        networks=frozenset("ab"),
        vlans=frozenset({5, 7}),
        labels=frozenset({"rack=1"}),
        labels_forbidden=frozenset({"tier=bronze"}),
    )


def test_needs_add_up_and_the_last_value_counts():
    together = flavors.needs_of(
        {"tags": ["a"], "machine": "q35", "kvm": True}, {"tags": ["b"], "machine": "pc"}
    )
    assert together == Needs(tags=frozenset("ab"), machine="pc", kvm=True)
    assert flavors.needs_of({}) == flavors.needs_of() == Needs()


def test_a_change_leaves_the_rest_as_it_was(core):
    core.post("/flavors", {**FAST, "disk_gib": 20, "needs": {"kvm": True}})
    shown = _patch(core, "fast", {"memory_mib": 1024}).get_json()
    assert (shown["cores"], shown["memory_mib"], shown["disk_gib"]) == (4, 1024, 20)
    assert (shown["needs"], shown["generation"]) == ({"kvm": True}, 2)
    shown = _patch(core, "fast", {"disk_gib": None, "needs": {"tags": ["ssd"]}}).get_json()
    assert (shown["disk_gib"], shown["needs"]) == (None, {"tags": ["ssd"]})
    same = _patch(core, "fast", {"needs": {"tags": ["ssd"], "vlans": []}})
    assert same.get_json()["generation"] == 3
    assert same.headers["ETag"] == '"3"'


def test_a_change_on_another_generation_is_refused(core, expect_problem):
    core.post("/flavors", FAST)
    response = _patch(core, "fast", {"cores": 9}, headers={"If-Match": '"2"'})
    expect_problem(response, 412, "generation_conflict")
    assert core.get("/flavors/fast").get_json()["cores"] == 4


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"cores": 0}, "/cores"),
        ({"cores": 1025}, "/cores"),
        ({"cores": "2"}, "/cores"),
        ({"memory_mib": None}, "/memory_mib"),
        ({"disk_gib": 0}, "/disk_gib"),
        ({"typo": 1}, "/typo"),
        ({"needs": None}, "/needs"),
        ({"needs": {"typo": 1}}, "/needs/typo"),
        ({"needs": {"kvm": "yes"}}, "/needs/kvm"),
        ({"needs": {"machine": ""}}, "/needs/machine"),
        ({"needs": {"cpu_model": "a\0"}}, "/needs/cpu_model"),
        ({"needs": {"architecture": "x" * 65}}, "/needs/architecture"),
        ({"needs": {"networks": "a"}}, "/needs/networks"),
        ({"needs": {"networks": [""]}}, "/needs/networks/0"),
        ({"needs": {"vlans": [0]}}, "/needs/vlans/0"),
        ({"needs": {"vlans": [1, 4095]}}, "/needs/vlans/1"),
        ({"needs": {"tags": ["a b"]}}, "/needs/tags/0"),
        ({"needs": {"tags_forbidden": [1]}}, "/needs/tags_forbidden/0"),
        ({"needs": {"labels": ["rack"]}}, "/needs/labels/0"),
        ({"needs": {"labels": ["a=b=c"]}}, "/needs/labels/0"),
        ({"needs": {"labels_forbidden": {"a": "b"}}}, "/needs/labels_forbidden"),
        ({"needs": {"tags": [f"t{n}" for n in range(65)]}}, "/needs/tags"),
    ],
)
def test_an_odd_value_is_refused_at_its_place(core, expect_problem, body, pointer):
    core.post("/flavors", FAST)
    new = core.post("/flavors", {**FAST, "name": "other", **body})
    for response in (new, _patch(core, "fast", body)):
        problem = expect_problem(response, 422, "validation")
        assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert core.get("/flavors").get_json()["total"] == 1
    assert core.get("/flavors/fast").get_json()["generation"] == 1


def test_a_name_is_unique_legal_and_for_good(core, expect_problem):
    core.post("/flavors", FAST)
    expect_problem(core.post("/flavors", FAST), 409, "name_taken")
    problem = expect_problem(core.post("/flavors", {**FAST, "name": "a b"}), 422, "invalid_name")
    assert problem["errors"][0]["pointer"] == "/name"
    expect_problem(_patch(core, "fast", {"name": "slow"}), 422, "validation")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_not_there_has_its_own_code(core, expect_problem, method):
    body = {} if method == "PATCH" else None
    problem = expect_problem(core.ask(method, "/flavors/none", json=body), 404, "flavor_not_found")
    assert "`skep flavor list`" in problem["detail"]


def test_a_new_database_gets_the_default_flavors_once(core):
    with core.app.app_context():
        pools.delete_pool("default")
        flavors.ensure_default_flavors()
        pools.ensure_default_pool()
        listed = flavors.list_flavors(Page(sort="memory_mib")).items
        made = {each["name"]: each for each in listed}
        assert list(made) == ["tiny", "small", "medium", "large", "xlarge"]
        assert (made["tiny"]["cores"], made["tiny"]["memory_mib"]) == (1, 256)
        assert (made["xlarge"]["cores"], made["xlarge"]["memory_mib"]) == (8, 16384)
        assert {each["disk_gib"] for each in made.values()} == {None}
        for name in made:
            flavors.delete_flavor(name)
        flavors.ensure_default_flavors()
        assert flavors.list_flavors(Page()).total == 0


def test_default_flavors_do_not_join_those_of_an_operator(core):
    with core.app.app_context():
        pools.delete_pool("default")
        flavors.create_flavor(flavors.FlavorRequest("mine", 1, 1))
        flavors.ensure_default_flavors()
        assert flavors.list_flavors(Page()).total == 1
