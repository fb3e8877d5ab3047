"""Reservations on real databases: many at once, from one Core and from two."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from skep.core.runner.outcomes import nothing_to_do
from skep.core.scheduler import recorded_fleet, recorded_plan, replay
from skep.core.services import instances, runs
from skep.core.services.execution import effects
from skep.core.services.placement import plans
from skep.core.services.placement.explanations import explain_instance
from skep.core.services.placement.fleet import ResidentFleet, resident_fleet
from skep.core.services.placement.plans import PlacementConflictError
from skep.core.services.placement.request import GroupRequest, PlacementRequest
from skep.core.services.placement.reservations import (
    cancel_reservation,
    get_reservation,
    retry_reservation,
)
from skep.core.services.placement.reserve import reserve
from skep.core.store.base import reading, writing
from skep.core.store.lookup import get_instance, get_pool, get_run
from skep.core.store.models import Cell, Instance, InstanceGroup, Plan, Pool, Roster
from skep.domain.errors import NoValidCellError
from skep.domain.states import InstanceState, OutcomeState, RunState

THREADS = 50


def ask(name: str, **facts: object) -> PlacementRequest:
    return PlacementRequest("default", (GroupRequest(name, "demo", **facts),))


def promised_memory(cell_id: str) -> int:
    with reading() as session:
        query = select(Instance.memory_mib).where(Instance.cell_id == cell_id)
        return sum(session.scalars(query))


def settle(names: list[str], state: InstanceState, cell: str | None = "kept") -> None:
    with writing() as session:
        for name in names:
            instance = get_instance(session, name)
            instance.run_id = None
            instance.state = state
            if cell is None:
                instance.cell_id = None


def same_fleet(known: ResidentFleet) -> bool:
    """Whether the fleet in memory is what a fresh reading of the store gives."""
    fresh = ResidentFleet(known.catalogue)
    with reading() as session:
        pool = get_pool(session, "default").id
    moving = {"recent_cores", "recent_at", "failures"}
    with known.known(pool) as one, fresh.known(pool) as other:
        rows = [
            {row.id: {k: v for k, v in vars(row).items() if k not in moving} for row in each.fleet}
            for each in (one, other)
        ]
        return rows[0] == rows[1] and one.members == other.members


@pytest.mark.parametrize("apps", [1, 2])
def test_fifty_requests_at_once_never_promise_too_much(cores, add_cell, image, apps):
    """Each Cell takes 8 instances of 2 GiB; 24 fit on three Cells, 50 are asked for."""
    cells = [add_cell(f"cell-{n}") for n in range(3)]
    begin = threading.Barrier(THREADS)

    def create(number: int) -> str:
        with cores[number % apps].app_context():
            begin.wait()
            try:
                reserve(ask(f"vm-{number}", memory_mib=2048), "ann")
            except NoValidCellError:
                return "full"
            except PlacementConflictError:
                return "conflict"
            return "placed"

    with ThreadPoolExecutor(THREADS) as pool:
        ends = Counter(pool.map(create, range(THREADS)))
    with cores[0].app_context():
        for cell in cells:
            assert promised_memory(cell) <= 16384
        with reading() as session:
            assert len(session.scalars(select(Instance.id)).all()) == ends["placed"]
        assert same_fleet(resident_fleet())
    if apps == 1:
        assert ends == {"placed": 24, "full": 26}
    else:
        assert ends["placed"] + ends["full"] + ends["conflict"] == THREADS
        assert ends["placed"] <= 24
        assert ends["conflict"] or ends["placed"] == 24


def test_a_plan_made_on_an_older_generation_is_made_again(cores, add_cell, image, monkeypatch):
    """The second Core commits between the first one's plan and its commit."""
    add_cell("cell-1", memory_mib=1024)
    add_cell("cell-2", memory_mib=1024)
    plain, overtaken = plans._keep, []

    def keep_late(session, kept):
        if not overtaken:
            overtaken.append(True)
            session.rollback()
            with cores[1].app_context():
                reserve(ask("first", memory_mib=1024), "ann")
            raise plans._OvertakenError
        return plain(session, kept)

    monkeypatch.setattr(plans, "_keep", keep_late)
    with cores[0].app_context():
        made = reserve(ask("second", memory_mib=1024), "ann")
        taken = instances.get_instance("first")["cell"]
    assert made["instances"][0]["cell"] not in {None, taken}


def test_a_group_is_placed_apart_together_with_what_is_there(core, add_cell, image):
    for n in range(3):
        add_cell(f"cell-{n}")
    with writing() as session:
        session.add(InstanceGroup(name="quorum", policy="anti-affinity"))
    reserve(ask("db", count=2, instance_groups=("quorum",)), "ann")
    made = reserve(ask("witness", instance_groups=("quorum",)), "bob")
    with reading() as session:
        places = list(session.scalars(select(Instance.cell_id)))
    assert len(set(places)) == 3
    with pytest.raises(NoValidCellError, match="group 'quorum' here already"):
        reserve(ask("fourth", instance_groups=("quorum",)), "bob")
    assert made["shortfalls"] == []


