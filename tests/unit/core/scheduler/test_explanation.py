"""Golden explanations; `SKEP_GOLDEN=write` in the environment rewrites them: read them then."""

import os
from pathlib import Path

import pytest

from skep.core.scheduler import (
    POLICIES,
    CellRow,
    Flavor,
    Fleet,
    Group,
    Needs,
    Request,
    explain,
    parse_query,
    place,
    render,
)
from skep.core.scheduler.explanation import NotInPlanError

GOLDEN = Path(__file__).parent / "golden"
WRITE = os.environ.get("SKEP_GOLDEN") == "write"


def fleet() -> Fleet:
    plain = {"cpus": 16, "memory_mib": 32768, "disk_gib": 1000, "kvm": True}
    return Fleet(
        [
            CellRow("id-1", "cell-1", load1=2.0, promised_memory_mib=8192, **plain),
            CellRow("id-2", "cell-2", load1=0.5, images=frozenset({"debian"}), **plain),
            CellRow("id-3", "cell-3", enabled=False, **plain),
            CellRow("id-4", "cell-4", online=False, promised_memory_mib=32000, **plain),
            CellRow("id-5", "cell-5", pool="lab", **plain),
            CellRow("id-6", "cell-6", promised_memory_mib=30000, **plain),
            CellRow("id-7", "cell-7", tags=frozenset({"slow"}), **plain),
            CellRow("id-8", "cell-8", facts={"tier": "bronze"}, **plain),
            CellRow("id-9", "cell-9", conflict="two hosts use its key", **plain),
        ]
    )


def request(**more: object) -> Request:
    group = Group(
        names=("web-1", "web-2", "web-3"),
        flavor=Flavor(2, 4096, 20),
        needs=Needs(kvm=True, tags_forbidden=frozenset({"slow"})),
        image="debian",
        owner="ann",
        anti_affinity=frozenset({"web"}),
        query=parse_query(["not", ["=", "$cell.tier", "bronze"]]),
        min_count=1,
    )
    return Request((group,), seed=7, members={"owner:ann": {"id-1": 2}}, **more)


@pytest.mark.parametrize(
    ("policy", "instance"),
    [
        ("spread", "web-1"),
        ("spread", "web-2"),
        ("spread", "web-3"),
        ("nova", "web-1"),
        ("random", "web-1"),
        ("round-robin", "web-2"),
    ],
)
def test_explanation_reads_as_agreed(policy: str, instance: str) -> None:
    plan = place(request(), fleet(), POLICIES[policy], 1_000.0)
    text = render(explain(plan, fleet(), instance))
    golden = GOLDEN / f"{policy}-{instance}.txt"
    if WRITE:
        golden.write_text(text)
    assert text == golden.read_text()


def test_shortfall_reads_as_agreed() -> None:
    plan = place(request(), fleet(), POLICIES["spread"], 1_000.0)
    (short,) = plan.shortfalls
    assert short.words() == (
        "web-3: 2 of 3 placed, none of 9 Cells takes one more (removed by unambiguous 1, "
        "enabled 1, online 1, pool 1, tags 1, query 1, memory 1, anti_affinity 2); closest is "
        "cell-6: 2768 MiB memory free, 4096 needed"
    )


def test_score_is_the_sum_of_its_parts() -> None:
    for policy in ("spread", "pack", "nova", "round-robin"):
        plan = place(request(), fleet(), POLICIES[policy], 1_000.0)
        for line in explain(plan, fleet(), "web-1").lines:
            if line.score is not None:
                assert line.score == pytest.approx(sum(part.weighted for part in line.parts))
                assert all(0.0 <= part.normalised <= 1.0 for part in line.parts)


def test_unknown_instance_is_named() -> None:
    plan = place(request(), fleet(), POLICIES["spread"], 1_000.0)
    with pytest.raises(NotInPlanError, match="'db-1' is not in this plan"):
        explain(plan, fleet(), "db-1")
