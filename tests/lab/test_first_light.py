"""From two announced Cells to running, migrating and surviving instances; once per kind of Cell."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING

import pytest
from tests.lab import Lab
from tests.lab.cluster import Cluster, full_disk, stopped_libvirt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]
CELLS = ["cell1", "cell2"]
NAMES = [f"web-{number}" for number in range(1, 7)]
HOSTILE = "{{ lookup('pipe','id') }}"
SMALL = ("--image", "demo", "--memory-mib", "128")
READY_S = 240


@pytest.fixture(scope="module", params=["light", pytest.param("full", marks=pytest.mark.full)])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, demo_image: Path
) -> Iterator[Cluster]:
    with Lab.up(cells=2, full=request.param == "full") as lab:
        made = Cluster(lab, tmp_path_factory.mktemp("core"), demo_image)
        made.prepare()
        made.start_core()
        yield made
        made.stop_core()


def is_full(cluster: Cluster) -> bool:
    return cluster.lab.record.kind == "full"


def ready(cluster: Cluster, instance: str) -> bool:
    return "SKEP-GUEST-READY" in cluster.console(instance)


def ticks(cluster: Cluster, instance: str) -> list[int]:
    return [
        int(each) for each in re.findall(r"^tick (\d+)", cluster.console(instance), re.MULTILINE)
    ]


def states(cluster: Cluster) -> dict[str, str]:
    return {each["name"]: each["state"] for each in cluster.items("instance")}


def test_cells_appear_as_discovered_with_their_fingerprint(cluster: Cluster) -> None:
    cluster.wait_for_cells("discovered", CELLS)
    for cell in cluster.items("cell"):
        assert cell["fingerprint"].startswith("SHA256:")
        assert cell["pool"] is None


def test_an_instance_before_the_first_cell_is_refused_with_the_next_step(cluster: Cluster) -> None:
    cluster.skep("image", "upload", str(cluster.demo_image), "--name", "demo")
    done = cluster.skep("instance", "create", "early", *SMALL, check=False)
    assert done.returncode == 5
    assert "skep cell accept" in done.stderr


def test_accepted_cells_come_online(cluster: Cluster) -> None:
    for cell in CELLS:
        cluster.skep("cell", "accept", cell, "--pool", "default", "--yes")
    cluster.wait_for_cells("online", CELLS)


def test_the_kvm_probe_boots_a_guest_to_know(cluster: Cluster) -> None:
    wanted = "usable" if is_full(cluster) else "unusable"
    cluster.wait(
        lambda: {each["kvm"] for each in cluster.items("cell")} == {wanted}, f"kvm {wanted}", 120
    )


def test_site_yml_changes_nothing_the_second_time(cluster: Cluster) -> None:
    recap = re.findall(r"^(cell\d)\s+: ok=\d+\s+changed=(\d+)", cluster.site(), re.MULTILINE)
    assert dict(recap) == {"cell1": "0", "cell2": "0"}


def test_a_reservation_of_six_spreads_and_every_guest_gets_ready(cluster: Cluster) -> None:
    cluster.skep("instance", "create", "web", "--count", "6", *SMALL)
    placed = [each["cell"] for each in cluster.items("instance")]
    assert sorted(placed) == ["cell1"] * 3 + ["cell2"] * 3
    for name in NAMES:
        cluster.wait(lambda name=name: ready(cluster, name), f"{name} ready", READY_S)
    wanted = "kvm" if is_full(cluster) else "qemu"
    for cell in CELLS:
        for uuid in cluster.domains(cell):
            xml = cluster.lab.cells[cell].ssh(["virsh", "-c", "qemu:///system", "dumpxml", uuid])
            assert f"<domain type='{wanted}'" in xml.stdout


def test_the_placement_can_be_explained(cluster: Cluster) -> None:
    said = json.loads(cluster.skep("instance", "explain", "web-1", "-o", "json").stdout)
    assert {each["cell"] for each in said["cells"]} == set(CELLS)


def test_stop_start_and_delete(cluster: Cluster) -> None:
    identity = cluster.show("instance", "web-6")["id"]
    cell = cluster.show("instance", "web-6")["cell"]
    cluster.skep("instance", "stop", "web-6")
    assert cluster.show("instance", "web-6")["state"] == "stopped"
    assert cluster.domains(cell)[identity] == "shut off"
    cluster.skep("instance", "start", "web-6")
    assert cluster.domains(cell)[identity] == "running"
    cluster.skep("instance", "delete", "web-6")
    assert identity not in cluster.domains(cell)
    assert "web-6" not in states(cluster)
    volumes = cluster.lab.cells[cell].ssh(["ls", "/var/lib/skep/volumes"]).stdout
    assert identity not in volumes


def test_reboot_boots_the_guest_again(cluster: Cluster) -> None:
    before = cluster.console("web-5").count("SKEP-GUEST-READY")
    cluster.skep("instance", "reboot", "web-5")
    cluster.wait(
        lambda: cluster.console("web-5").count("SKEP-GUEST-READY") > before, "rebooted", READY_S
    )


def test_a_name_that_looks_like_a_template_stays_a_name(cluster: Cluster) -> None:
    cluster.skep("instance", "create", HOSTILE, *SMALL)
    listed = {each["name"]: each for each in cluster.items("instance")}
    cell = listed[HOSTILE]["cell"]
    xml = cluster.lab.cells[cell].ssh(
        ["virsh", "-c", "qemu:///system", "dumpxml", listed[HOSTILE]["id"]]
    )
    assert "lookup(" in xml.stdout
    assert "uid=0" not in xml.stdout
    cluster.skep("instance", "delete", HOSTILE)


def test_a_running_instance_migrates_live_with_its_disk(cluster: Cluster) -> None:
    before = cluster.show("instance", "web-1")
    target = "cell2" if before["cell"] == "cell1" else "cell1"
    last = ticks(cluster, "web-1")[-1]
    cluster.skep("instance", "migrate", "web-1", "--to", target)
    after = cluster.show("instance", "web-1")
    assert (after["cell"], after["state"]) == (target, "running")
    assert before["id"] not in cluster.domains(before["cell"])
    assert cluster.domains(target)[before["id"]] == "running"
    # The log on the target starts with the first line after the switch: the counter went on.
    cluster.wait(lambda: len(ticks(cluster, "web-1")) > 2, "ticks on the target", 120)
    assert ticks(cluster, "web-1")[0] >= last
    assert "SKEP-GUEST-READY" not in cluster.console("web-1")
    files = cluster.lab.cells[before["cell"]].ssh(["ls", "/var/lib/skep/volumes"]).stdout
    assert before["id"] not in files


def test_a_guest_that_stops_by_itself_is_stopped_in_the_api(cluster: Cluster) -> None:
    seen = cluster.show("instance", "web-5")
    cluster.lab.cells[seen["cell"]].ssh(["virsh", "-c", "qemu:///system", "destroy", seen["id"]])
    cluster.wait(lambda: states(cluster)["web-5"] == "stopped", "web-5 stopped", 30)
    cluster.skep("instance", "start", "web-5")


def test_a_cut_cell_turns_offline_and_comes_back(cluster: Cluster) -> None:
    cluster.lab.cells["cell2"].cut()
    cluster.wait_for_cells("offline", ["cell2"], 40)
    cluster.lab.cells["cell2"].heal()
    cluster.wait_for_cells("online", ["cell2"], 40)


def test_not_enough_memory_anywhere_names_the_reason_per_cell(cluster: Cluster) -> None:
    done = cluster.skep(
        "instance", "create", "huge", "--image", "demo", "--memory-mib", "999999", check=False
    )
    assert done.returncode == 5
    for cell in CELLS:
        assert cell in done.stderr
    assert "999999 needed" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("instance", "create", "x", "--image", "nope"), 3, "nope"),
        (("instance", "create", "web-1", *SMALL), 5, "exists already"),
        (("instance", "show", "nobody"), 3, "nobody"),
        (("instance", "migrate", "web-1", "--to", "mars"), 3, "mars"),
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


def test_a_cell_that_fills_up_while_placing_fails_its_own_instance_only(cluster: Cluster) -> None:
    with full_disk(cluster, "cell2"):
        cluster.skep("instance", "create", "fat", "--count", "2", *SMALL, check=False)
    fat = {each["cell"]: each for each in cluster.items("instance") if "fat-" in each["name"]}
    assert fat["cell1"]["state"] == "running"
    assert fat["cell2"]["state"] == "failed"
    assert fat["cell2"]["reason"]["code"] == "disk_full"
    cluster.skep("instance", "delete", "fat-1", "fat-2", "--yes")


def test_libvirt_down_on_one_cell_fails_that_cells_instances_only(cluster: Cluster) -> None:
    with stopped_libvirt(cluster, "cell2"):
        cluster.skep("instance", "create", "half", "--count", "4", *SMALL, check=False)
        by_cell: dict[str, set[str]] = {}
        for each in cluster.items("instance"):
            if each["name"].startswith("half-"):
                by_cell.setdefault(each["cell"], set()).add(each["state"])
    assert by_cell["cell1"] == {"running"}
    assert by_cell["cell2"] == {"failed"}
    cluster.skep("instance", "delete", *(f"half-{n}" for n in range(1, 5)), "--yes")


def test_killing_the_core_in_the_middle_of_a_reservation_loses_nothing(cluster: Cluster) -> None:
    created = cluster.skep("instance", "create", "late", "--count", "6", *SMALL, "--no-wait")
    assert created.returncode == 0
    event = threading.Event()
    event.wait(1.5)
    cluster.kill_core()
    event.wait(2)
    cluster.start_core()

    def ended() -> bool:
        late = [each for each in cluster.items("instance") if each["name"].startswith("late-")]
        return len(late) == 6 and all(each["state"] in {"running", "failed"} for each in late)

    cluster.wait(ended, "all late instances ended", 300)
    for each in cluster.items("instance"):
        if each["name"].startswith("late-"):
            assert each["state"] == "running" or each["reason"]
            known = cluster.domains(each["cell"]).get(each["id"])
            assert known == ("running" if each["state"] == "running" else None)
    assert {each["state"] for each in cluster.items("run")} <= {"succeeded", "failed"}
    cluster.skep("instance", "delete", *(f"late-{n}" for n in range(1, 7)), "--yes")


def test_the_inventory_shows_pools_and_cells(cluster: Cluster) -> None:
    for source in ("core", "beacon"):
        graph = cluster.inventory_graph(source)
        assert "@pool_default" in graph
        assert "cell1" in graph


def test_a_playbook_without_a_core_stops_a_domain(cluster: Cluster) -> None:
    seen = cluster.show("instance", "web-2")
    cluster.stop_core()
    variables = {"skep_domains": [{"name": "web-2", "state": "shutoff", "timeout_s": 120}]}
    cluster.by_beacon("instances_stop.yml", variables, "-l", seen["cell"])
    assert cluster.domains(seen["cell"])[seen["id"]] == "shut off"
    cluster.start_core()
    cluster.wait_for_cells("online", CELLS)
    cluster.wait(lambda: states(cluster)["web-2"] == "stopped", "web-2 stopped", 30)