def test_fewer_than_asked_are_placed_when_the_request_says_so(core, add_cell, image):
    add_cell("cell-1", memory_mib=1024)
    made = reserve(ask("web", count=3, memory_mib=512, min_count=1), "ann")
    assert [each["name"] for each in made["instances"]] == ["web-1", "web-2"]
    assert "2 of 3 placed" in made["shortfalls"][0]
    with pytest.raises(NoValidCellError):
        reserve(ask("db", count=2, memory_mib=512), "ann")
    assert get_reservation(made["reservation"])["count"] == 2


def test_a_kept_plan_is_planned_again_exactly_and_explains_each_instance(core, add_cell, image):
    for n in range(4):
        add_cell(f"cell-{n}", memory_mib=2048 * (n + 1), tags=["ssd"] if n else [])
    reserve(ask("web", count=5, memory_mib=512, needs={"tags": ["ssd"]}), "ann")
    with reading() as session:
        kept = session.scalars(select(Plan)).one()
        roster = session.get_one(Roster, kept.roster_digest).content
        stored = recorded_plan(kept.document)
        assert replay(kept.document, roster, kept.varying) == stored
        assert len(recorded_fleet(kept.document, roster, kept.varying)) == 4
    for each in stored.assignments:
        said = explain_instance(each.instance, 10)
        assert said["cell"] == each.cell == instances.get_instance(each.instance)["cell"]
        assert sorted(line["cell"] for line in said["cells"]) == [f"cell-{n}" for n in range(4)]
        refused = next(line for line in said["cells"] if line["cell"] == "cell-0")
        assert refused["rejected_by"] == "tags"


def test_what_changes_in_the_store_reaches_the_fleet(core, add_cell, image):
    first, second = add_cell("cell-1"), add_cell("cell-2")
    known = resident_fleet()
    assert same_fleet(known)
    reserve(ask("web", count=4, memory_mib=1024), "ann")
    assert same_fleet(known)
    settle([f"web-{n}" for n in range(1, 5)], InstanceState.RUNNING)
    instances.migrate_instances(["web-1"], None, "ann")
    assert same_fleet(known)
    with writing() as session:
        moved = get_instance(session, "web-1")
        assert {moved.cell_id, moved.target_id} == {first, second}
        session.delete(get_instance(session, "web-2"))
        session.get_one(Cell, first).enabled = False
        session.get_one(Cell, second).tags = ["ssd"]
    assert same_fleet(known)
    with writing() as session:
        session.get_one(Cell, first).pool_id = None
        session.get_one(Cell, first).state = "discovered"
    assert same_fleet(known)


def test_a_migration_is_promised_on_its_target_at_once(core, add_cell, image):
    add_cell("cell-1", memory_mib=1024)
    reserve(ask("web", memory_mib=1024), "ann")
    settle(["web"], InstanceState.RUNNING)
    add_cell("cell-2", memory_mib=1024)
    instances.migrate_instances(["web"], "cell-2", "ann")
    with pytest.raises(NoValidCellError, match="memory"):
        reserve(ask("late", memory_mib=1024), "ann")


def test_a_failed_part_is_retried_elsewhere_once_nothing_is_left_of_it(core, add_cell, image):
    add_cell("cell-1", memory_mib=1024)
    made = reserve(ask("web", count=2, memory_mib=512), "ann")
    run_id = made["run"]["id"]
    with writing() as session:
        run, broken = get_run(session, run_id), get_instance(session, "web-2")
        runs.settle(session, run, nothing_to_do(get_instance(session, "web-1").id))
        facts = {"code": "disk_full", "msg": "no space", "state": OutcomeState.FAILED}
        runs.settle(session, run, replace(nothing_to_do(broken.id), **facts))
        effects.nothing_left(session, broken)
        run.state = RunState.FAILED
    assert get_reservation(made["reservation"])["state"] == "partial"
    assert instances.get_instance("web-2")["reason"]["msg"] == "cell-1: no space"
    add_cell("cell-2", memory_mib=1024)
    with writing() as session:
        session.scalars(select(Cell).where(Cell.name == "cell-1")).one().enabled = False
    again = retry_reservation(made["reservation"], "ann")
    assert [(each["name"], each["cell"]) for each in again["instances"]] == [("web-2", "cell-2")]
    found = get_reservation(made["reservation"])
    assert found["state"] == "pending"
    assert len(found["runs"]) == 2
    canceled = cancel_reservation(made["reservation"])
    assert [each["id"] for each in canceled["runs"]] == [again["run"]["id"]]


def test_a_failed_instance_that_may_be_there_stays_with_its_cell(core, add_cell, image):
    first = add_cell("cell-1", memory_mib=1024)
    made = reserve(ask("web", memory_mib=512), "ann")
    settle(["web"], InstanceState.FAILED)
    add_cell("cell-2", memory_mib=65536)
    again = retry_reservation(made["reservation"], "ann")
    assert again["instances"][0]["cell"] == "cell-1"
    assert promised_memory(first) == 512


def test_round_robin_goes_on_where_the_last_request_ended(core, add_cell, image):
    for n in range(3):
        add_cell(f"cell-{n}")
    with writing() as session:
        session.scalars(select(Pool)).one().policy = "round-robin"
    places = [reserve(ask(f"vm-{n}"), "ann")["instances"][0]["cell"] for n in range(6)]
    assert places == ["cell-0", "cell-1", "cell-2"] * 2
