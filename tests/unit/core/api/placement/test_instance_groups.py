import pytest

from skep.core.store.base import writing
from skep.core.store.models import Event, Image, Instance, InstanceGroupMember, Pool, Reservation

POLICIES = ["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


def _add_members(core, group_id: str, names: list[str]) -> None:
    core.add_image(f"image-of-{names[0]}")
    with core.app.app_context(), writing() as session:
        reservation = Reservation(name="r", count=len(names), actor="a")
        session.add(reservation)
        session.flush()
        for name in names:
            instance = Instance(
                name=name,
                state="running",
                pool_id=session.query(Pool.id).filter_by(name="default").scalar(),
                image_id=session.query(Image.id).first()[0],
                reservation_id=reservation.id,
                cores=1,
                memory_mib=1,
                disk_gib=1,
            )
            session.add(instance)
            session.flush()
            session.add(InstanceGroupMember(group_id=group_id, instance_id=instance.id))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_group_is_created_shown_listed_and_deleted(core, expect_problem, policy):
    response = core.post("/instance-groups", {"name": "g", "policy": policy})
    assert response.status_code == 201
    made = response.get_json()
    assert (made["name"], made["policy"], made["max_per_cell"]) == ("g", policy, None)
    assert (made["instances"], made["generation"]) == ([], 1)
    assert response.headers["Location"] == "/api/v1/instance-groups/g"
    for ref in ("g", made["id"]):
        assert core.get(f"/instance-groups/{ref}").get_json() == made
    assert core.get("/instance-groups").get_json()["items"] == [made]
    assert core.ask("DELETE", "/instance-groups/g").status_code == 204
    body = expect_problem(core.get("/instance-groups/g"), 404, "instance_group_not_found")
    assert "`skep group list`" in body["detail"]


def test_every_change_is_told(core):
    core.post("/instance-groups", {"name": "g", "policy": "affinity"})
    core.ask("DELETE", "/instance-groups/g")
    with core.app.app_context(), writing() as session:
        told = session.query(Event).filter_by(kind="instance_group").order_by(Event.id).all()
        assert [each.data.get("state") for each in told] == [None, "deleted"]


def test_members_are_shown_by_name_and_keep_the_group(core, expect_problem):
    ids = {}
    for name in ("g1", "g2", "empty"):
        made = core.post("/instance-groups", {"name": name, "policy": "anti-affinity"}).get_json()
        ids[name] = made["id"]
    _add_members(core, ids["g1"], ["b", "a"])
    _add_members(core, ids["g2"], ["c"])
    assert core.get("/instance-groups/g1").get_json()["instances"] == ["a", "b"]
    listed = core.get("/instance-groups").get_json()["items"]
    shown = {each["name"]: each["instances"] for each in listed}
    assert shown == {"empty": [], "g1": ["a", "b"], "g2": ["c"]}
    refused = core.ask("DELETE", "/instance-groups/g1")
    body = expect_problem(refused, 409, "instance_group_in_use")
    assert "2 instances" in body["detail"]
    assert core.ask("DELETE", "/instance-groups/empty").status_code == 204


@pytest.mark.parametrize(
    ("policy", "most"),
    [("anti-affinity", 1), ("soft-anti-affinity", 3), ("soft-affinity", 1000.0)],
)
def test_a_limit_per_cell_goes_with_policies_that_spread(core, policy, most):
    body = {"name": "g", "policy": policy, "max_per_cell": most}
    assert core.post("/instance-groups", body).get_json()["max_per_cell"] == most


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"policy": "affinity", "max_per_cell": 1}, "/max_per_cell"),
        ({"policy": "anti-affinity", "max_per_cell": 2}, "/max_per_cell"),
        ({"policy": "soft-affinity", "max_per_cell": 0}, "/max_per_cell"),
        ({"policy": "soft-affinity", "max_per_cell": "1"}, "/max_per_cell"),
        ({"policy": "close"}, "/policy"),
        ({}, "/policy"),
        ({"policy": "affinity", "instances": []}, "/instances"),
    ],
)
def test_an_odd_group_is_refused_at_its_place(core, expect_problem, body, pointer):
    problem = expect_problem(
        core.post("/instance-groups", {"name": "g", **body}), 422, "validation"
    )
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert core.get("/instance-groups").get_json()["total"] == 0


def test_a_name_is_unique_and_legal(core, expect_problem):
    body = {"name": "g", "policy": "affinity"}
    core.post("/instance-groups", body)
    expect_problem(core.post("/instance-groups", body), 409, "name_taken")
    response = core.post("/instance-groups", {**body, "name": "a/b"})
    assert expect_problem(response, 422, "invalid_name")["errors"][0]["pointer"] == "/name"


def test_what_is_not_there_cannot_be_deleted(core, expect_problem):
    response = core.ask("DELETE", "/instance-groups/none")
    expect_problem(response, 404, "instance_group_not_found")
