"""Flavors, groups, and the settings of pools and Cells: what is asked, and what is printed."""

import pytest
from tests.unit.client.placement.samples import RESERVATION_ID, flavor, group, reservation
from tests.unit.client.samples import RUN_ID, cell, page, pool
from tests.unit.client.scripted_core import Answer, problem


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (flavor(), ["medium", "2", "4096", "image's", "-"]),
        (flavor(needs={"kvm": True, "tags": ["ssd"], "vlans": []}), ["kvm yes, tags ssd"]),
        (group(max_per_cell=1), ["db", "anti-affinity", "1", "2"]),
    ],
)
def test_list_prints_a_row_per_object(skep, lists, answer, words):
    noun, path = ("group", "/instance-groups") if "policy" in answer else ("flavor", "/flavors")
    lists(path, answer)
    title, row = skep(noun, "list").stdout.splitlines()
    assert title.isupper()
    assert [word for word in words if word not in row] == []


@pytest.mark.parametrize(
    ("arguments", "path", "words"),
    [
        (["flavor", "list"], "/flavors", "skep flavor create"),
        (["group", "list"], "/instance-groups", "skep group create"),
        (["reservation", "list"], "/reservations", "skep instance create"),
    ],
)
def test_an_empty_table_tells_the_next_step(skep, lists, arguments, path, words):
    lists(path)
    result = skep(*arguments)
    assert (result.stdout, result.exit_code) == ("", 0)
    assert words in result.stderr


@pytest.mark.parametrize(
    ("path", "item", "words"),
    [
        ("/flavors/x", flavor("x", needs={"vlans": [7]}), "vlans 7"),
        ("/instance-groups/x", group("x"), "db-1, db-2"),
        ("/cells/x", cell("x"), "cores 1, memory_mib 1024, disk_gib 10"),
    ],
)
def test_show_prints_what_is_known(skep, core, path, item, words):
    core.on("GET", path, item)
    noun = path.split("/")[1].removeprefix("instance-").removesuffix("s")
    assert words in skep(noun, "show", "x").stdout


def test_a_flavor_is_made_with_its_needs(skep, core):
    core.on("POST", "/flavors", Answer(flavor("db"), 201))
    options = "--cores 4 --memory-mib 1024 --disk-gib 9 --need-kvm --tag ssd --label a=b -o name"
    assert skep("flavor", "create", "db", *options.split()).stdout == "db\n"
    assert core.last("POST").json == {
        "name": "db",
        "cores": 4,
        "memory_mib": 1024,
        "disk_gib": 9,
        "needs": {"kvm": True, "tags": ["ssd"], "labels": ["a=b"]},
    }


def test_a_plain_flavor_sends_no_needs(skep, core):
    core.on("POST", "/flavors", Answer(flavor("s"), 201))
    skep("flavor", "create", "s", "--cores", "1", "--memory-mib", "64")
    assert core.last("POST").json == {"name": "s", "cores": 1, "memory_mib": 64}


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ("--cores 8", {"cores": 8}),
        ("--disk-gib none", {"disk_gib": None}),
        ("--disk-gib 7 --memory-mib 9", {"disk_gib": 7, "memory_mib": 9}),
        ("--tag nvme", {"needs": {"kvm": True, "tags": ["nvme"]}}),
        ("--no-needs", {"needs": {}}),
        ("--no-needs --vlan 7", {"needs": {"vlans": [7]}}),
    ],
)
def test_a_flavor_is_changed_by_what_is_given_only(skep, core, options, changes):
    core.on("GET", "/flavors/db", flavor("db", needs={"kvm": True, "tags": ["ssd"]}))
    core.on("PATCH", "/flavors/db", flavor("db"))
    assert skep("flavor", "set", "db", *options.split()).exit_code == 0
    assert core.last("PATCH").json == changes


def test_needs_that_somebody_else_changed_meanwhile_are_not_overwritten(skep, core):
    core.on("GET", "/flavors/db", flavor("db", generation=4))
    core.on("PATCH", "/flavors/db", problem(412, "generation_conflict", "changed meanwhile"))
    assert skep("flavor", "set", "db", "--tag", "nvme").exit_code == 5
    assert core.last("PATCH").headers["if-match"] == '"4"'


def test_a_group_is_made_and_deleted(skep, core):
    core.on("POST", "/instance-groups", Answer(group("g"), 201))
    core.on("DELETE", "/instance-groups/g", Answer(None, 204))
    core.on("DELETE", "/flavors/f", Answer(None, 204))
    options = "--policy soft-affinity --max-per-cell 2 -o name"
    assert skep("group", "create", "g", *options.split()).stdout == "g\n"
    assert core.last("POST").json == {"name": "g", "policy": "soft-affinity", "max_per_cell": 2}
    assert skep("group", "delete", "g").stderr == "group g deleted\n"
    assert skep("flavor", "delete", "f").stderr == "flavor f deleted\n"


