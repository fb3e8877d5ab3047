import json

import pytest
from tests.unit.client.placement.samples import RESERVATION_ID, preview, reservation, shortfall
from tests.unit.client.samples import RUN_ID, outcome, page, run
from tests.unit.client.scripted_core import Answer, problem

PATH = f"/reservations/{RESERVATION_ID}"
DOCUMENT = {"name": "shop", "groups": [{"name": "web", "image": "debian", "count": 2}]}


@pytest.fixture
def made(core):
    """Script a creation at a path, with what was left out."""

    def script(path, *shortfalls):
        answer = {"run": run("queued"), "reservation": RESERVATION_ID, "instances": []}
        core.on("POST", path, Answer({**answer, "shortfalls": list(shortfalls)}, 202))
        core.on("GET", f"/runs/{RUN_ID}", run("succeeded", outcome("web-1")))

    return script


def test_the_list_tells_the_states_of_the_instances(skep, core):
    core.on("GET", "/reservations", page(reservation()))
    result = skep("reservation", "list", "--limit", "3")
    assert core.last("GET").query == {"limit": "3"}
    row = result.stdout.splitlines()[1]
    assert row.startswith(f"{RESERVATION_ID}  web   partial  2      running 1, failed 1")


def test_name_is_the_id_that_commands_take(skep, core):
    core.on("GET", "/reservations", page(reservation(), reservation(id="other")))
    core.on("GET", PATH, reservation())
    assert skep("reservation", "list", "-o", "name").stdout == f"{RESERVATION_ID}\nother\n"
    shown = skep("reservation", "show", RESERVATION_ID, "-o", "name").stdout
    assert shown == f"{RESERVATION_ID}\n"


def test_show_tells_each_instance_with_its_reason(skep, core):
    instances = [
        {"id": "1", "name": "web-1", "state": "running", "cell": "cell-1", "reason": None},
        {
            "id": "2",
            "name": "web-2",
            "state": "failed",
            "cell": None,
            "reason": {"code": "no_disk", "msg": "disk \x1bfull"},
        },
    ]
    core.on("GET", PATH, reservation(instances=instances, runs=[RUN_ID]))
    out = skep("reservation", "show", RESERVATION_ID).stdout
    head, table = out.split("\n\n")
    assert RUN_ID in head
    assert "instances" not in head
    assert "partial" in head
    assert [line.split(maxsplit=3) for line in table.splitlines()] == [
        ["INSTANCE", "STATE", "CELL", "REASON"],
        ["web-1", "running", "cell-1", "-"],
        ["web-2", "failed", "-", "disk \\x1bfull"],
    ]


def test_a_reservation_is_retried_as_a_run(skep, core, made):
    made(f"{PATH}/retry")
    result = skep("reservation", "retry", RESERVATION_ID)
    assert result.exit_code == 0
    assert core.last("POST").json == {}
    assert f"run {RUN_ID} succeeded" in result.stderr


def test_canceled_runs_are_what_cancel_wants(skep, core):
    runs = [run("running"), run("queued", id="second")]
    core.on("POST", f"{PATH}/cancel", Answer({"run": runs[0], "runs": runs}, 202))
    for each in runs:
        ended = run("canceled", outcome(state="canceled"), id=each["id"])
        core.on("GET", f"/runs/{each['id']}", ended)
    result = skep("reservation", "cancel", RESERVATION_ID)
    assert result.exit_code == 0
    assert f"run {RUN_ID} canceled" in result.stderr
    assert "run second canceled" in result.stderr
    assert skep("run", "show", "second", "--wait").exit_code == 6


def test_nothing_to_cancel_is_5(skep, core):
    core.on("POST", f"{PATH}/cancel", problem(409, "invalid_state", "reservation is ready"))
    assert skep("reservation", "cancel", RESERVATION_ID).exit_code == 5


YAML = "name: shop\ngroups:\n  - {name: web, image: debian, count: 2}\n"


@pytest.mark.parametrize("text", [YAML, json.dumps(DOCUMENT, indent="\t"), f"\n{YAML}"])
def test_a_file_of_yaml_or_json_is_sent_as_it_is(skep, core, made, tmp_path, text):
    made("/reservations")
    (tmp_path / "shop").write_text(text)
    for file in ("-", str(tmp_path / "shop")):
        result = skep("reservation", "create", "-f", file, input=text)
        assert result.exit_code == 0
        assert core.last("POST").json == DOCUMENT
        assert result.stdout.splitlines()[1].split()[0] == "web-1"


def test_what_a_reservation_leaves_out_is_told_on_stderr(skep, made):
    made("/reservations", "db-2: 1 of 2 placed")
    result = skep("reservation", "create", "-f", "-", input=YAML)
    assert "fewer than asked for: db-2: 1 of 2 placed" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "just words",
        '{"groups": [',
        "a: [",
        "a: 2026-01-01",
        "a: .nan",
        "!!python/object/apply:os.system [id]",
        "a: \x00",
        "[" * 5000,
    ],
)
def test_a_file_that_is_no_mapping_is_2_and_asks_nothing(skep, core, text):
    result = skep("reservation", "create", "-f", "-", input=text)
    assert result.exit_code == 2
    assert "--file" in result.stderr
    assert core.asked == []


def test_a_file_that_is_no_text_is_2(skep, core, tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    assert skep("reservation", "create", "-f", str(tmp_path / "x")).exit_code == 2
    assert core.asked == []


def test_a_wrong_field_is_2_with_its_place(skep, core):
    errors = [{"pointer": "/groups/0/count", "code": "x", "message": "at least 1"}]
    core.on("POST", "/reservations", problem(422, "validation", "no", errors=errors))
    result = skep("reservation", "create", "-f", "-", input=YAML)
    assert result.exit_code == 2
    assert "/groups/0/count: at least 1" in result.stderr


@pytest.mark.parametrize("feasible", [True, False])
def test_a_dry_run_previews_the_file_and_makes_nothing(skep, core, feasible):
    answer = preview(feasible=feasible, shortfalls=[shortfall(fatal=not feasible)])
    core.on("POST", "/placements", answer)
    result = skep("reservation", "create", "-f", "-", "--dry-run", input=YAML)
    assert result.exit_code == (0 if feasible else 5)
    assert [each.path for each in core.asked] == ["/api/v1/placements"]
    assert core.last("POST").json == {"groups": DOCUMENT["groups"]}
