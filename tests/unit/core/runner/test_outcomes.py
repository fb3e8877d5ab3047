from typing import Any

from skep.core.runner.outcomes import Collector, Subject, Verdict
from skep.core.runner.results import task_result
from skep.domain.states import OutcomeState

ONE, TWO, SHA = "1" * 8, "2" * 8, "f" * 64


def event(
    host: str, module: str, results: list[dict[str, Any]] | None = None, **res: object
) -> dict[str, Any]:
    kind = str(res.pop("event", "runner_on_ok"))
    answer = {**res} if results is None else {"results": results, **res}
    data = {"host": host, "task": "T", "task_action": f"skep.kvm.{module}", "res": answer}
    return {"event": kind, "event_data": data}


def item(identity: str, *, ok: bool = True, **more: object) -> dict[str, Any]:
    return {"id": identity, "ok": ok, "changed": ok, "code": None, "msg": None, **more}


def collector(deciding: str | None = "domain") -> Collector:
    depends = frozenset({SHA})
    return Collector(deciding, [Subject(ONE, "c1", depends_on=depends), Subject(TWO, "c1")])


def take(to: Collector, event: dict[str, Any]) -> list[Verdict]:
    result = task_result(event)
    assert result is not None
    return to.take(result)


def test_each_item_of_the_deciding_module_settles_its_own_subject() -> None:
    results = [item(ONE, state="running"), item(TWO, ok=False, code="no_disk", msg="no")]
    failed = event("c1", "domain", results, event="runner_on_failed", msg="1 of 2 failed")
    verdicts = take(collector(), failed)
    assert [(each.subject, each.state, each.code) for each in verdicts] == [
        (ONE, OutcomeState.SUCCEEDED, None),
        (TWO, OutcomeState.FAILED, "no_disk"),
    ]
    assert verdicts[0].data["state"] == "running"


def test_the_first_failure_is_the_reason_shown() -> None:
    to = collector()
    lost = item(SHA, ok=False, code="checksum_mismatch", msg="image is broken")
    assert take(to, event("c1", "image", [lost], event="runner_on_failed")) == []
    later = item(ONE, ok=False, code="volume_missing", msg="no volume")
    verdicts = take(to, event("c1", "domain", [later, item(TWO)], event="runner_on_failed"))
    assert [each.code for each in verdicts] == ["checksum_mismatch", None]


def test_volumes_are_matched_by_the_uuid_in_front_of_their_name() -> None:
    to = collector()
    full = item(f"{TWO}-vda", ok=False, code="no_space", msg="disk is full")
    take(to, event("c1", "volume", [item(f"{ONE}-vda"), full], event="runner_on_failed"))
    verdicts = take(to, event("c1", "domain", [item(ONE), item(TWO, ok=False)]))
    assert [each.code for each in verdicts] == [None, "no_space"]


def test_an_unreachable_cell_fails_all_it_was_to_decide() -> None:
    verdicts = take(collector(), event("c1", "image", event="runner_on_unreachable", msg="no way"))
    assert {each.code for each in verdicts} == {"cell_unreachable"}
    assert len(verdicts) == 2


def test_a_module_that_could_not_work_gives_its_code_to_every_subject() -> None:
    failed = event("c1", "domain", [], event="runner_on_failed", code="libvirt_unavailable")
    assert {each.code for each in take(collector(), failed)} == {"libvirt_unavailable"}


def test_another_cells_results_settle_nothing() -> None:
    assert take(collector(), event("c2", "domain", [item(ONE)])) == []


def test_a_helper_cell_explains_but_does_not_decide() -> None:
    to = Collector("domain_migrate", [Subject(ONE, "c1", helpers=frozenset({"c2"}))])
    assert take(to, event("c2", "image", event="runner_on_unreachable", msg="gone")) == []
    (verdict,) = take(to, event("c1", "domain_migrate", [item(ONE, ok=False, code="refused")]))
    assert verdict.code == "cell_unreachable"


def test_what_is_open_at_the_end_fails_with_ansibles_last_words() -> None:
    verdicts = collector().close(canceled=False, status="failed", output="ERROR! no such file")
    assert {each.code for each in verdicts} == {"no_result"}
    assert "no such file" in str(verdicts[0].msg)


def test_what_is_open_after_a_cancel_is_canceled() -> None:
    verdicts = collector().close(canceled=True, status="canceled", output="")
    assert {each.state for each in verdicts} == {OutcomeState.CANCELED}


def test_without_a_deciding_module_the_whole_play_decides() -> None:
    to = collector(None)
    take(to, event("c1", "copy", changed=True))
    verdicts = to.close(canceled=False, status="successful", output="")
    assert {each.state for each in verdicts} == {OutcomeState.SUCCEEDED}


def test_a_play_that_never_touched_the_cell_fails_it() -> None:
    verdicts = collector(None).close(canceled=False, status="failed", output="boom")
    assert {each.code for each in verdicts} == {"no_result"}


def test_results_of_the_wrong_shape_are_no_items() -> None:
    odd = event("c1", "domain", ["x", {"no": "id"}, 5])  # type: ignore[list-item]
    result = task_result(odd)
    assert result is not None
    assert result.items == ()


def test_long_messages_of_a_cell_are_cut() -> None:
    result = task_result(event("c1", "domain", [item(ONE, ok=False, msg="x" * 10_000)]))
    assert result is not None
    assert len(str(result.items[0].msg)) == 2000


def test_an_info_modules_answer_is_about_the_cell_as_a_whole() -> None:
    to = Collector("cell_info", [Subject(ONE, "c1")])
    assert take(to, event("c1", "copy", results=[])) == []
    assert take(to, event("c2", "cell_info", capabilities={"vlans": [7]})) == []
    (verdict,) = take(to, event("c1", "cell_info", capabilities={"vlans": [7]}))
    assert (verdict.state, verdict.data["capabilities"]) == (OutcomeState.SUCCEEDED, {"vlans": [7]})


def test_an_info_module_that_could_not_ask_fails_the_cell_with_its_code() -> None:
    to = Collector("cell_info", [Subject(ONE, "c1")])
    failed = event("c1", "cell_info", event="runner_on_failed", code="libvirt_unavailable", msg="-")
    assert [each.code for each in take(to, failed)] == ["libvirt_unavailable"]


def test_an_earlier_task_that_failed_explains_why_the_info_module_never_ran() -> None:
    to = Collector("cell_info", [Subject(ONE, "c1")])
    assert take(to, event("c1", "copy", event="runner_on_failed", msg="no space")) == []
    (verdict,) = to.close(canceled=False, status="failed", output="")
    assert (verdict.state, verdict.code) == (OutcomeState.FAILED, "task_failed")
