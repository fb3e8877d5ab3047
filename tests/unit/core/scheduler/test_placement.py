import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.scheduler.cases import FLAT, NOW, cells, policies, requests
from tests.unit.core.scheduler.reference import allowed, place_one_by_one

from skep.core.scheduler.explanation import explain
from skep.core.scheduler.fleet import CellRow, Fleet
from skep.core.scheduler.placement import place
from skep.core.scheduler.plan import Plan
from skep.core.scheduler.policy import POLICIES, Policy, Tie
from skep.core.scheduler.request import Flavor, Group, Request

SMALL = Flavor(cores=1, memory_mib=512, disk_gib=1)
SPREAD = POLICIES["spread"]


def row(name: str = "cell-1", **changes: object) -> CellRow:
    plain = {"cpus": 4, "memory_mib": 8192, "disk_gib": 100}
    return CellRow(id=f"id-{name}", name=name, **{**plain, **changes})


def names(count: int, prefix: str = "vm") -> tuple[str, ...]:
    return tuple(f"{prefix}-{number}" for number in range(1, count + 1))


def planned(fleet: list[CellRow], *groups: Group, policy: Policy = SPREAD, **more: object) -> Plan:
    return place(Request(groups, **more), Fleet(fleet), policy, NOW)


def on(plan: Plan) -> list[str]:
    return [each.cell for each in plan.assignments]


def keys(fleet: Fleet) -> dict[str, int]:
    return dict(zip(fleet.ids, fleet.column("key").tolist(), strict=True))


