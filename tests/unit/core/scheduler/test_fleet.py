import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.scheduler.cases import cells, facts, one_cell

from skep.core.scheduler import CellRow, Fleet
from skep.core.scheduler.fleet import UnknownCellError


@settings(deadline=None)
@given(cells())
def test_fleet_gives_back_what_was_fed_in(rows: list[CellRow]) -> None:
    assert list(Fleet(rows)) == rows


@settings(deadline=None)
@given(cells(), st.data())
def test_removing_keeps_the_order_and_the_facts_of_the_others(
    rows: list[CellRow], data: st.DataObject
) -> None:
    fleet = Fleet(rows)
    gone = data.draw(
        st.sets(st.sampled_from(rows).map(lambda each: each.id)) if rows else st.just(set())
    )
    for each in gone:
        fleet.remove(each)
    assert list(fleet) == [each for each in rows if each.id not in gone]
    assert fleet.ids == [each.id for each in rows if each.id not in gone]


@settings(deadline=None)
@given(cells(), cells())
def test_updating_is_like_feeding_in_anew(before: list[CellRow], after: list[CellRow]) -> None:
    size = min(len(before), len(after))
    fleet = Fleet(before[:size])
    for old, new in zip(before, after, strict=False):
        fleet.update(old.id, **facts(new))
    assert list(fleet) == after[:size]


def test_many_cells_outgrow_the_first_arrays() -> None:
    fleet = Fleet(
        CellRow(f"id-{n}", f"cell-{n}", cpus=n, tags=frozenset({"t"})) for n in range(200)
    )
    assert fleet.column("cpus").tolist() == list(range(200))
    having = fleet.having("tag:t")
    assert having is not None
    assert having.all()


def test_copy_is_independent() -> None:
    fleet = Fleet([CellRow("id-1", "cell-1", tags=frozenset({"a"}))])
    twin = fleet.copy()
    twin.update("id-1", load1=3.0, tags={"b"})
    twin.add(CellRow("id-2", "cell-2"))
    assert list(fleet) == [CellRow("id-1", "cell-1", tags=frozenset({"a"}))]


@settings(deadline=None)
@given(cells(), cells(), one_cell(8), st.sampled_from([1, -1]))
def test_copies_go_their_own_ways(
    rows: list[CellRow], others: list[CellRow], new: CellRow, way: int
) -> None:
    fleet = Fleet(rows)
    changed, kept = (fleet, fleet.copy())[::way]
    for old, other in zip(rows, others, strict=False):
        changed.update(old.id, tags=other.tags, images=other.images, pool=other.pool)
    changed.add(new)
    if rows:
        changed.remove(rows[0].id)
    assert list(kept) == rows
    for each in (changed, kept):
        for tag in ("ssd", "gpu"):
            having = each.having(f"tag:{tag}")
            found = [False] * len(each) if having is None else having.tolist()
            assert found == [tag in row.tags for row in each]


def test_promises_decay_over_the_window() -> None:
    fleet = Fleet([CellRow("id-1", "cell-1")])
    fleet.promise("id-1", (4, 512, 10), 100.0)
    fleet.promise("id-1", (2, 512, 10), 220.0)
    seen = fleet.cell("id-1")
    assert seen.recent_cores == pytest.approx(4 * math.exp(-1) + 2)
    assert (seen.promised_cores, seen.promised_memory_mib, seen.instances) == (6, 1024, 2)


def test_a_promise_taken_back_leaves_the_load_to_fade() -> None:
    fleet = Fleet([CellRow("id-1", "cell-1", promised_memory_mib=100)])
    fleet.promise("id-1", (4, 512, 10), 100.0)
    fleet.unpromise("id-1", (4, 512, 10))
    assert fleet.cell("id-1") == CellRow(
        "id-1", "cell-1", promised_memory_mib=100, recent_cores=4.0, recent_at=100.0
    )
    fleet.unpromise("id-1", (4, 512, 10))
    assert fleet.cell("id-1").promised_memory_mib == fleet.cell("id-1").instances == 0


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "many"])
def test_absurd_figures_are_refused(value: object) -> None:
    fleet = Fleet([CellRow("id-1", "cell-1")])
    with pytest.raises(ValueError, match="load1"):
        fleet.update("id-1", load1=value)


def test_unknown_and_repeated_cells_are_refused() -> None:
    fleet = Fleet([CellRow("id-1", "cell-1")])
    with pytest.raises(UnknownCellError, match="'id-2' is not in the fleet"):
        fleet.update("id-2", load1=1.0)
    with pytest.raises(UnknownCellError, match="'id-1' is already in the fleet"):
        fleet.add(CellRow("id-1", "cell-1"))
    with pytest.raises(TypeError, match="no 'colour'"):
        fleet.update("id-1", colour="red")
