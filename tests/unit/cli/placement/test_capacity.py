import json

import pytest
from tests.unit.client.placement.samples import room
from tests.unit.client.scripted_core import problem


@pytest.fixture
def answers(core):
    return lambda *rooms: core.on("GET", "/capacity", {"pool": "default", "items": list(rooms)})


def test_each_flavor_is_a_row_with_now_and_after_a_loss(skep, core, answers):
    answers(room("small", now=40), room("large", now=3, after_loss=0, survives=False))
    result = skep("capacity")
    assert core.last("GET").query == {"pool": "default"}
    title, *rows = result.stdout.splitlines()
    assert title.split()[4:] == ["NOW", "AFTER_LOSS", "WORST_CELL", "DISPLACED", "N+1"]
    assert [row.split() for row in rows] == [
        ["small", "2", "4096", "1", "40", "5", "cell-2", "3", "yes"],
        ["large", "2", "4096", "1", "3", "0", "cell-2", "3", "no"],
    ]
    assert result.exit_code == 0


def test_a_cell_that_cannot_be_lost_is_pointed_out_once(skep, answers):
    answers(room("a", survives=False), room("b", survives=False), room("c"))
    assert skep("capacity").stderr == (
        "pool default can't lose cell-2: what runs there fits nowhere else; add a Cell\n"
    )


def test_one_size_shows_the_room_of_each_cell_too(skep, core, answers):
    answers(room())
    out = skep("capacity", "--pool", "default", "--flavor", "medium").stdout
    assert core.last("GET").query == {"pool": "default", "flavor": "medium"}
    assert [line.split() for line in out.split("\n\n")[1].splitlines()] == [
        ["CELL", "NOW"],
        ["cell-1", "8"],
        ["cell-2", "4"],
    ]


def test_a_size_of_ones_own_needs_no_flavor(skep, core, answers):
    answers(room(None, now=0, after_loss=0, worst_cell=None, cells=[]))
    result = skep("capacity", "--cores", "2", "--memory-mib", "4096", "--disk-gib", "9")
    asked = {"pool": "default", "cores": "2", "memory_mib": "4096", "disk_gib": "9"}
    assert core.last("GET").query == asked
    assert result.stdout.splitlines()[1].split()[:1] == ["2x4096"]
    assert result.stdout.count("\n") == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--cores", "2"],
        ["--memory-mib", "512"],
        ["--flavor", "small", "--cores", "2", "--memory-mib", "512"],
    ],
)
def test_half_a_size_or_two_of_them_is_2_and_asks_nothing(skep, core, options):
    assert skep("capacity", *options).exit_code == 2
    assert core.asked == []


def test_no_flavor_tells_what_to_do(skep, answers):
    answers()
    result = skep("capacity")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "skep flavor create" in result.stderr


def test_json_is_what_the_core_said_and_names_are_flavors(skep, answers):
    answers(room("small"), room("large"))
    shown = json.loads(skep("capacity", "-o", "json").stdout)
    assert shown == {"pool": "default", "items": [room("small"), room("large")]}
    assert skep("capacity", "-o", "name").stdout == "small\nlarge\n"


def test_an_unknown_pool_is_3(skep, core):
    core.on("GET", "/capacity", problem(404, "pool_not_found", "pool 'x' does not exist"))
    assert skep("capacity", "--pool", "x").exit_code == 3
