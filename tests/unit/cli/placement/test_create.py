"""`skep instance create`: what is asked of a Cell, and what is told of what was left out."""

import pytest
from tests.unit.client.placement.samples import preview, shortfall
from tests.unit.client.samples import RUN_ID, outcome, run
from tests.unit.client.scripted_core import Answer, problem

CREATE = ["instance", "create", "web", "--image", "debian"]


def test_a_plain_creation_leaves_sizes_to_the_core(skep, core, accepts):
    accepts("POST", "/instances")
    assert skep(*CREATE).exit_code == 0
    assert core.last("POST").json == {"name": "web", "image": "debian"}


def test_create_sends_every_size_and_place(skep, core, accepts):
    accepts("POST", "/instances", outcome("web-1"), outcome("web-2"))
    options = (
        "--count 2 --min-count 1 --flavor medium --cores 1 --memory-mib 512 --disk-gib 9"
        " --pool fast --group a --group b --max-per-cell 3 --cell cell-1 --cell cell-2"
        " --avoid-cell cell-9 -o name"
    )
    result = skep(*CREATE, *options.split(), "--query", '["=", "$cell.name", "x"]')
    assert (result.exit_code, result.stdout) == (0, "web-1\nweb-2\n")
    assert core.last("POST").json == {
        "name": "web",
        "image": "debian",
        "count": 2,
        "min_count": 1,
        "flavor": "medium",
        "cores": 1,
        "memory_mib": 512,
        "disk_gib": 9,
        "pool": "fast",
        "instance_groups": ["a", "b"],
        "max_per_cell": 3,
        "cells": ["cell-1", "cell-2"],
        "avoid_cells": ["cell-9"],
        "query": ["=", "$cell.name", "x"],
    }


def test_create_sends_every_need(skep, core, accepts):
    accepts("POST", "/instances")
    options = (
        "--need-kvm --architecture x86_64 --cpu-model EPYC --firmware efi --machine q35"
        " --network lab --network net --vlan 7 --vlan 8 --tag ssd --forbid-tag slow"
        " --label rack=r1 --label a=b=c --forbid-label tier=bronze"
    )
    assert skep(*CREATE, *options.split()).exit_code == 0
    assert core.last("POST").json["needs"] == {
        "kvm": True,
        "architecture": "x86_64",
        "cpu_model": "EPYC",
        "firmware": "efi",
        "machine": "q35",
        "networks": ["lab", "net"],
        "vlans": [7, 8],
        "tags": ["ssd"],
        "tags_forbidden": ["slow"],
        "labels": ["rack=r1", "a=b=c"],
        "labels_forbidden": ["tier=bronze"],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--query", "cell-1"], "not JSON"),
        (["--query", '{"a": 1}'], "a JSON list is needed"),
        (["--label", "rack"], "no = with something on both sides"),
        (["--forbid-label", "=x"], "no = with something on both sides"),
        (["--vlan", "4095"], "4095"),
        (["--min-count", "0"], "0"),
        (["--max-per-cell", "0"], "0"),
    ],
)
def test_a_condition_that_cannot_be_read_is_2_and_asks_nothing(skep, core, options, words):
    result = skep(*CREATE, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert options[0] in result.stderr
    assert core.asked == []


@pytest.mark.parametrize("more", [[], ["--no-wait"]])
def test_what_was_left_out_is_told_on_stderr_and_the_rest_is_made(skep, core, more):
    answer = {"run": run("queued"), "reservation": "r", "instances": []}
    words = "web-3: 2 of 3 placed, \x1b[31mnone of 9 Cells takes one more"
    core.on("POST", "/instances", Answer({**answer, "shortfalls": [words]}, 202))
    core.on("GET", f"/runs/{RUN_ID}", run("succeeded", outcome()))
    result = skep(*CREATE, "--count", "3", "--min-count", "2", *more)
    assert result.exit_code == 0
    assert "fewer than asked for: web-3: 2 of 3 placed, \\x1b[31mnone" in result.stderr
    assert "2 of 3" not in result.stdout


@pytest.mark.parametrize("code", ["no_valid_cell", "placement_conflict"])
def test_a_refused_placement_is_5_in_the_cores_words(skep, core, code):
    core.on("POST", "/instances", problem(409, code, "web: none of 9 Cells takes it"))
    result = skep(*CREATE)
    assert (result.exit_code, result.stdout) == (5, "")
    assert "none of 9 Cells takes it" in result.stderr
    assert code in result.stderr


def test_a_dry_run_asks_for_a_preview_and_makes_nothing(skep, core):
    core.on("POST", "/placements", preview())
    result = skep(*CREATE, "--count", "3", "--pool", "fast", "--tag", "ssd", "--dry-run")
    assert result.exit_code == 0
    assert "3 instances on 2 Cells" in result.stdout
    assert [(each.method, each.path) for each in core.asked] == [("POST", "/api/v1/placements")]
    assert core.last("POST").json == {
        "pool": "fast",
        "groups": [{"name": "web", "image": "debian", "count": 3, "needs": {"tags": ["ssd"]}}],
    }


@pytest.mark.parametrize("output", ["table", "json", "yaml", "name"])
def test_a_dry_run_that_does_not_fit_is_5(skep, core, output):
    answer = preview(feasible=False, assignments=[], split=[], shortfalls=[shortfall(fatal=True)])
    core.on("POST", "/placements", answer)
    result = skep(*CREATE, "--dry-run", "-o", output)
    assert result.exit_code == 5
    assert "nothing would be made" in result.stderr
