import pytest
from tests.unit.client.samples import RUN_ID, image, outcome, run
from tests.unit.client.scripted_core import Answer, Authority, problem

from skep.cli.main import cli

SHOW = ["instance", "show", "web"]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (problem(500, "internal", "it broke"), 1, "it broke"),
        (Answer(b"<html>"), 1, "cannot read"),
        (
            problem(422, "validation", "no", errors=[{"pointer": "/x", "message": "bad"}]),
            2,
            "/x: bad",
        ),
        (problem(404, "instance_not_found", "no instance 'web'"), 3, "no instance 'web'"),
        (problem(401, "bad_token", "unknown token"), 4, "unknown token"),
        (problem(403, "forbidden", "not yours"), 4, "not yours"),
        (problem(409, "instance_busy", "busy with run 7"), 5, "busy with run 7"),
        (problem(412, "generation_conflict", "changed"), 5, "changed"),
    ],
)
def test_what_the_core_answers_decides_the_exit_code(skep, core, answer, code, words):
    core.on("GET", "/instances/web", answer)
    result = skep(*SHOW)
    assert result.exit_code == code
    assert result.stdout == ""
    assert words in result.stderr


def test_a_problem_shows_its_code_and_request(skep, core):
    core.on("GET", "/instances/web", problem(500, "internal", "it broke"))
    assert "code internal, request req-1" in skep(*SHOW).stderr


def test_no_valid_cell_lists_each_rejection(skep, core):
    rejected = [{"cell": "cell-3", "filter": "memory", "reason": "4096 MiB free, 8192 MiB needed"}]
    core.on("POST", "/instances", problem(409, "no_valid_cell", "no Cell", rejected=rejected))
    result = skep("instance", "create", "web", "--image", "debian")
    assert result.exit_code == 5
    assert "cell-3: memory: 4096 MiB free, 8192 MiB needed" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["instance", "create", "web"],
        ["instance", "start"],
        ["instance", "list", "--state", "asleep"],
        ["instance", "show", ".."],
        ["instance", "create", "web", "--image", "i", "--count", "0"],
        ["instance", "start", "a", "--timeout", "0"],
        ["cell", "accept", "c"],
        ["image", "upload", "/nonexistent", "--name", "x"],
        ["completion", "tcsh"],
        ["cell", "list", "-o", "xml"],
    ],
)
def test_wrong_usage_is_2_and_asks_nothing(skep, core, arguments):
    assert skep(*arguments).exit_code == 2
    assert core.asked == []


def test_an_empty_file_is_not_uploaded(skep, core, tmp_path):
    (tmp_path / "empty").touch()
    assert skep("image", "upload", str(tmp_path / "empty"), "--name", "x").exit_code == 2
    assert core.asked == []


def test_a_failed_run_is_6_and_tells_each_failure(skep, accepts):
    bad = outcome("web-2", "failed", cell="cell-2", code="image_not_placed", msg="disk full")
    accepts("POST", "/instances/start", outcome("web-1"), bad, state="failed")
    result = skep("instance", "start", "web-1", "web-2")
    assert result.exit_code == 6
    assert "error: web-2 on cell-2: image_not_placed: disk full" in result.stderr
    assert "1 of 2 resources failed" in result.stderr
    assert "web-1" in result.stdout
    assert "web-1 on" not in result.stderr


def test_a_failed_run_without_outcomes_tells_its_error(skep, core):
    core.on("POST", "/instances/start", Answer({"run": run("queued")}, 202))
    core.on("GET", f"/runs/{RUN_ID}", run("failed", error="playbook not found"))
    result = skep("instance", "start", "a")
    assert result.exit_code == 6
    assert "playbook not found" in result.stderr


def test_a_canceled_run_is_6_for_who_wanted_it_done(skep, accepts):
    accepts("POST", "/instances/start", outcome(state="canceled"), state="canceled")
    assert skep("instance", "start", "a").exit_code == 6


def test_a_run_that_takes_too_long_is_7_and_goes_on(skep, accepts):
    accepts("POST", "/instances/start", outcome(state="pending"), state="running")
    result = skep("instance", "start", "a", "--timeout", "0.3")
    assert result.exit_code == 7
    assert f"skep run show {RUN_ID} --wait" in result.stderr


def test_a_stopped_core_is_8(skep, core):
    core.stop()
    result = skep(*SHOW)
    core.start()
    assert result.exit_code == 8
    assert "Connection refused" in result.stderr


def test_an_untrusted_certificate_is_8(skep, tmp_path):
    result = skep(*SHOW, env={"SKEP_CA_FILE": str(Authority(tmp_path).file)})
    assert result.exit_code == 8
    assert "not trusted" in result.stderr


def test_a_refused_upload_leaves_no_image_behind(skep, core, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    core.on("POST", "/images", Answer(image("new", state="uploading"), 201))
    core.on("PUT", "/images/id-of-new/content", problem(422, "unsafe_image", "has a backing file"))
    core.on("DELETE", "/images/id-of-new", Answer({"run": run("queued")}, 202))
    result = skep("image", "upload", str(tmp_path / "x"), "--name", "new")
    assert result.exit_code == 1
    assert "has a backing file" in result.stderr
    assert core.last("DELETE")
    assert "left behind" not in result.stderr


def test_a_core_that_still_reads_the_broken_upload_is_asked_again(skep, core, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    core.on("POST", "/images", Answer(image("new", state="uploading"), 201))
    core.on("PUT", "/images/id-of-new/content", problem(422, "unsafe_image", "no"))
    busy = problem(409, "upload_busy", "it is being uploaded")
    core.on("DELETE", "/images/id-of-new", busy, Answer({"run": run("queued")}, 202))
    result = skep("image", "upload", str(tmp_path / "x"), "--name", "new")
    assert [each.method for each in core.asked].count("DELETE") == 2
    assert "left behind" not in result.stderr


def test_an_image_that_cannot_be_taken_back_is_named(skep, core, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    core.on("POST", "/images", Answer(image("new", state="uploading"), 201))
    core.on("PUT", "/images/id-of-new/content", problem(422, "unsafe_image", "no"))
    assert (
        "image new is left behind"
        in skep("image", "upload", str(tmp_path / "x"), "--name", "new").stderr
    )


def test_an_unreadable_file_is_1_with_its_name(skep, core, tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"x")
    core.on("POST", "/images", Answer(image("new", state="uploading"), 201))

    def refuse(*_):
        raise PermissionError(13, "Permission denied", "x.qcow2")

    monkeypatch.setattr("skep.client.images.Images.upload", refuse)
    result = skep("image", "upload", str(tmp_path / "x"), "--name", "new")
    assert result.exit_code == 1
    assert "error: x.qcow2: Permission denied" in result.stderr


def test_a_defect_of_ours_is_not_hidden(skep, monkeypatch):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr("skep.cli.commands.pools.connect", broken)
    assert isinstance(skep("pool", "list").exception, ZeroDivisionError)


def test_every_command_has_help(skep):
    def paths(command, path):
        yield path
        for name in command.list_commands(None) if hasattr(command, "list_commands") else []:
            yield from paths(command.get_command(None, name), [*path, name])

    found = list(paths(cli, []))
    assert len(found) > 30
    for path in found:
        result = skep(*path, "--help")
        assert result.exit_code == 0, path
        assert len(result.stdout.splitlines()) > 4, path
