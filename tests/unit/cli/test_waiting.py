import json
import os
import pty
import signal
import threading
from contextlib import suppress

import pytest
from tests.unit.client.samples import RUN_ID, outcome, run
from tests.unit.client.scripted_core import Answer, problem

from skep.cli.waiting import _heeding_ctrl_c

START = ["instance", "start", "web-1"]
WAIT = ["run", "show", RUN_ID, "--wait"]


@pytest.fixture
def held():
    """An event that holds a stream open; set at the end, so that no server thread stays."""
    held = threading.Event()
    yield held
    held.set()


@pytest.fixture
def running(core, held):
    """Script a run that goes on until `finish()`; `following` is set once it is followed."""
    following = threading.Event()

    def write(stream):
        stream.event(1, "outcome", outcome("web-1"))
        following.set()
        held.wait(10)
        stream.event(2, "run", run("succeeded"))
        stream.end()

    def finish():
        core.on("GET", f"/runs/{RUN_ID}", run("succeeded", outcome("web-1")))
        held.set()

    core.on("POST", "/instances/start", Answer({"run": run("queued")}, 202))
    core.on("GET", f"/runs/{RUN_ID}", run("running", outcome("web-1", "pending")))
    core.on("GET", "/events", Answer(write=write))
    return following, finish


def _on_a_terminal(process, *arguments, env=None):
    """Start with stdin and stderr on a terminal; return the process and the terminal."""
    master, slave = pty.openpty()
    started = process(*arguments, stdin=slave, stderr=slave, stdout=-1, env=env)
    os.close(slave)
    return started, master


def _read_all(master):
    text = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other side is closed
            piece = b""
        if not piece:
            os.close(master)
            return text.decode()
        text += piece


def test_the_wait_follows_events_to_the_end(process, running):
    following, finish = running
    started = process(*START, stdout=-1, stderr=-1, text=True)
    assert following.wait(10)
    finish()
    out, err = started.communicate(timeout=20)
    assert started.returncode == 0
    assert out.splitlines()[1].split() == ["web-1", "cell-1", "succeeded", "yes"]
    assert "\x1b" not in err
    assert err.splitlines()[-1] == f"run {RUN_ID} succeeded"


def test_a_core_that_restarts_during_the_wait_is_waited_for(process, core, running):
    following, finish = running
    started = process(*START, stdout=-1, stderr=-1, text=True)
    assert following.wait(10)
    core.stop()
    finish()
    core.start()
    out, _err = started.communicate(timeout=20)
    assert (started.returncode, "succeeded" in out) == (0, True)


def test_ctrl_c_detaches_and_tells_how_to_go_on(process, core, running):
    following, _finish = running
    started = process(*START, stdout=-1, stderr=-1, text=True)
    assert following.wait(10)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=20)
    assert (started.returncode, out) == (130, "")
    assert f"`skep run show {RUN_ID} --wait` follows it" in err
    assert f"`skep run cancel {RUN_ID}` stops it" in err
    assert [each.method for each in core.asked].count("POST") == 1


def test_ctrl_c_that_a_finalizer_swallowed_ends_the_wait_at_the_next_word():
    told = []
    with _heeding_ctrl_c(told.append) as tell:
        tell("before")
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            tell("after")
    assert told == ["before"]


def test_ctrl_c_anywhere_else_ends_with_130(skep, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("skep.cli.commands.pools.connect", interrupted)
    result = skep("pool", "list")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_a_terminal_gets_a_progress_bar_and_stdout_only_data(process, running):
    following, finish = running
    started, master = _on_a_terminal(process, *START, "-o", "json")
    assert following.wait(10)
    finish()
    out, _ = started.communicate(timeout=20)
    shown = _read_all(master)
    assert started.returncode == 0
    assert "instances_create" in shown
    assert "1/1" in shown
    assert json.loads(out)["state"] == "succeeded"


def test_no_color_keeps_colours_out_of_the_progress_bar(process, running):
    following, finish = running
    started, master = _on_a_terminal(process, *START, env={"NO_COLOR": "1"})
    assert following.wait(10)
    finish()
    started.communicate(timeout=20)
    assert "\x1b[3" not in _read_all(master)


def test_a_terminal_asks_before_several_are_deleted(process, core):
    started, master = _on_a_terminal(process, "instance", "delete", "a", "b")
    os.write(master, b"n\n")
    started.communicate(timeout=20)
    assert "Delete 2 instances (a, b)?" in _read_all(master)
    assert started.returncode == 1
    assert core.asked == []


def test_an_upload_shows_its_progress_on_a_terminal(process, core, tmp_path):
    disk = tmp_path / "[red]disk\x1b]0;x\x07"
    disk.write_bytes(b"x" * 100_000)
    core.on("POST", "/images", Answer({"id": "i", "name": "n"}, 201))
    core.on("PUT", "/images/i/content", {"id": "i", "name": "n", "state": "ready"})
    started, master = _on_a_terminal(process, "image", "upload", str(disk), "--name", "n")
    started.communicate(timeout=20)
    shown = _read_all(master)
    assert started.returncode == 0
    assert "[red]disk\\x1b]0" in shown
    assert "\x1b]0;x" not in shown


def test_a_serial_log_is_inert_on_a_terminal(process, core):
    log = b"\x1b[32m[ OK ]\x1b[0m up\r\n\x1b]0;owned\x07\tlogin: "
    core.on("GET", "/instances/web/log", Answer(log, kind="text/plain"))
    master, slave = pty.openpty()
    started = process("instance", "log", "web", stdout=slave)
    os.close(slave)
    started.wait(20)
    assert _read_all(master) == "[ OK ] up\r\n\\x1b]0;owned\\x07\tlogin: "


def test_run_show_wait_leaves_with_6_when_the_run_failed(skep, core):
    core.on("GET", f"/runs/{RUN_ID}", run("failed", outcome(state="failed", code="c", msg="why")))
    result = skep(*WAIT)
    assert result.exit_code == 6
    assert "web-1 on cell-1: c: why" in result.stderr


def test_run_show_wait_of_no_run_is_3_at_once(skep, core):
    core.on("GET", f"/runs/{RUN_ID}", problem(404, "run_not_found", "no such run"))
    assert skep(*WAIT).exit_code == 3


def test_a_reader_that_leaves_early_is_no_trace(process, core):
    names = [
        {**outcome(), "id": str(each), "name": "x" * 60, "state": "running"} for each in range(5000)
    ]
    core.on("GET", "/instances", {"items": names, "next": None, "total": 5000})
    started = process("instance", "list", "-o", "name", stdout=-1, stderr=-1, text=True)
    started.stdout.read(10)
    started.stdout.close()
    started.stdout = None
    _out, err = started.communicate(timeout=20)
    assert "Traceback" not in err
