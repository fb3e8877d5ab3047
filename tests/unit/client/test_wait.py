import threading
import time

import pytest
from tests.unit.client.samples import RUN_ID, outcome, run
from tests.unit.client.scripted_core import Answer, problem

from skep.client.errors import DeniedError, MissingError, WaitTimeoutError

PATH = f"/runs/{RUN_ID}"


def _ended(*_events):
    """Return an answer whose stream sends the events and ends."""

    def write(stream):
        for number, (kind, data) in enumerate(_events, 1):
            stream.event(number, kind, data)
        stream.end()

    return Answer(write=write)


def test_a_final_run_needs_one_request(api, core):
    core.on("GET", PATH, run("succeeded", outcome()))
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"
    assert len(core.asked) == 1


def test_progress_comes_from_events_and_the_result_from_the_run(api, core):
    running = run("running", outcome("a", "pending"), outcome("b", "pending"))
    final = run("failed", outcome("a"), outcome("b", "failed", code="x", msg="y"))
    core.on("GET", PATH, running, running, final)
    bare = {key: value for key, value in run("succeeded").items() if key != "outcomes"}
    core.on(
        "GET",
        "/events",
        _ended(("outcome", outcome("a")), ("run", {**bare, "done": 2, "total": 2})),
    )
    seen = []
    found = api.runs.wait_for_run(RUN_ID, 5, lambda each: seen.append((each.state, each.done)))
    assert found.failed_outcomes[0].code == "x"
    assert seen == [("running", 0), ("running", 0), ("running", 1), ("succeeded", 2), ("failed", 2)]


def test_events_of_another_run_do_not_end_the_wait(api, core):
    other = {**run("failed"), "id": "other"}
    core.on("GET", PATH, run("running"), run("running"), run("succeeded"))
    core.on("GET", "/events", _ended(("run", other)))
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"


def test_a_run_that_ended_before_the_stream_opened_is_not_waited_for(api, core):
    held = threading.Event()
    core.on("GET", PATH, run("running"), run("succeeded"))
    core.on("GET", "/events", Answer(write=lambda _stream: held.wait(5)))
    started = time.monotonic()
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"
    assert time.monotonic() - started < 2
    held.set()


def test_a_sign_of_life_alone_makes_the_run_be_read_again(api, core):
    held = threading.Event()

    def write(stream):
        stream.send(": ping\n\n")
        held.wait(5)

    core.on("GET", PATH, run("running"), run("running"), run("succeeded"))
    core.on("GET", "/events", Answer(write=write))
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"
    held.set()


def test_a_cut_stream_is_resumed_after_the_last_event(api, core):
    def cut(stream):
        stream.event(41, "run", run("running"))

    core.on("GET", PATH, run("running"))
    core.on("GET", "/events", Answer(write=cut), _ended(("run", run("succeeded"))))

    def finish(found):
        if found.state == "succeeded":
            core.on("GET", PATH, run("succeeded", outcome()))

    assert api.runs.wait_for_run(RUN_ID, 5, finish).outcomes[0].label == "web-1"
    streams = [each for each in core.asked if each.path.endswith("/events")]
    assert [each.headers.get("last-event-id") for each in streams] == [None, "41"]


def test_a_stream_cut_before_its_first_event_is_resumed_from_its_opening(api, core):
    core.on("GET", PATH, run("running"))
    opening = Answer(write=lambda stream: stream.send("retry: 1000\nid: 40\n\n"))
    core.on("GET", "/events", opening, _ended(("run", run("succeeded"))))

    def finish(found):
        if found.state == "succeeded":
            core.on("GET", PATH, run("succeeded"))

    api.runs.wait_for_run(RUN_ID, 5, finish)
    streams = [each for each in core.asked if each.path.endswith("/events")]
    assert [each.headers.get("last-event-id") for each in streams] == [None, "40"]


def test_missed_events_make_the_run_be_read_again(api, core):
    held = threading.Event()

    def write(stream):
        stream.send('event: reset\ndata: {"newest": 9}\n\n')
        held.wait(5)

    core.on("GET", PATH, run("running"), run("running"), run("succeeded"))
    core.on("GET", "/events", Answer(write=write))
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"
    held.set()


def test_a_core_that_restarts_meanwhile_is_waited_for(api, core):
    core.on("GET", PATH, run("running"))
    core.on("GET", "/events", _ended())
    stopped = threading.Event()

    def restart():
        core.stop()
        stopped.set()
        time.sleep(0.5)
        core.on("GET", PATH, run("succeeded", outcome()))
        core.start()

    timer = threading.Timer(0.3, restart)
    timer.start()
    assert api.runs.wait_for_run(RUN_ID, 20).state == "succeeded"
    assert stopped.is_set()
    timer.join()


def test_a_core_without_events_is_asked_again_and_again(api, core):
    core.on("GET", PATH, run("running"), run("running"), run("succeeded"))
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"


def test_trouble_inside_the_core_is_waited_out(api, core):
    core.on("GET", PATH, problem(503, "starting", "not yet"), run("succeeded"))
    assert api.runs.wait_for_run(RUN_ID, 5).state == "succeeded"


def test_the_wait_ends_at_its_time_limit_while_the_stream_is_silent(api, core):
    held = threading.Event()
    core.on("GET", PATH, run("running"))
    core.on("GET", "/events", Answer(write=lambda _stream: held.wait(5)))
    started = time.monotonic()
    with pytest.raises(WaitTimeoutError, match=f"{RUN_ID} is running after 0.5 s"):
        api.runs.wait_for_run(RUN_ID, 0.5)
    assert 0.4 < time.monotonic() - started < 2
    held.set()


def test_the_wait_ends_at_its_time_limit_while_the_core_is_down(api, core):
    core.stop()
    with pytest.raises(WaitTimeoutError, match="is unknown"):
        api.runs.wait_for_run(RUN_ID, 0.5)
    core.start()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(404, "run_not_found", "no such run"), MissingError),
        (problem(401, "bad_token", "revoked"), DeniedError),
    ],
)
def test_what_waiting_cannot_mend_ends_the_wait(api, core, answer, error):
    core.on("GET", PATH, answer)
    with pytest.raises(error):
        api.runs.wait_for_run(RUN_ID, 5)


def test_a_core_that_contradicts_itself_is_not_asked_without_a_pause(api, core):
    core.on("GET", f"/runs/{RUN_ID}", run("running"))

    def write(stream):
        stream.event(1, "run", run("succeeded"))
        stream.end()

    core.on("GET", "/events", Answer(write=write))
    with pytest.raises(WaitTimeoutError):
        api.runs.wait_for_run(RUN_ID, 1)
    assert len(core.asked) < 30