def test_a_group_with_members_is_5(skep, core):
    core.on("DELETE", "/instance-groups/g", problem(409, "instance_group_in_use", "2 members"))
    result = skep("group", "delete", "g")
    assert result.exit_code == 5
    assert "2 members" in result.stderr


def test_a_pool_is_made_with_policy_and_limits(skep, core):
    core.on("POST", "/pools", Answer(pool("batch"), 201))
    options = "--policy pack --multiplier turn=2 --load-limit 2.5 --io-limit none --max-instances 9"
    assert skep("pool", "create", "batch", *options.split()).exit_code == 0
    assert core.last("POST").json == {
        "name": "batch",
        "policy": "pack",
        "multipliers": {"turn": 2.0},
        "load_limit": 2.5,
        "io_limit": None,
        "max_instances": 9,
    }


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ("--policy nova", {"policy": "nova"}),
        ("--load-limit none --io-limit 4", {"load_limit": None, "io_limit": 4}),
        ("--multiplier a=1 --multiplier b=-2", {"multipliers": {"a": 1.0, "b": -2.0}}),
        ("--no-multipliers", {"multipliers": {}}),
        ("--cores-overcommit 2 --memory-overcommit 1.5 --disk-overcommit 1",
         {"cores_overcommit": 2.0, "memory_overcommit": 1.5, "disk_overcommit": 1.0}),
    ],
)  # fmt: skip
def test_a_pool_is_changed_by_what_is_given_only(skep, core, options, changes):
    core.on("PATCH", "/pools/default", pool())
    assert skep("pool", "set", "default", *options.split()).exit_code == 0
    assert core.last("PATCH").json == changes


def test_an_unknown_weigher_is_told_in_the_cores_words(skep, core):
    words = "weigher 'x' does not exist; there are: idle_cpu, turn"
    core.on("PATCH", "/pools/default", problem(422, "unknown_policy", words))
    result = skep("pool", "set", "default", "--multiplier", "x=1")
    assert result.exit_code == 1
    assert words in result.stderr


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ("--reserve-cores 0", {"reserved": {"cores": 0}}),
        ("--reserve-memory-mib 1024 --reserve-disk-gib 9",
         {"reserved": {"memory_mib": 1024, "disk_gib": 9}}),
        ("--max-instances 3", {"max_instances": 3}),
        ("--max-instances none", {"max_instances": None}),
        ("--tag ssd --tag r4", {"tags": ["ssd", "r4"]}),
        ("--label a=b --label c=d", {"labels": {"a": "b", "c": "d"}}),
        ("--no-tags --no-labels", {"tags": [], "labels": {}}),
    ],
)  # fmt: skip
def test_a_cell_is_changed_by_what_is_given_only(skep, core, options, changes):
    core.on("PATCH", "/cells/c", cell("c"))
    assert skep("cell", "set", "c", *options.split()).exit_code == 0
    assert core.last("PATCH").json == changes


def test_a_cell_is_refreshed_as_a_run(skep, accepts):
    accepts("POST", "/cells/c/refresh")
    result = skep("cell", "refresh", "c")
    assert result.exit_code == 0
    assert f"run {RUN_ID} succeeded" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["cell", "set", "c"],
        ["cell", "set", "c", "--tag", "a", "--no-tags"],
        ["cell", "set", "c", "--label", "a=b", "--no-labels"],
        ["cell", "set", "c", "--max-instances", "some"],
        ["cell", "set", "c", "--reserve-cores", "-1"],
        ["pool", "set", "p"],
        ["pool", "set", "p", "--multiplier", "a=1", "--no-multipliers"],
        ["pool", "set", "p", "--load-limit", "0"],
        ["flavor", "set", "f"],
        ["flavor", "create", "f", "--cores", "1"],
        ["group", "create", "g"],
        ["group", "create", "g", "--policy", "together"],
    ],
)
def test_an_empty_or_contradicting_change_is_2_and_asks_nothing(skep, core, arguments):
    assert skep(*arguments).exit_code == 2
    assert core.asked == []


NAMES = {
    "/flavors": flavor(),
    "/instance-groups": group(),
    "/cells": cell(),
    "/reservations": reservation(),
}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("flavor set m", "medium"),
        ("capacity --flavor m", "medium"),
        ("instance create x --group d", "db"),
        ("instance create x --cell c", "cell-1"),
        ("placement preview x --without-cell c", "cell-1"),
        ("group delete d", "db"),
        ("reservation retry 5", RESERVATION_ID),
        ("pool set x --policy n", "nova"),
    ],
)
def test_names_are_completed(skep, core, words, offered):
    for path, item in NAMES.items():
        core.on("GET", path, page(item))
    line = {"COMP_WORDS": f"skep {words}", "COMP_CWORD": str(len(words.split()))}
    result = skep(env={"_SKEP_COMPLETE": "bash_complete", **line})
    assert result.stdout == f"plain,{offered}\n"
