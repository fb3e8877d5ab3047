"""What is stored of a plan gives the plan, its Cells and every decision back, bit for bit."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.scheduler.cases import (
    NOW,
    PLAN,
    REQUEST,
    any_cells,
    cells,
    facts,
    few_cells,
    one_cell,
    parts,
    policies,
    recorded,
    requests,
)

from skep.core.scheduler import (
    CATALOGUE,
    CellRow,
    Filter,
    Fleet,
    Policy,
    ReplayError,
    Request,
    explain,
    place,
    record,
    recorded_catalogue,
    recorded_fleet,
    recorded_plan,
    replay,
)
from skep.core.scheduler.record import packed
from skep.core.scheduler.record.codec import plain


def exactly(rows: list[CellRow]) -> str:
    """Every fact as text, which tells 0.0 from -0.0 and 1 from true."""
    return json.dumps(plain([vars(each) for each in rows]), sort_keys=True)


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_recorded_plan_is_the_plan_and_so_is_its_replay(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    every = Fleet(rows)
    plan = place(request, every, policy, NOW)
    stored = parts(record(plan, every))
    assert recorded_plan(stored[0]) == plan
    assert replay(*stored) == plan


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_any_decision_is_explained_from_the_record(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    every = Fleet(rows)
    plan = place(request, every, policy, NOW)
    stored = parts(record(plan, every))
    name = request.groups[-1].names[0]
    told = explain(recorded_plan(stored[0]), recorded_fleet(*stored), name)
    assert told == explain(plan, every, name)


@settings(max_examples=60, deadline=None)
@given(any_cells())
def test_every_fact_comes_back_bit_for_bit_in_the_order_of_ids(rows: list[CellRow]) -> None:
    again = recorded_fleet(*parts(recorded(Fleet(rows))))
    expected = sorted(rows, key=lambda each: each.id)
    assert list(again) == expected
    assert exactly(list(again)) == exactly(expected)


@settings(max_examples=60, deadline=None)
@given(any_cells(), cells(), one_cell(9))
def test_recorded_fleet_goes_on_like_the_one_recorded(
    rows: list[CellRow], others: list[CellRow], new: CellRow
) -> None:
    again = recorded_fleet(*parts(recorded(Fleet(rows))))
    fresh = Fleet(sorted(rows, key=lambda each: each.id))
    for each in (again, fresh):
        for row in others[: len(rows)]:
            each.update(row.id, **facts(row))
        each.add(new)
        if rows:
            each.remove(rows[0].id)
    assert list(again) == list(fresh)
    for token in ("tag:ssd", "image:debian", "pool:default", "label:rack=1"):
        found, known = again.having(token), fresh.having(token)
        assert (None if found is None or not found.any() else found.tolist()) == (
            None if known is None or not known.any() else known.tolist()
        )


@settings(max_examples=60, deadline=None)
@given(cells(), st.data())
def test_kept_roster_is_that_of_the_cells_as_they_are(
    rows: list[CellRow], data: st.DataObject
) -> None:
    every = Fleet(rows)
    for _ in range(data.draw(st.integers(1, 6))):
        recorded(every)
        every = every.copy() if data.draw(st.booleans()) else every
        number = data.draw(st.integers(0, 9))
        changed = data.draw(one_cell(number))
        if changed.id not in every.row_of:
            every.add(changed)
        elif data.draw(st.booleans()):
            every.update(changed.id, **facts(changed))
        else:
            every.remove(changed.id)
    found, fresh = recorded(every), recorded(Fleet(reversed(list(every))))
    assert (found.roster, found.roster_digest) == (fresh.roster, fresh.roster_digest)
    assert (found.varying, found.document["digest"]) == (fresh.varying, fresh.document["digest"])


def test_announcements_and_promises_leave_the_roster_alone() -> None:
    every = few_cells()
    before = recorded(every)
    every.update("id-0", load1=1.0, online=False, images={"debian"}, memory_used_mib=7, cpus=4)
    every.promise("id-1", (1, 512, 1), NOW)
    every.unpromise("id-1", (1, 512, 1))
    every.update("id-2", **facts(every.cell("id-2")))
    after = recorded(every.copy())
    assert after.roster is before.roster
    assert after.document["digest"] != before.document["digest"]


def test_roster_encoded_for_a_copy_serves_the_fleet_too() -> None:
    every = few_cells()
    assert recorded(every.copy()).roster is recorded(every).roster


def test_a_copy_that_is_changed_leaves_the_fleets_roster_alone() -> None:
    every = few_cells()
    before = recorded(every)
    twin = every.copy()
    twin.update("id-0", enabled=False)
    assert recorded(twin).roster_digest != before.roster_digest
    assert recorded(every).roster is before.roster


@pytest.mark.parametrize("fact", [True, 1.0, None])
def test_facts_that_only_look_equal_are_another_roster(fact: object) -> None:
    every = few_cells()
    every.update("id-0", facts={"tier": 1})
    before = recorded(every).roster_digest
    every.update("id-0", facts={"tier": fact})
    assert recorded(every).roster_digest != before


def test_other_cells_are_not_replayed() -> None:
    every = few_cells()
    document, roster, varying = parts(recorded(every))
    assert replay(document, roster, varying) == PLAN
    every.update("id-0", load1=1.0)
    with pytest.raises(ReplayError, match="digest"):
        replay(document, roster, recorded(every).varying)
    every.update("id-0", load1=0.0, cpus=64)
    with pytest.raises(ReplayError, match="digest"):
        replay(document, recorded(every).roster, varying)


def test_more_than_can_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MOST_BYTES", 100)
    with pytest.raises(ReplayError, match="at most 100"):
        recorded(few_cells())


def test_filters_that_came_later_take_no_part() -> None:
    late = Filter("late", lambda view: view.column("cpus") > 64, lambda _view, _index: "late")
    catalogue = CATALOGUE.extended((late,), ())
    every = few_cells()
    plan = place(REQUEST, every, Policy(), NOW)
    stored = parts(record(plan, every))
    assert replay(*stored, catalogue) == plan
    rules = recorded_catalogue(stored[0], catalogue)
    assert explain(plan, every, "a", rules).accepted == len(every)


def test_a_filter_that_is_gone_is_named() -> None:
    gone = Filter("licensed", lambda view: np.ones(len(view), bool), lambda _view, _index: "yes")
    catalogue = CATALOGUE.extended((gone,), ())
    every = few_cells()
    stored = parts(record(place(REQUEST, every, Policy(), NOW, catalogue), every, catalogue))
    with pytest.raises(ReplayError, match="'licensed' took part and is not installed"):
        replay(*stored)
