from dataclasses import replace

from hypothesis import given, settings
from tests.unit.core.scheduler.cases import NOW, cells, policies, requests

from skep.core.scheduler import (
    CellRow,
    Flavor,
    Fleet,
    Group,
    Policy,
    Request,
    capacity,
    place,
)

SMALL = Request((Group((), Flavor(1, 1024, 0)),))


def cell(number: int, **changes: object) -> CellRow:
    plain = {"cpus": 8, "memory_mib": 8192, "disk_gib": 10}
    return CellRow(f"id-{number}", f"cell-{number}", **{**plain, **changes})


@settings(max_examples=50, deadline=None)
@given(requests(), cells(), policies())
def test_capacity_is_what_place_can_place(
    request: Request, rows: list[CellRow], policy: Policy
) -> None:
    group = replace(request.groups[0], names=tuple(f"vm-{n}" for n in range(500)), min_count=0)
    alone = replace(request, groups=(group,))
    counted = capacity(alone, Fleet(rows), policy, NOW)
    placed = len(place(alone, Fleet(rows), policy, NOW).assignments)
    if group.affinity:
        assert placed <= counted.now
    else:
        assert placed == min(counted.now, 500)


def test_loss_of_the_worst_cell_takes_its_room_and_moves_its_promises() -> None:
    found = capacity(
        SMALL, Fleet([cell(1), cell(2), cell(3, promised_memory_mib=3000)]), Policy(), 0.0
    )
    assert found.now == 8 + 8 + 5
    assert (found.after_loss, found.survives) == (21 - 8, True)
    assert found.cells == (("cell-1", 8), ("cell-2", 8), ("cell-3", 5))


def test_promises_that_fit_nowhere_else_do_not_survive() -> None:
    full = {"promised_memory_mib": 8192}
    found = capacity(SMALL, Fleet([cell(1, **full), cell(2, **full)]), Policy(), 0.0)
    assert (found.now, found.after_loss, found.survives) == (0, 0, False)
    assert (found.worst_cell, found.displaced) == ("cell-1", 8)


def test_cells_of_other_pools_do_not_count() -> None:
    found = capacity(SMALL, Fleet([cell(1), cell(2, pool="lab")]), Policy(), 0.0)
    assert (found.now, found.after_loss, found.worst_cell) == (8, 0, "cell-1")
