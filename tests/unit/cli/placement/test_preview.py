import json

import pytest
from tests.unit.client.placement.samples import explanation, preview, refusal, shortfall, verdict
from tests.unit.client.scripted_core import Answer, problem

PREVIEW = ["placement", "preview", "web", "--image", "debian"]


def _rows(text, title):
    """Return the words of each line of the table that starts with this title."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title))
    table = lines[start:]
    return [line.split() for line in table[: table.index("") if "" in table else None]]


@pytest.fixture
def answers(core):
    return lambda **more: core.on("POST", "/placements", preview(**more))


def test_the_split_tells_how_many_and_which_each_cell_gets(skep, answers):
    answers()
    result = skep(*PREVIEW)
    assert result.exit_code == 0
    assert result.stdout.startswith("3 instances on 2 Cells\n")
    assert _rows(result.stdout, "CELL    COUNT") == [
        ["CELL", "COUNT", "INSTANCES"],
        ["cell-2", "2", "web-1,", "web-3"],
        ["cell-1", "1", "web-2"],
    ]


def test_many_instances_of_one_cell_are_counted(skep, answers):
    placed = [{"instance": f"w-{number}", "cell": "cell-1"} for number in range(1, 11)]
    answers(assignments=placed, split=[{"cell": "cell-1", "count": 10}], decision=None)
    assert "10     w-1, w-2, w-3, w-4, w-5, w-6 and 4 more" in skep(*PREVIEW).stdout


def test_cells_are_ranked_with_the_weighers_on_which_they_differ(skep, answers):
    answers()
    out = skep(*PREVIEW).stdout
    assert "web-1 goes to cell-2: policy spread, 2 of 3 Cells accepted" in out
    assert _rows(out, "RANK")[:3] == [
        ["RANK", "CELL", "SCORE", "FREE_MEMORY"],
        ["1", "cell-2", "8.500", "1.750"],
        ["2", "cell-1", "7.500", "1.250"],
    ]
    assert "equal scores: a permutation of the Cells with seed 7" in out


def test_refused_cells_tell_each_failing_filter_in_words(skep, answers):
    answers()
    out = skep(*PREVIEW).stdout
    assert "refused, counted under the first filter: enabled 1" in out
    assert _rows(out, "CELL    FILTER")[1:] == [
        ["cell-3", "enabled", "disabled"],
        ["cell-3", "memory", "768", "MiB", "free,", "4096", "needed"],
    ]


def test_what_is_missing_is_told_in_words_and_still_fits(skep, answers):
    answers(shortfalls=[shortfall(fatal=False)])
    result = skep(*PREVIEW)
    assert result.exit_code == 0
    assert "fewer than asked for: web-3: 2 of 3 placed, none of 2 Cells" in result.stdout


def test_nothing_fits_is_5_with_reasons_and_a_next_step(skep, answers):
    decision = explanation(
        refusal("cell-1", ("memory", "1 MiB free, 2 needed")),
        cell=None,
        removed=[{"filter": "memory", "count": 1}],
    )
    shortfalls = [shortfall(fatal=True)]
    answers(feasible=False, assignments=[], split=[], shortfalls=shortfalls, decision=decision)
    result = skep(*PREVIEW)
    assert result.exit_code == 5
    assert result.stdout.startswith("web-3: 2 of 3 placed")
    assert "web-1 goes nowhere: policy spread, 0 of 1 Cell accepted" in result.stdout
    assert "1 MiB free, 2 needed" in result.stdout
    assert "RANK" not in result.stdout
    assert "add a Cell" in result.stderr


def test_what_would_fit_alone_is_not_told_to_fit(skep, answers):
    decision = explanation(verdict("cell-1", 1, 1.0), cell=None)
    answers(feasible=False, assignments=[], split=[], decision=decision)
    words = "web-1 goes nowhere beside the others; alone: policy spread, 1 of 1 Cell accepted"
    assert words in skep(*PREVIEW).stdout


def test_cells_left_out_by_the_limit_are_counted(skep, answers):
    removed = [{"filter": "tags", "count": 40}]
    answers(decision=explanation(verdict("cell-2", 1, 1.0), accepted=12, removed=removed))
    result = skep(*PREVIEW, "--limit", "1")
    assert "51 more Cells; --limit shows more of them" in result.stderr
    assert "counted under the first filter: tags 40" in result.stdout


def test_a_what_if_is_sent_whole(skep, core, answers):
    answers()
    options = (
        "--without-cell cell-1 --without-cell cell-2 --with-cell new:16:65536:500:2"
        " --with-cell one:4:1024:10 --policy pack --multiplier idle_cpu=-2.5 --multiplier turn=1"
        " --explain web-3 --limit 7 --flavor small --pool fast"
    )
    assert skep(*PREVIEW, *options.split()).exit_code == 0
    assert core.last("POST").json == {
        "pool": "fast",
        "groups": [{"name": "web", "image": "debian", "flavor": "small"}],
        "policy": "pack",
        "multipliers": {"idle_cpu": -2.5, "turn": 1.0},
        "remove_cells": ["cell-1", "cell-2"],
        "add_cells": [
            {"name": "new", "cpus": 16, "memory_mib": 65536, "disk_gib": 500, "count": 2},
            {"name": "one", "cpus": 4, "memory_mib": 1024, "disk_gib": 10},
        ],
        "explain": "web-3",
        "limit": 7,
    }


def test_a_plain_preview_asks_for_nothing_imagined(skep, core, answers):
    answers()
    skep(*PREVIEW)
    assert core.last("POST").json == {"groups": [{"name": "web", "image": "debian"}]}


@pytest.mark.parametrize(
    "options",
    [
        ["--with-cell", "new"],
        ["--with-cell", "new:1:2"],
        ["--with-cell", "new:1:2:3:4:5"],
        ["--with-cell", ":1:2:3"],
        ["--with-cell", "new:1:2:x"],
        ["--with-cell", "new:1:2:-3"],
        ["--multiplier", "idle_cpu"],
        ["--multiplier", "idle_cpu=much"],
        ["--policy", "best"],
        ["--limit", "0"],
    ],
)
def test_a_what_if_that_cannot_be_read_is_2_and_asks_nothing(skep, core, options):
    result = skep(*PREVIEW, *options)
    assert result.exit_code == 2
    assert options[0] in result.stderr
    assert core.asked == []


def test_an_unknown_cell_of_a_what_if_is_3(skep, core):
    core.on("POST", "/placements", problem(404, "cell_not_found", "Cell 'x' does not exist"))
    assert skep(*PREVIEW, "--without-cell", "x").exit_code == 3


def test_json_is_what_the_core_said(skep, answers):
    answers()
    assert json.loads(skep(*PREVIEW, "-o", "json").stdout) == preview()


def test_name_is_one_instance_a_line(skep, answers):
    answers()
    assert skep(*PREVIEW, "-o", "name").stdout == "web-1\nweb-2\nweb-3\n"


def test_what_cells_say_is_shown_inert(skep, answers):
    hostile = "\x1b[2Jcell\u202e"
    decision = explanation(
        verdict(hostile, 1, 1.0),
        refusal("c", ("tags", hostile)),
        instance=hostile,
        tie=hostile,
        removed=[{"filter": hostile, "count": 1}],
    )
    bad = {**shortfall(fatal=False), "words": hostile}
    assigned = [{"instance": hostile, "cell": hostile}]
    split = [{"cell": hostile, "count": 1}]
    answers(assignments=assigned, split=split, shortfalls=[bad], decision=decision)
    for output in ("table", "json", "yaml", "name"):
        out = skep(*PREVIEW, "-o", output).stdout
        assert [each for each in "\x1b\u202e" if each in out] == []
        assert "cell" in out


TEXT = "web-1 is on cell-2\nPolicy spread; 2 of 9 Cells accepted\n"


def test_explain_prints_the_cores_text(skep, core):
    core.on("GET", "/instances/web-1/explanation", Answer(TEXT.encode(), kind="text/plain"))
    result = skep("instance", "explain", "web-1", "--limit", "9")
    assert (result.exit_code, result.stdout) == (0, TEXT)
    assert core.last("GET").headers["accept"] == "text/plain"
    assert core.last("GET").query == {"limit": "9"}


def test_an_explanations_text_is_shown_inert_line_by_line(skep, core):
    answer = Answer("a\x1b[2J\n\tb\u202e\r\n".encode(), kind="text/plain")
    core.on("GET", "/instances/x/explanation", answer)
    assert skep("instance", "explain", "x").stdout == "a\\x1b[2J\n\\tb\\u202e\\r\n"


def test_explain_as_json_is_the_document(skep, core):
    document = explanation(verdict("cell-2", 1, 8.5), refusal("cell-1", ("memory", "x")))
    core.on("GET", "/instances/web-1/explanation", document)
    result = skep("instance", "explain", "web-1", "-o", "json")
    assert json.loads(result.stdout) == document
    assert core.last("GET").headers["accept"] != "text/plain"
    assert skep("instance", "explain", "web-1", "-o", "name").stdout == "cell-2\ncell-1\n"
