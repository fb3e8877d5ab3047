import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.client.samples import cell, image, page, status
from tests.unit.client.scripted_core import ScriptedCore, problem

from skep.cli.commands.doctor import check_certificate, check_images
from skep.client.images import Image


@pytest.fixture
def healthy(core):
    core.on("GET", "/status", status())
    core.on("GET", "/cells", page(cell("cell-1"), cell("cell-2")))
    core.on("GET", "/images", page(image()))
    return core


def _levels(result):
    return [line.split()[:2] for line in result.stdout.splitlines() if not line.startswith(" ")]


def test_a_healthy_zone_is_ok_throughout(skep, healthy):
    result = skep("doctor")
    assert result.exit_code == 0
    checks = ["core", "certificate", "version", "database", "discovery", "cells", "kvm", "images"]
    assert _levels(result) == [["ok", check] for check in checks]
    assert "valid for 90 more days" in result.stdout
    assert "next:" not in result.stdout


@pytest.mark.parametrize(
    ("more", "finding", "words"),
    [
        ({"version": "9.9"}, "warn version", "install the same version"),
        ({"database": "locked"}, "fail database", "read the Core's log"),
        ({"discovery": {"received": 0}}, "warn discovery", "multicast to 224.0.0.226:5599"),
        (
            {"discovery": {"received": 5, "dropped": {"bad_signature": 3}}},
            "warn discovery",
            "forges",
        ),
        ({"discovery": {"received": 5, "dropped": {"skewed": 3}}}, "warn discovery", "clocks"),
        (
            {"discovery": {"received": 5, "dropped": {"foreign_domain": 3, "skewed": 0}}},
            "ok discovery",
            "dropped 3 foreign_domain",
        ),
    ],
)
def test_what_the_core_says_is_judged(skep, healthy, more, finding, words):
    healthy.on("GET", "/status", status(**more))
    result = skep("doctor")
    assert finding.split() in _levels(result)
    assert words in result.stdout
    assert result.exit_code == (1 if finding.startswith("fail") else 0)


@pytest.mark.parametrize(
    ("cells", "finding", "words"),
    [
        ([], "fail cells", "start the Cell daemon"),
        ([cell("c", state="discovered")], "fail cells", "skep cell accept c --pool default"),
        ([cell("a"), cell("b", state="offline")], "warn cells", "is b up"),
        ([cell("a", conflict="duplicate_identity")], "fail cells", "share one identity key"),
        ([cell("a", kvm="unusable"), cell("b")], "warn kvm", "unusable on a"),
        ([cell("a", kvm="unknown")], "warn kvm", "not probed yet on a"),
    ],
)
def test_the_cells_are_judged(skep, healthy, cells, finding, words):
    healthy.on("GET", "/cells", page(*cells))
    result = skep("doctor")
    assert finding.split() in _levels(result)
    assert words in result.stdout
    assert result.exit_code == (1 if finding.startswith("fail") else 0)


def test_no_ready_image_is_a_warning_with_the_next_step():
    assert check_images([]).next == "`skep image upload FILE --name NAME`"
    assert check_images([Image(id="1", name="a", state="failed")]).level == "warn"


@pytest.mark.parametrize(("days", "level"), [(90, "ok"), (30, "ok"), (29, "warn"), (1, "warn")])
def test_a_certificate_is_renewed_in_time(days, level):
    now = datetime(2026, 11, 20, tzinfo=UTC)
    found = check_certificate(now + timedelta(days=days, hours=1), now)
    assert found.level == level
    assert str(days) in found.message


def test_the_days_left_are_those_of_the_certificate_on_the_wire(skep, authority):
    core = ScriptedCore(authority.issue(days=7))
    core.start()
    core.on("GET", "/status", status())
    core.on("GET", "/cells", page(cell()))
    core.on("GET", "/images", page(image()))
    result = skep("doctor", env={"SKEP_URL": core.url})
    core.stop()
    assert "valid for 7 more days" in result.stdout
    assert ["warn", "certificate"] in _levels(result)


def test_a_stopped_core_fails_with_8(skep, core):
    core.stop()
    result = skep("doctor")
    core.start()
    assert result.exit_code == 8
    assert _levels(result) == [["fail", "core"]]


def test_a_wrong_token_fails_with_4_after_what_can_be_told(skep, core):
    core.on("GET", "/status", problem(401, "bad_token", "unknown token"))
    result = skep("doctor")
    assert result.exit_code == 4
    assert _levels(result) == [["ok", "core"], ["ok", "certificate"], ["fail", "core"]]


def test_an_unset_address_fails_with_2(skep):
    assert skep("doctor", env={"SKEP_URL": None}).exit_code == 2


def test_findings_are_data_too(skep, healthy):
    found = json.loads(skep("doctor", "-o", "json").stdout)
    assert found[0].keys() == {"level", "check", "message", "next"}
    assert skep("doctor", "-o", "name").stdout.splitlines()[0] == "ok core"


def test_a_hostile_finding_is_inert(skep, healthy):
    healthy.on("GET", "/status", status(version="\x1b[31m", database="\x1b]0;x\x07"))
    result = skep("doctor", color=False)
    assert "\x1b" not in result.stdout
