"""From two announced Cells to running, migrating and surviving instances; once per kind of Cell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.lab.cluster import Cluster

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]
CELLS = ["cell1", "cell2"]
SMALL = ("--image", "demo", "--memory-mib", "128")


@pytest.fixture(scope="module", params=["light", pytest.param("full", marks=pytest.mark.full)])
def cluster(
    request: pytest.FixtureRequest, raise_cluster: Callable[[str], AbstractContextManager[Cluster]]
) -> Iterator[Cluster]:
    with raise_cluster(request.param) as made:
        yield made


def test_cells_appear_as_discovered_with_their_fingerprint(cluster: Cluster) -> None:
    cluster.wait_for_cells("discovered", CELLS)
    for cell in cluster.items("cell"):
        assert cell["fingerprint"].startswith("SHA256:")
        assert cell["pool"] is None


def test_accepted_cells_come_online(cluster: Cluster) -> None:
    cluster.accept(CELLS)
    cluster.wait_for_cells("online", CELLS)


def test_the_kvm_probe_boots_a_guest_to_know(cluster: Cluster) -> None:
    wanted = "usable" if cluster.is_full else "unusable"
    cluster.wait(
        lambda: {each["kvm"] for each in cluster.items("cell")} == {wanted}, f"kvm {wanted}", 180
    )


def test_a_reservation_of_six_spreads_and_every_guest_gets_ready(cluster: Cluster) -> None:
    cluster.upload_demo()
    cluster.skep("instance", "create", "web", "--count", "6", *SMALL)
    placed = [each["cell"] for each in cluster.items("instance")]
    assert sorted(placed) == ["cell1"] * 3 + ["cell2"] * 3
    for number in range(1, 7):
        cluster.wait_for_guest(f"web-{number}")
    assert "SKEP-GUEST-READY" in cluster.skep("instance", "log", "web-1").stdout
    wanted = "kvm" if cluster.is_full else "qemu"
    for cell in CELLS:
        for uuid in cluster.domains(cell):
            assert f"<domain type='{wanted}'" in cluster.domain_xml(cell, uuid)


def test_stop_start_and_delete(cluster: Cluster) -> None:
    seen = cluster.show("instance", "web-6")
    identity, cell = seen["id"], seen["cell"]
    cluster.skep("instance", "stop", "web-6")
    assert cluster.states()["web-6"] == "stopped"
    assert cluster.domains(cell)[identity] == "shut off"
    cluster.skep("instance", "start", "web-6")
    assert cluster.domains(cell)[identity] == "running"
    cluster.skep("instance", "delete", "web-6")
    assert identity not in cluster.domains(cell)
    assert "web-6" not in cluster.states()
    assert identity not in cluster.volumes(cell)


def test_a_running_instance_migrates_live_with_its_disk(cluster: Cluster) -> None:
    before = cluster.show("instance", "web-1")
    source, target = before["cell"], "cell2" if before["cell"] == "cell1" else "cell1"
    last = cluster.ticks("web-1")[-1]
    cluster.skep("instance", "migrate", "web-1", "--to", target)
    after = cluster.show("instance", "web-1")
    assert (after["cell"], after["state"]) == (target, "running")
    assert before["id"] not in cluster.domains(source)
    assert cluster.domains(target)[before["id"]] == "running"
    # The log on the target starts with the first line after the switch: the counter went on.
    cluster.wait(lambda: len(cluster.ticks("web-1")) > 2, "ticks on the target", 120)
    assert cluster.ticks("web-1")[0] >= last
    assert "SKEP-GUEST-READY" not in cluster.console("web-1")
    assert before["id"] not in cluster.volumes(source)
    assert before["id"] in cluster.volumes(target)


def test_a_cut_cell_turns_offline_and_comes_back(cluster: Cluster) -> None:
    running = [each["name"] for each in cluster.items("instance") if each["cell"] == "cell2"]
    cluster.lab.cells["cell2"].cut()
    cluster.wait_for_cells("offline", ["cell2"], 60)
    assert {cluster.states()[name] for name in running} == {"lost"}
    cluster.lab.cells["cell2"].heal()
    cluster.wait_for_cells("online", ["cell2"], 60)
    cluster.wait(
        lambda: {cluster.states()[name] for name in running} == {"running"}, "found again", 60
    )


def test_killing_the_core_in_the_middle_of_a_reservation_loses_nothing(cluster: Cluster) -> None:
    cluster.skep("instance", "create", "late", "--count", "6", *SMALL, "--no-wait")
    pause = threading.Event()
    pause.wait(1.5)
    cluster.kill_core()
    pause.wait(2)
    cluster.start_core()

    def late() -> list[dict[str, str]]:
        return [each for each in cluster.items("instance") if each["name"].startswith("late-")]

    cluster.wait(
        lambda: [each["state"] in {"running", "failed"} for each in late()] == [True] * 6,
        "all late instances ended",
        600,
    )
    for each in late():
        assert each["state"] == "running" or each["reason"]
        known = cluster.domains(each["cell"]).get(each["id"])
        assert known == ("running" if each["state"] == "running" else None)
    assert {each["state"] for each in cluster.items("run")} <= {"succeeded", "failed"}
    cluster.skep("instance", "delete", *(each["name"] for each in late()), "--yes")


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
    cluster.wait(lambda: cluster.states()["web-2"] == "stopped", "web-2 stopped", 60)
