"""Every command's happy path: what is asked of the Core, and what is printed."""

import json

import pytest
from tests.unit.client.samples import FINGERPRINT, RUN_ID, cell, image, instance, outcome, pool, run
from tests.unit.client.scripted_core import Answer


@pytest.mark.parametrize(
    ("noun", "item", "words"),
    [
        ("cell", cell(), ["cell-1", "online", "3/8", "2048/16384", "usable", "ssd"]),
        ("image", image(), ["debian", "disk", "ready", "300", "2048", "cell-1"]),
        ("instance", instance(), ["web-1", "running", "cell-1", "512"]),
        ("run", run("failed", outcome()), [RUN_ID, "instances_create", "1/1", "admin"]),
        ("pool", pool(), ["default", "2", "5", "spread", "3", "1"]),
    ],
)
def test_list_prints_a_title_and_a_row_per_object(skep, lists, noun, item, words):
    lists(f"/{noun}s", item)
    result = skep(noun, "list")
    assert result.exit_code == 0
    title, row = result.stdout.splitlines()
    assert title.isupper()
    assert [word for word in words if word not in row.split()] == []


@pytest.mark.parametrize(
    ("noun", "item", "words"),
    [
        (
            "cell",
            cell("x"),
            ["fingerprint", FINGERPRINT, "load1 0.5", "rack r1", "machines q35, pc"],
        ),
        ("image", image("x"), ["sha256", "ab" * 32]),
        ("instance", instance("x"), ["state", "running"]),
        ("pool", pool("x"), ["cores_overcommit", "3", "free_memory 2, idle_cpu 3"]),
        ("run", run("failed", outcome(code="c", msg="why")), ["web-1", "why", "state"]),
    ],
)
def test_show_prints_what_is_known(skep, core, noun, item, words):
    core.on("GET", f"/{noun}s/x", item)
    result = skep(noun, "show", "x")
    assert result.exit_code == 0
    assert [word for word in words if word not in result.stdout] == []


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["instance", "start", "a", "b", "a"], {"instances": ["a", "b"]}),
        (["instance", "stop", "a"], {"instances": ["a"], "force": False}),
        (
            ["instance", "stop", "a", "--force"],
            {"instances": ["a"], "force": True},
        ),
        (["instance", "reboot", "a", "b"], {"instances": ["a", "b"]}),
        (["instance", "delete", "a", "b"], {"instances": ["a", "b"]}),
        (
            ["instance", "migrate", "a", "--to", "cell-2"],
            {"instances": ["a"], "cell": "cell-2"},
        ),
        (["instance", "migrate", "a", "b"], {"instances": ["a", "b"]}),
        (["instance", "start", "--", "-rf"], {"instances": ["-rf"]}),
    ],
)
def test_a_change_of_instances_is_one_request_and_is_waited_for(
    skep, core, accepts, arguments, body
):
    accepts("POST", f"/instances/{arguments[1]}")
    result = skep(*arguments)
    assert result.exit_code == 0
    assert [each.json for each in core.asked if each.method == "POST"] == [body]
    assert result.stdout.splitlines()[1].split() == ["web-1", "cell-1", "succeeded", "yes"]
    assert f"run {RUN_ID} succeeded" in result.stderr


def test_no_wait_prints_the_runs_id_alone(skep, core, accepts):
    accepts("POST", "/instances")
    result = skep("instance", "create", "web", "--image", "debian", "--no-wait")
    assert result.exit_code == 0
    assert result.stdout == f"{RUN_ID}\n"
    assert [each.method for each in core.asked] == ["POST"]
    assert f"skep run show {RUN_ID} --wait" in result.stderr


def test_list_filters_instances(skep, core, lists):
    lists("/instances", instance())
    skep("instance", "list", "--pool", "p", "--cell", "c", "--state", "running")
    asked = core.last("GET").query
    assert asked == {"limit": "500", "pool": "p", "cell": "c", "state": "running"}


def test_log_prints_the_text_as_it_is(skep, core):
    core.on("GET", "/instances/web/log", Answer(b"boot\r\nlogin: ", kind="text/plain"))
    result = skep("instance", "log", "web", "--max-bytes", "100")
    assert result.stdout_bytes == b"boot\r\nlogin: "
    assert core.last("GET").query == {"max_bytes": "100"}


def test_an_empty_log_is_explained(skep, core):
    core.on("GET", "/instances/web/log", Answer(b"", kind="text/plain"))
    result = skep("instance", "log", "web")
    assert (result.stdout, result.exit_code) == ("", 0)
    assert "nothing" in result.stderr


def test_upload_creates_the_image_and_sends_the_file(skep, core, tmp_path):
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(b"QFI\xfb" * 1000)
    core.on("POST", "/images", Answer(image("new", state="uploading"), 201))
    core.on("PUT", "/images/id-of-new/content", image("new"))
    result = skep("image", "upload", str(disk), "--name", "new", "--kind", "media", "-o", "name")
    assert (result.stdout, result.exit_code) == ("new\n", 0)
    assert core.last("POST").json == {"name": "new", "kind": "media"}
    assert core.last("PUT").body == disk.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "path"),
    [(["image", "delete", "x"], "/images/x"), (["cell", "remove", "x"], "/cells/x")],
)
def test_a_deletion_that_is_a_run_is_waited_for(skep, accepts, arguments, path):
    accepts("DELETE", path)
    result = skep(*arguments)
    assert result.exit_code == 0
    assert "succeeded" in result.stderr