@settings(max_examples=250, deadline=None)
@given(requests(), cells(), policies())
def test_plan_equals_placing_one_by_one(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    fleet = Fleet(rows)
    plan = place(request, fleet, policy, NOW)
    slow = place_one_by_one(request, rows, policy, NOW, keys(fleet))
    assert [(each.instance, each.cell_id, each.score) for each in plan.assignments] == slow.placed
    assert plan.feasible == (slow.failed is None)
    assert [(each.instance, each.placed) for each in plan.shortfalls] == slow.short


@pytest.mark.parametrize("policy", [*POLICIES.values(), FLAT], ids=lambda each: each.name)
@pytest.mark.parametrize("seed", range(4))
def test_large_plan_equals_placing_one_by_one(policy: Policy, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  a fleet that is the same in every run
    rows = [
        row(
            f"cell-{number}",
            cpus=dice.choice([4, 8, 16]),
            memory_mib=dice.choice([8192, 16384, 32768]),
            promised_memory_mib=dice.choice([0, 512, 3000]),
            load1=dice.choice([0.0, 1.0, dice.random() * 8]),
            failures=dice.choice([0.0, 0.0, 1.0]),
            images=frozenset(dice.choice([(), ("debian",)])),
        )
        for number in range(60)
    ]
    near, apart = frozenset({"near"}), frozenset({"apart"})
    request = Request(
        (
            Group(names(120, "a"), SMALL, image="debian", owner="ann", min_count=0),
            Group(names(9, "b"), SMALL, affinity=near, soft_anti_affinity=apart, min_count=0),
            Group(names(40, "c"), Flavor(2, 700, 2), anti_affinity=apart, min_count=0),
            Group(
                names(300, "d"), Flavor(1, 1024, 0), soft_affinity=near, owner="ann", min_count=0
            ),
            Group(names(600, "e"), Flavor(1, 1000, 1), max_per_cell=9, min_count=0),
        ),
        seed=seed,
    )
    fleet = Fleet(rows)
    plan = place(request, fleet, policy, NOW)
    slow = place_one_by_one(request, rows, policy, NOW, keys(fleet))
    assert len(slow.placed) > 400
    assert [(each.instance, each.cell_id, each.score) for each in plan.assignments] == slow.placed


@settings(max_examples=50, deadline=None)
@given(st.data(), requests(), cells(), policies())
def test_plan_does_not_depend_on_the_order_of_cells(
    data: st.DataObject, request: Request, rows: list[CellRow], policy: Policy
) -> None:
    shuffled = data.draw(st.permutations(rows))
    one, other = (place(request, Fleet(each), policy, NOW) for each in (rows, shuffled))
    assert one == other


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_plan_never_promises_more_than_is_allowed(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    plan = place(request, Fleet(rows), policy, NOW)
    for each in rows:
        flavors = [request.groups[a.group].flavor for a in plan.assignments if a.cell_id == each.id]
        most = allowed(each, policy)
        if flavors:
            assert each.promised_cores + sum(f.cores for f in flavors) <= most[0]
            assert each.promised_memory_mib + sum(f.memory_mib for f in flavors) <= most[1]
            assert each.promised_disk_gib + sum(f.disk_gib for f in flavors) <= most[2]


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_explanation_has_each_cell_once_and_the_chosen_one_first(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    fleet = Fleet(rows)
    plan = place(request, fleet, policy, NOW)
    for made in plan.assignments:
        told = explain(plan, fleet, made.instance)
        assert sorted(line.cell_id for line in told.lines) == sorted(fleet.ids)
        assert told.accepted + sum(count for _, count in told.removed) == len(fleet)
        best = told.lines[0]
        assert (best.cell_id, best.rank, best.score) == (made.cell_id, 1, made.score)
        assert all(line.refusals for line in told.lines if line.rank is None)
        if made.runner_up is not None and policy.tie is not Tie.DRAW:
            second = told.lines[1]
            assert (second.cell, second.score) == (made.runner_up, made.runner_up_score)


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies(), st.integers(0, 8))
def test_short_explanation_is_the_beginning_of_the_whole_one(
    request: Request, rows: list[CellRow], policy: Policy, most: int
) -> None:
    fleet = Fleet(rows)
    plan = place(request, fleet, policy, NOW)
    for name in (request.groups[0].names[-1], request.groups[-1].names[0]):
        told, short = (explain(plan, fleet, name, most=limit) for limit in (None, most))
        assert short == replace(told, lines=told.lines[:most])
        ranked = [line.rank for line in told.lines if line.rank is not None]
        assert ranked == list(range(1, told.accepted + 1))
        refused = [line.cell for line in told.lines[told.accepted :]]
        assert refused == sorted(refused)


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_shortfall_counts_every_cell_once(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    for short in place(request, Fleet(rows), policy, NOW).shortfalls:
        assert sum(count for _, count in short.removed) == short.cells == len(rows)
        assert (short.closest is None) == (not rows)
        if short.closest is not None:
            assert short.closest.lacks


def test_six_instances_spread_evenly_over_two_equal_cells() -> None:
    plan = planned([row("cell-1"), row("cell-2")], Group(names(6), SMALL))
    assert Counter(on(plan)) == {"cell-1": 3, "cell-2": 3}


def test_pack_fills_a_cell_before_the_next() -> None:
    fleet = [row(f"cell-{number}", promised_memory_mib=512 * (number == 2)) for number in (1, 2, 3)]
    plan = planned(fleet, Group(names(4), SMALL), policy=POLICIES["pack"])
    assert set(on(plan)) == {"cell-2"}


def test_round_robin_goes_on_behind_the_last_cell() -> None:
    fleet = [row("cell-1"), row("cell-2"), row("cell-3")]
    first = planned(fleet, Group(names(2), SMALL), policy=POLICIES["round-robin"])
    again = planned(
        fleet, Group(names(3), SMALL), policy=POLICIES["round-robin"], turn_after=first.turn
    )
    assert on(first) == ["cell-1", "cell-2"]
    assert on(again) == ["cell-3", "cell-1", "cell-2"]


def test_chance_draws_every_cell_about_as_often() -> None:
    fleet = [row(f"cell-{number}", cpus=512, memory_mib=1 << 20) for number in range(4)]
    plan = planned(fleet, Group(names(400), Flavor(1, 1, 0)), policy=POLICIES["random"])
    assert all(70 < count < 130 for count in Counter(on(plan)).values())


def test_equal_cells_win_in_turn_with_the_seed() -> None:
    fleet = [row(f"cell-{number}") for number in range(8)]
    first = {on(planned(fleet, Group(("vm",), SMALL), seed=seed))[0] for seed in range(40)}
    assert len(first) > 4


def test_a_burst_counts_until_the_load_figure_shows_it() -> None:
    fleet = Fleet([row("busy", load1=0.5), row("promised", load1=0.0)])
    for _ in range(4):
        fleet.promise("id-promised", (1, 1, 0), NOW - 5)
    only_load = SPREAD.changed({name: 0.0 for name in SPREAD.multipliers if name != "idle_cpu"})
    request = Request((Group(("vm",), SMALL),))
    assert on(place(request, fleet, only_load, NOW)) == ["busy"]
    assert on(place(request, fleet, only_load, NOW + 600)) == ["promised"]


def test_affinity_opens_only_where_all_of_them_fit() -> None:
    fleet = [row("roomy", memory_mib=2048), row("best", memory_mib=1024)]
    together = Group(names(3), SMALL, affinity=frozenset({"db"}))
    assert set(on(planned(fleet, together, policy=POLICIES["pack"]))) == {"roomy"}


def test_anti_affinity_holds_across_groups_of_one_request() -> None:
    apart = frozenset({"ha"})
    fleet = [row("cell-1"), row("cell-2"), row("cell-3")]
    plan = planned(
        fleet,
        Group(names(2, "a"), SMALL, anti_affinity=apart),
        Group(names(1, "b"), Flavor(2, 1024, 1), anti_affinity=apart),
    )
    assert sorted(on(plan)) == ["cell-1", "cell-2", "cell-3"]


def test_atomic_request_places_nothing_when_one_is_too_many() -> None:
    plan = planned([row(memory_mib=1024)], Group(names(3), SMALL))
    assert (plan.assignments, plan.feasible) == ((), False)
    assert plan.shortfalls[0].words() == (
        "vm-3: 2 of 3 placed, none of 1 Cells takes one more (removed by memory 1); "
        "closest is cell-1: 0 MiB memory free, 512 needed"
    )


def test_min_count_lets_a_part_through() -> None:
    plan = planned([row(memory_mib=1024)], Group(names(3), SMALL, min_count=2))
    assert (len(plan.assignments), plan.feasible) == (2, True)
    assert (plan.shortfalls[0].fatal, plan.shortfalls[0].placed) == (False, 2)


def test_closest_cell_lacks_least_of_what_can_be_freed() -> None:
    fleet = [row("off", enabled=False), row("full", memory_mib=100), row("near", memory_mib=500)]
    short = planned(fleet, Group(("vm",), SMALL)).shortfalls[0]
    assert short.removed == (("enabled", 1), ("memory", 2))
    assert short.closest is not None
    assert short.closest.cell == "near"
    assert short.closest.lacks == (("memory", "500 MiB memory free, 512 needed"),)


def test_a_limit_of_members_counts_those_that_are_there_already() -> None:
    apart, fleet = frozenset({"web"}), [row("cell-1"), row("cell-2")]
    group = Group(names(4), SMALL, soft_anti_affinity=apart, member_limits={"web": 2}, min_count=0)
    members = {"web": {Fleet(fleet).ids[0]: 1}}
    plan = planned(fleet, group, members=members)
    assert sorted(on(plan)) == ["cell-1", "cell-2", "cell-2"]
    assert dict(plan.shortfalls[0].removed) == {"max_per_cell": 2}


def test_the_one_that_found_no_place_is_explained_as_of_then() -> None:
    fleet = Fleet([row(memory_mib=1024)])
    plan = place(Request((Group(names(3), SMALL),)), fleet, SPREAD, NOW)
    assert explain(plan, fleet, "vm-1").accepted == 1
    said = explain(plan, fleet, "vm-3")
    assert (said.cell, said.accepted, said.removed) == (None, 0, (("memory", 1),))
