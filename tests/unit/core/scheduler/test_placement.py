from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skep.core.scheduler.fleet import CellView, Flavor, Policy
from skep.core.scheduler.placement import Request, place
from skep.domain.errors import NoValidCellError

SMALL = Flavor(cores=1, memory_mib=512, disk_gib=1)


def cell(name: str = "cell1", **changes: object) -> CellView:
    plain = CellView(
        id=f"id-{name}",
        name=name,
        enabled=True,
        online=True,
        conflict=None,
        cpus=4,
        memory_mib=8192,
        disk_gib=100,
        load1=0.0,
        memory_used_mib=0,
        promised_cores=0,
        promised_memory_mib=0,
        promised_disk_gib=0,
    )
    return replace(plain, **changes)


def names(count: int) -> list[str]:
    return [f"web-{number}" for number in range(1, count + 1)]


def test_six_instances_spread_evenly_over_two_equal_cells() -> None:
    plan = place(Request(names(6), SMALL, "default"), [cell("cell1"), cell("cell2")], Policy())
    chosen = [each.cell_id for each in plan]
    assert sorted(chosen) == ["id-cell1"] * 3 + ["id-cell2"] * 3


def test_the_busier_cell_comes_second() -> None:
    plan = place(Request(["web"], SMALL, "default"), [cell("a", load1=3.5), cell("b")], Policy())
    assert plan[0].cell_id == "id-b"


@pytest.mark.parametrize(
    ("changes", "filter_name", "words"),
    [
        ({"enabled": False}, "enabled", "disabled"),
        ({"online": False}, "online", "offline"),
        ({"conflict": "two hosts"}, "unambiguous", "two hosts"),
        ({"promised_memory_mib": 7936}, "memory", "256 MiB memory free, 512 needed"),
        ({"promised_disk_gib": 100}, "disk", "0 GiB disk free, 1 needed"),
        ({"promised_cores": 12}, "cores", "0 cores free, 1 needed"),
        ({"cpus": 0}, "cores", "0 cores in all, 1 needed by one instance"),
    ],
)
def test_each_filter_says_why_with_numbers(
    changes: dict[str, object], filter_name: str, words: str
) -> None:
    with pytest.raises(NoValidCellError) as caught:
        place(Request(["web"], SMALL, "default"), [cell(**changes)], Policy())
    (rejection,) = caught.value.rejections
    assert rejection.filter == filter_name
    assert words in rejection.reason


def test_an_empty_pool_says_how_to_add_a_cell() -> None:
    with pytest.raises(NoValidCellError, match="the pool has no Cell; `skep cell accept"):
        place(Request(["web"], SMALL, "default"), [], Policy())


def test_nothing_is_placed_when_one_of_many_fits_nowhere() -> None:
    with pytest.raises(NoValidCellError, match="web-17"):
        place(Request(names(20), SMALL, "default"), [cell(cpus=64)], Policy())


def test_the_explanation_ranks_accepted_cells_before_rejected_ones() -> None:
    cells = [cell("a", enabled=False), cell("b", load1=2.0), cell("c")]
    (assignment,) = place(Request(["web"], SMALL, "default"), cells, Policy())
    assert [verdict.cell for verdict in assignment.verdicts] == ["c", "b", "a"]
    assert assignment.verdicts[2].rejected_by == "enabled"


fleets = st.lists(
    st.builds(
        cell,
        st.uuids().map(str),
        cpus=st.integers(1, 64),
        memory_mib=st.integers(0, 65536),
        disk_gib=st.integers(0, 1000),
        load1=st.floats(0, 100),
        promised_cores=st.integers(0, 64),
        promised_memory_mib=st.integers(0, 65536),
        enabled=st.booleans(),
        online=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.name,
)
flavors = st.builds(Flavor, st.integers(1, 8), st.integers(64, 8192), st.integers(0, 50))


@given(fleets, flavors, st.integers(1, 12))
def test_a_plan_never_promises_more_than_the_policy_allows(
    fleet: list[CellView], flavor: Flavor, count: int
) -> None:
    policy = Policy()
    try:
        plan = place(Request(names(count), flavor, "default"), fleet, policy)
    except NoValidCellError:
        return
    for each in fleet:
        placed = sum(assignment.cell_id == each.id for assignment in plan)
        assert placed == 0 or (
            each.promised_memory_mib + placed * flavor.memory_mib <= each.memory_mib
            and each.promised_cores + placed * flavor.cores <= each.cpus * policy.cores_overcommit
            and placed * flavor.disk_gib <= each.disk_gib
        )


@given(fleets, flavors, st.integers(1, 6), st.randoms())
def test_the_order_of_cells_makes_no_difference(
    fleet: list[CellView], flavor: Flavor, count: int, shuffler: object
) -> None:
    shuffled = list(fleet)
    shuffler.shuffle(shuffled)
    request = Request(names(count), flavor, "default")

    def chosen(cells: list[CellView]) -> list[str] | str:
        try:
            return [each.cell_id for each in place(request, cells, Policy())]
        except NoValidCellError as error:
            return error.instance

    assert chosen(fleet) == chosen(shuffled)
