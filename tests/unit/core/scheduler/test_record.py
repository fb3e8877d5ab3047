import json

import pytest
from hypothesis import given, settings
from tests.unit.core.scheduler.cases import NOW, cells, policies, requests

from skep.core.scheduler import CellRow, Flavor, Fleet, Group, Policy, Request, explain, place
from skep.core.scheduler.record import ReplayError, digest, record, recorded_plan, replay

REQUEST = Request((Group(("vm",), Flavor(1, 512, 1)),))


def fleet(size: int = 3) -> Fleet:
    return Fleet(
        CellRow(f"id-{n}", f"cell-{n}", cpus=4, memory_mib=4096, disk_gib=50) for n in range(size)
    )


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_recorded_plan_is_the_plan_and_so_is_its_replay(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    every = Fleet(rows)
    plan = place(request, every, policy, NOW)
    document = json.loads(json.dumps(record(plan, every)))
    assert recorded_plan(document) == plan
    assert replay(document) == plan


def test_changed_cells_are_not_replayed() -> None:
    every = fleet()
    document = record(place(REQUEST, every, Policy(), NOW), every)
    document["fleet"]["cpus"][0] = 64
    with pytest.raises(ReplayError, match="digest"):
        replay(document)


def test_fleet_kept_elsewhere_is_checked_by_its_digest() -> None:
    every = fleet()
    plan = place(REQUEST, every, Policy(), NOW)
    document = record(plan, every, with_fleet=False)
    assert replay(document, every) == plan
    with pytest.raises(ReplayError, match="not recorded"):
        replay(document)
    every.update("id-0", load1=1.0)
    with pytest.raises(ReplayError, match="does not match"):
        replay(document, every)


def test_digest_is_the_same_in_any_row_order() -> None:
    rows = list(fleet())
    assert digest(Fleet(rows)) == digest(Fleet(reversed(rows)))


def test_small_fleets_keep_every_line_and_large_ones_the_best_five() -> None:
    for size, kept in ((200, 200), (201, 5)):
        every = fleet(size)
        document = record(place(REQUEST, every, Policy(), NOW), every)
        assert len(document["decisions"][0]["lines"]) == kept
        assert document["decisions"][0]["accepted"] == size


def test_any_decision_is_explained_from_the_record() -> None:
    every = fleet()
    request = Request((Group(("a", "b", "c"), Flavor(1, 512, 1)),))
    plan = place(request, every, Policy(), NOW)
    document = json.loads(json.dumps(record(plan, every)))
    for name in "abc":
        assert (
            explain(recorded_plan(document), every, name).lines == explain(plan, every, name).lines
        )