@pytest.mark.parametrize(
    ("verb", "enabled", "word"), [("enable", True, "online"), ("disable", False, "(disabled)")]
)
def test_a_cell_is_switched(skep, core, verb, enabled, word):
    core.on("POST", f"/cells/c/{verb}", cell("c", enabled=enabled))
    result = skep("cell", verb, "c")
    assert result.exit_code == 0
    assert word in result.stdout


def test_pools_are_created_and_deleted(skep, core):
    core.on("POST", "/pools", Answer(pool("fast"), 201))
    core.on("DELETE", "/pools/fast", Answer(None, 204))
    assert (
        skep("pool", "create", "fast", "--cores-overcommit", "1.5", "-o", "name").stdout == "fast\n"
    )
    assert core.last("POST").json == {"name": "fast", "cores_overcommit": 1.5}
    result = skep("pool", "delete", "fast")
    assert (result.exit_code, result.stderr) == (0, "pool fast deleted\n")


def test_runs_are_listed_as_asked(skep, core, lists):
    lists("/runs", run())
    skep("run", "list", "--state", "failed", "--operation", "cells_accept", "--limit", "3")
    assert core.last("GET").query == {"limit": "3", "state": "failed", "operation": "cells_accept"}


def test_a_canceled_run_is_what_cancel_wants(skep, accepts):
    accepts("POST", f"/runs/{RUN_ID}/cancel", outcome(state="canceled"), state="canceled")
    result = skep("run", "cancel", RUN_ID)
    assert result.exit_code == 0
    assert f"run {RUN_ID} canceled" in result.stderr


def test_a_cell_is_accepted_by_its_id_after_showing_its_fingerprint(skep, core, accepts):
    core.on("GET", "/cells/cell-1", cell(state="discovered"))
    accepts("POST", "/cells/id-of-cell-1/accept")
    result = skep("cell", "accept", "cell-1", "--pool", "default", "--yes")
    assert result.exit_code == 0
    assert FINGERPRINT in result.stderr
    assert core.last("POST").json == {"pool": "default"}


def test_a_cell_with_the_insisted_fingerprint_is_accepted(skep, core, accepts):
    core.on("GET", "/cells/cell-1", cell(state="discovered"))
    accepts("POST", "/cells/id-of-cell-1/accept")
    arguments = ["cell", "accept", "cell-1", "--pool", "default", "--fingerprint"]
    assert skep(*arguments, FINGERPRINT).exit_code == 0


def test_a_cell_with_another_fingerprint_is_not_accepted(skep, core):
    core.on("GET", "/cells/cell-1", cell(state="discovered"))
    arguments = [
        "cell",
        "accept",
        "cell-1",
        "--pool",
        "p",
        "--yes",
        "--fingerprint",
        "SHA256:other",
    ]
    result = skep(*arguments)
    assert result.exit_code == 5
    assert FINGERPRINT in result.stderr
    assert [each.method for each in core.asked] == ["GET"]


def test_nobody_to_ask_means_not_accepted(skep, core):
    core.on("GET", "/cells/cell-1", cell(state="discovered"))
    result = skep("cell", "accept", "cell-1", "--pool", "p")
    assert result.exit_code == 2
    assert "--fingerprint" in result.stderr
    assert [each.method for each in core.asked] == ["GET"]


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n"])
def test_a_person_is_asked_before_several_are_deleted(skep, core, accepts, monkeypatch, answer):
    monkeypatch.setattr("skep.cli.commands.instances.is_interactive", lambda: True)
    accepts("POST", "/instances/delete")
    result = skep("instance", "delete", "a", "b", input=answer)
    assert result.exit_code == (0 if answer == "y\n" else 1)
    assert "Delete 2 instances (a, b)?" in result.stderr
    assert bool(core.asked) is (answer == "y\n")


@pytest.mark.parametrize("arguments", [["a"], ["a", "b", "--yes"]])
def test_one_instance_or_yes_is_not_asked_about(skep, accepts, monkeypatch, arguments):
    monkeypatch.setattr("skep.cli.commands.instances.is_interactive", lambda: True)
    accepts("POST", "/instances/delete")
    assert skep("instance", "delete", *arguments).exit_code == 0


def test_a_person_is_asked_about_a_fingerprint(skep, core, accepts, monkeypatch):
    monkeypatch.setattr("skep.cli.commands.cells.is_interactive", lambda: True)
    core.on("GET", "/cells/cell-1", cell(state="discovered"))
    accepts("POST", "/cells/id-of-cell-1/accept")
    assert skep("cell", "accept", "cell-1", "--pool", "p", input="n\n").exit_code == 1
    assert [each.method for each in core.asked] == ["GET"]
    assert skep("cell", "accept", "cell-1", "--pool", "p", input="y\n").exit_code == 0


def test_version_is_told(skep):
    assert skep("--version").stdout.startswith("skep, version 0.")


def test_a_run_shown_as_json_holds_its_diffs(skep, core):
    core.on("GET", "/runs/x", run("succeeded", outcome(diff={"before": "", "after": "<domain/>"})))
    shown = json.loads(skep("run", "show", "x", "-o", "json").stdout)
    assert shown["outcomes"][0]["diff"]["after"] == "<domain/>"
