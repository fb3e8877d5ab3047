import threading
import time
from contextlib import closing

import pytest
from tests.unit.client.scripted_core import Answer

from skep.client.errors import CoreUnreachableError, UnexpectedAnswerError
from skep.client.events import Event, _events


def test_events_arrive_with_id_kind_and_data(api, core):
    def write(stream):
        stream.send(": hello\n\n")
        stream.event(7, "run", {"id": "r"})
        stream.event(8, "outcome", {"state": "failed"})
        stream.end()

    core.on("GET", "/events", Answer(write=write))
    with closing(api.events.stream(run="r", after=6)) as stream:
        assert list(stream) == [
            None,
            None,
            Event(7, "run", {"id": "r"}),
            Event(8, "outcome", {"state": "failed"}),
        ]
    assert core.asked[0].query == {"run": "r"}
    assert core.asked[0].headers["last-event-id"] == "6"
    assert core.asked[0].headers["accept"] == "text/event-stream"


@pytest.mark.parametrize("chunked", [True, False])
def test_an_event_arrives_while_the_stream_stays_open(api, core, chunked):
    seen = threading.Event()

    def write(stream):
        stream.event(1, "run", {"id": "r"})
        seen.wait(5)

    core.on("GET", "/events", Answer(write=write, chunked=chunked))
    with closing(api.events.stream()) as stream:
        assert next(stream) is None
        started = time.monotonic()
        assert next(stream) == Event(1, "run", {"id": "r"})
        assert time.monotonic() - started < 2
        seen.set()


def test_silence_longer_than_agreed_is_an_unreachable_core(api, core):
    done = threading.Event()
    core.on("GET", "/events", Answer(write=lambda _stream: done.wait(5)))
    with (
        closing(api.events.stream(quiet_s=0.2)) as stream,
        pytest.raises(CoreUnreachableError),
    ):
        list(stream)
    done.set()


def test_a_stream_cut_in_the_middle_is_an_unreachable_core(api, core):
    core.on("GET", "/events", Answer(write=lambda stream: stream.send(": alive\n")))
    with closing(api.events.stream()) as stream, pytest.raises(CoreUnreachableError):
        list(stream)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["data: {}", ""], [Event(None, "message", {})]),
        (["data:{", "data:}", ""], [Event(None, "message", {})]),
        (["id: x", "event: run", "data: []", ""], [Event(None, "run", {})]),
        (["id: ٣", "data: {}", ""], [Event(None, "message", {})]),
        (["event: run", ""], []),
        (["retry: 1000", "id: 7", ""], [Event(7, "", {})]),
        (["", ": ping", ""], [None]),
        (["id: 1", "data: {}"], []),
        (["retry", "data: {}", ""], [Event(None, "message", {})]),
    ],
)
def test_the_lines_of_the_standard_are_read(lines, expected):
    assert list(_events(iter(lines))) == expected


def test_data_that_is_not_json_is_named():
    with pytest.raises(UnexpectedAnswerError):
        list(_events(iter(["data: {", ""])))
