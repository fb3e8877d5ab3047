"""What a Cell answers about what it can do is believed only when it is well formed."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from skep.core.runner.outcomes import Verdict
from skep.core.services.execution import effects, work
from skep.core.services.execution.capabilities import read_capabilities
from skep.core.store.base import utc_now
from skep.core.store.models import Base, Cell, Outcome, Run
from skep.domain.states import CellState, OutcomeState

ABLE = {
    "architecture": "x86_64",
    "cpu_models": ["EPYC-Milan", "host-model"],
    "firmwares": ["bios", "uefi"],
    "machines": ["pc", "pc-q35-7.2", "q35"],
    "networks": ["br-guests"],
    "vlans": [7, 249],
}
ANSWER = {"changed": False, "capabilities": {**ABLE, "domain_type": "kvm", "more": ["evil"]}}


def answering(**changes: Any) -> dict[str, Any]:
    return {"capabilities": {**ABLE, **changes}}


def test_what_the_scheduler_reads_is_kept_and_nothing_else() -> None:
    assert read_capabilities(ANSWER) == ABLE


def test_what_a_cell_does_not_know_counts_as_nothing() -> None:
    unknown = {"cpu_models": None, "firmwares": None, "networks": None, "vlans": None}
    nothing: dict[str, list[Any]] = {name: [] for name in unknown}
    assert read_capabilities(answering(**unknown)) == {**ABLE, **nothing}


def test_lists_are_sorted_and_each_value_is_kept_once() -> None:
    found = read_capabilities(answering(vlans=[9, 1, 9], networks=["b", "a", "b"]))
    assert found == {**ABLE, "vlans": [1, 9], "networks": ["a", "b"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": None},
        {"architecture": "x86_64\n"},
        {"architecture": ["x86_64"]},
        {"cpu_models": "EPYC"},
        {"cpu_models": ["{{ lookup('pipe','id') }}"]},
        {"cpu_models": ["a" * 64]},
        {"cpu_models": [f"model-{number}" for number in range(513)]},
        {"cpu_models": [["EPYC"]]},
        {"firmwares": ["coreboot"]},
        {"firmwares": [{}]},
        {"machines": [None]},
        {"machines": {"pc": 1}},
        {"networks": ["br0/../../x"]},
        {"networks": ["-x"]},
        {"networks": ["br0\x1b[2J"]},
        {"networks": [f"br{number}" for number in range(257)]},
        {"vlans": [0]},
        {"vlans": [4095]},
        {"vlans": [True]},
        {"vlans": [7.0]},
        {"vlans": ["7"]},
        {"vlans": [7] * 5000},
    ],
    ids=str,
)
def test_an_answer_of_another_shape_is_refused_whole(changes: dict[str, Any]) -> None:
    assert read_capabilities(answering(**changes)) is None


@pytest.mark.parametrize("answer", [{}, {"capabilities": None}, {"capabilities": []}])
def test_no_answer_is_refused(answer: dict[str, Any]) -> None:
    assert read_capabilities(answer) is None


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def put(session: Session, operation: str, state: CellState, **facts: Any) -> tuple[Cell, Run]:
    cell = Cell(id="c1", name="cell-1", public_key=b"k", fingerprint="f", state=state, **facts)
    cell.last_seen_at = utc_now()
    run = Run(operation=operation, actor="me", state="running", parameters={"pool": "default"})
    outcome = Outcome(position=0, resource_kind="cell", resource_id="c1", resource_name="cell-1")
    outcome.state = OutcomeState.SUCCEEDED  # as written before the effect
    run.outcomes = [outcome]
    session.add_all([cell, run])
    session.flush()
    return cell, run


def verdict(data: dict[str, Any], state: OutcomeState = OutcomeState.SUCCEEDED) -> Verdict:
    return Verdict("c1", state, False, None, None, None, data)  # noqa: FBT003 - a field


@pytest.mark.parametrize(
    ("operation", "before"),
    [("cells_accept", CellState.ENROLLING), ("cells_refresh", CellState.ONLINE)],
)
def test_a_good_answer_is_stored_and_told(
    session: Session, operation: str, before: CellState
) -> None:
    cell, run = put(session, operation, before)
    effects.apply(session, run, verdict(ANSWER))
    session.flush()
    session.refresh(cell)
    assert (cell.capabilities, cell.state, cell.generation) == (ABLE, CellState.ONLINE, 2)
    assert run.outcomes[0].state == OutcomeState.SUCCEEDED


@pytest.mark.parametrize(
    ("operation", "before", "after"),
    [
        ("cells_accept", CellState.ENROLLING, CellState.DISCOVERED),
        ("cells_refresh", CellState.ONLINE, CellState.ONLINE),
    ],
)
def test_a_bad_answer_fails_the_work_and_changes_nothing_that_was_known(
    session: Session, operation: str, before: CellState, after: CellState
) -> None:
    cell, run = put(session, operation, before, capabilities=ABLE)
    effects.apply(session, run, verdict(answering(vlans=["x"])))
    outcome = run.outcomes[0]
    assert (cell.capabilities, cell.state) == (ABLE, after)
    assert (outcome.state, outcome.code) == (OutcomeState.FAILED, "invalid_answer")
    assert outcome.msg is not None
    assert outcome.msg.startswith("cell-1: ")


def test_a_failed_refresh_leaves_what_was_known(session: Session) -> None:
    cell, run = put(session, "cells_refresh", CellState.ONLINE, capabilities=ABLE)
    effects.apply(session, run, verdict(ANSWER, OutcomeState.FAILED))
    assert (cell.capabilities, cell.generation) == (ABLE, 1)


@pytest.mark.parametrize(("kvm", "expected"), [("usable", "kvm"), ("unusable", "qemu")])
def test_a_refresh_asks_for_the_type_of_domain_that_runs_there(
    session: Session, kvm: str, expected: str
) -> None:
    _, run = put(session, "cells_refresh", CellState.ONLINE, kvm=kvm, address="192.0.2.1")
    wanted = work.prepare(session, run, ["c1"])
    assert wanted.deciding == "cell_info"
    assert [host.variables for host in wanted.hosts] == [{"skep_domain_type": expected}]
