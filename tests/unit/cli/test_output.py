import json
from datetime import UTC, datetime

import pytest
import yaml
from tests.unit.client.samples import cell, instance
from tests.unit.client.scripted_core import Answer

from skep.cli.output import print_data, print_table

ESC = "\x1b[31mred\x1b]0;title\x07"
# Escape sequence, C1 control, right-to-left override, zero-width space, tag, line separator.
HOSTILE = f"{ESC}\x9b2J\u202egpj.exe\u200b\U000e0041\u2028日本"
ALIVE = ("\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\U000e0041", "\u2028")


def test_json_is_what_the_core_said(skep, lists):
    lists("/cells", cell())
    result = skep("cell", "list", "-o", "json")
    assert json.loads(result.stdout) == [cell()]
    assert result.stderr == ""


def test_yaml_is_what_the_core_said(skep, core):
    core.on("GET", "/cells/c", cell("c"))
    assert yaml.safe_load(skep("cell", "show", "c", "-o", "yaml").stdout)["capacity"]["cpus"] == 8


def test_name_is_a_name_a_line(skep, lists):
    lists("/instances", instance("a"), instance("b c"))
    assert skep("instance", "list", "-o", "name").stdout == "a\nb c\n"


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_an_empty_list_is_data_too(skep, lists, output):
    lists("/cells")
    result = skep("cell", "list", "-o", output)
    assert result.stdout == "[]\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "path", "words"),
    [
        (["cell", "list"], "/cells", "skep doctor"),
        (["image", "list"], "/images", "skep image upload"),
        (["instance", "list"], "/instances", "skep instance create"),
        (["instance", "list", "--state", "lost"], "/instances", "no instance matches"),
        (["run", "list"], "/runs", "no such run"),
        (["pool", "list"], "/pools", "skep pool create"),
    ],
)
def test_an_empty_table_tells_the_next_step_on_stderr(skep, lists, arguments, path, words):
    lists(path)
    result = skep(*arguments)
    assert (result.stdout, result.exit_code) == ("", 0)
    assert words in result.stderr


def test_cells_that_wait_are_pointed_out(skep, lists):
    lists("/cells", cell("cell-9", state="discovered", capacity=None, load=None, promised=None))
    result = skep("cell", "list")
    assert "skep cell accept cell-9 --pool" in result.stderr
    assert "discovered" in result.stdout


@pytest.mark.parametrize("output", ["table", "json", "yaml", "name"])
def test_a_hostile_name_is_shown_inert(skep, lists, output):
    lists("/instances", instance(HOSTILE, reason={"code": "x", "msg": HOSTILE}))
    result = skep("instance", "list", "-o", output, color=True)
    text = result.stdout.replace("\x1b[1m", "").replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert [each for each in ALIVE if each in text] == []
    assert "日本" in text


@pytest.mark.parametrize("output", ["table", "name"])
def test_a_hostile_name_stays_on_one_line(skep, lists, output):
    lists("/instances", instance("a\nfake-row  running"))
    result = skep("instance", "list", "-o", output)
    assert "a\\nfake-row" in result.stdout
    assert len(result.stdout.splitlines()) == (2 if output == "table" else 1)


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_data_survives_being_made_inert(capsys, output, load):
    data = {"name": HOSTILE, "list": [HOSTILE, "plain", "yes", "1", "\x7f"]}
    print_data(data, output)
    assert load(capsys.readouterr().out) == data


def test_a_hostile_problem_is_shown_inert(skep, core):
    body = {"detail": HOSTILE, "code": ESC, "request_id": ESC}
    core.on("GET", "/instances/x", Answer(body, 409, "application/problem+json"))
    result = skep("instance", "show", "x")
    assert [each for each in ALIVE if each in result.stderr] == []
    assert "\\x1b[31mred" in result.stderr


def test_a_table_has_no_ansi_when_stdout_is_no_terminal(skep, lists):
    lists("/cells", cell())
    assert "\x1b" not in skep("cell", "list").output


def test_a_table_has_colours_on_a_terminal(skep, lists):
    lists("/cells", cell())
    assert "\x1b[32monline" in skep("cell", "list", color=True).stdout


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})],
)
def test_colours_can_be_refused(skep, lists, arguments, env):
    lists("/cells", cell())
    assert "\x1b" not in skep(*arguments, "cell", "list", color=True, env=env).output


def test_wide_characters_keep_the_columns(capsys):
    print_table(["A", "B"], [["日本", "x"], ["e\u0301", "y"], ["abcd", "z"]])
    assert capsys.readouterr().out.splitlines() == [
        "A     B",
        "日本  x",
        "e\u0301     y",
        "abcd  z",
    ]


def test_values_read_as_a_person_writes_them(capsys):
    when = datetime(2026, 11, 20, 9, 42, 50, tzinfo=UTC)
    print_table(["A"] * 6, [[None, True, 0.5, when, ["x", "y"], {"k": 1}]])
    row = capsys.readouterr().out.splitlines()[1]
    assert row == "-  yes  0.5  2026-11-20 09:42:50Z  x, y  k 1"


def test_a_long_value_is_never_cut(skep, lists):
    message = "reason " * 80
    lists("/instances", instance(reason={"code": "x", "msg": message}))
    assert message.strip() in skep("instance", "list").stdout


def test_a_name_that_the_terminal_cannot_show_is_escaped(process, lists):
    lists("/instances", instance("日本"))
    done = process(
        "instance", "list", "-o", "name", env={"PYTHONIOENCODING": "latin-1"}, stdout=-1, stderr=-1
    )
    out, err = done.communicate(timeout=20)
    assert (done.returncode, out, err) == (0, b"\\u65e5\\u672c\n", b"")
