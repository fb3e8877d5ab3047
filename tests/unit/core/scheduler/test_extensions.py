from importlib.metadata import EntryPoint

import numpy as np
import pytest

from skep.core.scheduler import (
    CATALOGUE,
    POLICIES,
    CellRow,
    Filter,
    Flavor,
    Fleet,
    Group,
    Request,
    Weigher,
    explain,
    place,
)
from skep.core.scheduler.extensions import ExtensionError, extend, load_catalogue
from skep.core.scheduler.policy import UnknownPolicyError

EVEN = Filter(
    "even_instances",
    lambda view: view.instances % 2 == 0,
    lambda view, index: f"{view.instances[index]} instances",
)
COLD = Weigher(
    "cold",
    lambda view: view.column("disk_used_gib"),
    lambda view, used: 1.0 / (1.0 + used),
    "GiB written",
)
NOTHING = object()
REQUEST = Request((Group(("vm",), Flavor(1, 512, 1)),))


def point(name: str, group: str = "skep.filters") -> EntryPoint:
    return EntryPoint(name, f"tests.unit.core.scheduler.test_extensions:{name}", group)


def fleet() -> Fleet:
    plain = {"cpus": 4, "memory_mib": 4096, "disk_gib": 50}
    return Fleet(
        [
            CellRow("id-1", "cell-1", instances=1, **plain),
            CellRow("id-2", "cell-2", disk_used_gib=9, **plain),
            CellRow("id-3", "cell-3", disk_used_gib=1, **plain),
        ]
    )


def test_own_filter_and_weigher_take_part() -> None:
    catalogue = extend(CATALOGUE, [point("EVEN")], [point("COLD", "skep.weighers")])
    policy = POLICIES["spread"].changed({"cold": 100.0})
    plan = place(REQUEST, fleet(), policy, 0.0, catalogue)
    assert plan.assignments[0].cell == "cell-3"
    told = explain(plan, fleet(), "vm", catalogue)
    assert told.lines[-1].refusals == (("even_instances", "1 instances"),)
    assert any(part.weigher == "cold" for part in told.lines[0].parts)


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(ExtensionError, match=r"'NOTHING'.*is no Filter but object"):
        extend(CATALOGUE, [point("NOTHING")], [])


def test_a_name_in_use_is_refused() -> None:
    with pytest.raises(ExtensionError, match="'even_instances' is in use already"):
        extend(CATALOGUE, [point("EVEN"), point("EVEN")], [])


def test_installed_extensions_are_loaded_on_top_of_our_own() -> None:
    assert set(load_catalogue().weighers) >= set(CATALOGUE.weighers)


def test_unknown_names_in_a_policy_are_refused() -> None:
    with pytest.raises(UnknownPolicyError, match="weigher 'warm' does not exist"):
        place(REQUEST, fleet(), POLICIES["spread"].changed({"warm": 1.0}), 0.0)
    with pytest.raises(UnknownPolicyError, match="filter 'odd' does not exist"):
        place(REQUEST, fleet(), POLICIES["spread"].changed(without=frozenset({"odd"})), 0.0)


def test_a_filter_can_be_left_out() -> None:
    policy = POLICIES["spread"].changed(without=frozenset({"memory"}))
    big = Request((Group(("vm",), Flavor(1, 9999, 1)),))
    assert place(big, fleet(), policy, 0.0).feasible
    assert np.isfinite(place(big, fleet(), policy, 0.0).assignments[0].score)
