"""What users do and what goes wrong, on light Cells."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.lab.cluster import full_disk, stopped_libvirt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.lab.cluster import Cluster

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
CELLS = ["cell1", "cell2"]
SMALL = ("--image", "demo", "--memory-mib", "128")
HOSTILE = "{{ lookup('pipe','id') }}"


@pytest.fixture(scope="module")
def cluster(
    raise_cluster: Callable[[str], AbstractContextManager[Cluster]],
) -> Iterator[Cluster]:
    with raise_cluster("light") as made:
        made.wait_for_cells("discovered", CELLS)
        yield made


def test_an_instance_before_the_first_cell_is_refused_with_the_next_step(cluster: Cluster) -> None:
    cluster.upload_demo()
    done = cluster.skep("instance", "create", "early", *SMALL, check=False)
    assert done.returncode == 5
    assert "skep cell accept" in done.stderr


def test_site_yml_changes_nothing_on_members(cluster: Cluster) -> None:
    cluster.accept(CELLS)
    cluster.wait_for_cells("online", CELLS)
    recap = re.findall(r"^(cell\d)\s+: ok=\d+\s+changed=(\d+)", cluster.site(), re.MULTILINE)
    assert dict(recap) == {"cell1": "0", "cell2": "0"}


def test_the_placement_can_be_explained(cluster: Cluster) -> None:
    cluster.skep("instance", "create", "web", *SMALL)
    said = json.loads(cluster.skep("instance", "explain", "web", "-o", "json").stdout)
    assert {each["cell"] for each in said["cells"]} == set(CELLS)


def test_reboot_boots_the_guest_again(cluster: Cluster) -> None:
    cluster.wait_for_guest("web")
    cluster.skep("instance", "reboot", "web")
    cluster.wait(lambda: cluster.console("web").count("SKEP-GUEST-READY") > 1, "web rebooted", 120)


def test_a_name_that_looks_like_a_template_stays_a_name(cluster: Cluster) -> None:
    cluster.skep("instance", "create", HOSTILE, *SMALL)
    seen = next(each for each in cluster.items("instance") if each["name"] == HOSTILE)
    xml = cluster.domain_xml(seen["cell"], seen["id"])
    assert "lookup(" in xml
    assert "uid=0" not in xml
    cluster.skep("instance", "delete", HOSTILE)


def test_a_guest_that_stops_by_itself_is_stopped_in_the_api(cluster: Cluster) -> None:
    seen = cluster.show("instance", "web")
    cluster.virsh(seen["cell"], "shutdown", seen["id"])
    cluster.wait(lambda: cluster.states()["web"] == "stopped", "web stopped", 30)
    cluster.skep("instance", "start", "web")


def test_not_enough_memory_anywhere_names_the_reason_per_cell(cluster: Cluster) -> None:
    huge = ("--image", "demo", "--memory-mib", "999999")
    done = cluster.skep("instance", "create", "huge", *huge, check=False)
    assert done.returncode == 5
    for cell in CELLS:
        assert cell in done.stderr
    assert "999999 needed" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("instance", "create", "x", "--image", "nope"), 3, "nope"),
        (("instance", "create", "web", *SMALL), 5, "exists already"),
        (("instance", "show", "nobody"), 3, "nobody"),
        (("instance", "migrate", "web", "--to", "mars"), 3, "mars"),
    ],
)
def test_errors_name_the_object(
    cluster: Cluster, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = cluster.skep(*arguments, check=False)
    assert done.returncode == code
    assert words in done.stderr


def test_a_file_that_is_no_image_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    text = tmp_path / "text.qcow2"
    text.write_text("no image at all\n" * 1000)
    done = cluster.skep("image", "upload", str(text), "--name", "text", check=False)
    assert done.returncode == 1
    assert "no usable disk image: found raw, wanted qcow2" in done.stderr


def test_a_wrong_token_is_refused(cluster: Cluster) -> None:
    done = cluster.skep("cell", "list", check=False, token="skep_wrong")  # noqa: S106 - a wrong one
    assert done.returncode == 4
    assert "bad_token" in done.stderr


def test_a_cell_whose_disk_fills_up_fails_its_own_instances_only(cluster: Cluster) -> None:
    with full_disk(cluster, "cell2"):
        cluster.skep("instance", "create", "fat", "--count", "4", *SMALL, check=False)
    fat = cluster.outcomes("fat-")
    assert fat["cell1"] == {("running", None)}
    # Nothing is left of them on cell2, so they are on no Cell now.
    assert fat[None] == {("failed", "disk_full")}
    assert len(cluster.volumes("cell2").split()) == len(cluster.domains("cell2"))


def test_the_failed_part_of_a_reservation_is_retried_alone(cluster: Cluster) -> None:
    reservation = cluster.show("instance", "fat-1")["reservation"]
    assert cluster.show("reservation", reservation)["state"] == "partial"
    cluster.skep("reservation", "retry", reservation)
    found = cluster.show("reservation", reservation)
    assert (found["state"], found["states"]) == ("ready", {"running": 4})
    cluster.skep("instance", "delete", *(f"fat-{n}" for n in range(1, 5)), "--yes")


def test_libvirt_down_on_one_cell_fails_that_cells_instances_only(cluster: Cluster) -> None:
    with stopped_libvirt(cluster, "cell2"):
        cluster.skep("instance", "create", "half", "--count", "4", *SMALL, check=False)
    half = cluster.outcomes("half-")
    assert half["cell1"] == {("running", None)}
    assert half["cell2"] == {("failed", "libvirt_unavailable")}
    cluster.skep("instance", "delete", *(f"half-{n}" for n in range(1, 5)), "--yes")


def test_instances_of_a_group_stay_apart_also_when_one_migrates(cluster: Cluster) -> None:
    cluster.skep("group", "create", "quorum", "--policy", "anti-affinity")
    cluster.skep("instance", "create", "db", "--count", "2", "--group", "quorum", *SMALL)
    places = {each["name"]: each["cell"] for each in cluster.items("instance")}
    assert {places["db-1"], places["db-2"]} == set(CELLS)
    refused = cluster.skep("instance", "create", "db-3", "--group", "quorum", *SMALL, check=False)
    assert refused.returncode == 5
    assert "quorum" in refused.stderr
    refused = cluster.skep("instance", "migrate", "db-1", check=False)
    assert refused.returncode == 5
    cluster.skep("instance", "delete", "db-1", "db-2", "--yes")
    cluster.skep("group", "delete", "quorum")


def test_an_instance_migrates_to_where_it_fits_best(cluster: Cluster) -> None:
    before = cluster.show("instance", "web")["cell"]
    cluster.skep("instance", "migrate", "web")
    after = cluster.show("instance", "web")["cell"]
    assert {before, after} == set(CELLS)
    said = cluster.skep("instance", "explain", "web").stdout
    assert said.startswith(f"web (1 core, 128 MiB memory, 1 GiB disk) is on {after}")
    assert f"{before}" in said


def test_what_is_tried_is_not_made(cluster: Cluster) -> None:
    tried = cluster.skep("instance", "create", "many", "--count", "3", "--dry-run", *SMALL)
    assert "cell1" in tried.stdout
    assert not [name for name in cluster.names("instance") if name.startswith("many")]
    fits = json.loads(cluster.skep("capacity", "--flavor", "tiny", "-o", "json").stdout)
    assert fits["items"][0]["now"] > 0
    assert fits["items"][0]["worst_cell"] in CELLS


def test_an_image_in_use_stays_and_an_unused_one_leaves_core_and_cells(cluster: Cluster) -> None:
    refused = cluster.skep("image", "delete", "demo", check=False)
    assert refused.returncode == 5
    cluster.skep("instance", "delete", "web")
    cluster.skep("image", "delete", "demo")
    assert cluster.names("image").isdisjoint({"demo"})
    for cell in CELLS:
        assert cluster.lab.cells[cell].ssh(["ls", "/var/lib/skep/images"]).stdout == ""


def test_a_removed_cell_is_listed_as_discovered_again(cluster: Cluster) -> None:
    cluster.skep("cell", "remove", "cell2")
    cluster.wait_for_cells("discovered", ["cell2"])
    assert cluster.show("cell", "cell2")["pool"] is None
