"""Live migration between two private hosts with storage of their own."""

import shutil

import pytest


@pytest.fixture
def running(cell, other_cell, image, instance_id):
    """A domain on the source, its empty volume ready on the target."""
    volume = {"name": f"{instance_id}-vda", "backing_image": image.sha256}
    definition = {
        "uuid": instance_id,
        "name": f"web-{instance_id[:8]}",
        "memory_mib": 64,
        "vcpus": 1,
        "domain_type": "qemu",
        "disks": [{"volume": volume["name"]}],
    }
    for host in (cell, other_cell):
        host.call("volume", volume)
    (started,) = cell.call("domain", definition)["results"]
    assert started["state"] == "running", started
    yield definition
    for host in (cell, other_cell):
        host.call("domain", {"uuid": instance_id, "state": "absent"})
        host.call("volume", {"name": volume["name"], "state": "absent"})


def migration(instance_id, other_cell, **more):
    return {
        "uuid": instance_id,
        "target": "cell2",
        "target_uri": other_cell.uri,
        "target_address": "127.0.0.1",
        **more,
    }


def move(cell, item):
    (result,) = cell.call("domain_migrate", item)["results"]
    return result


def test_domain_moves_with_its_disk_and_the_source_is_clean(cell, other_cell, running):
    item = migration(running["uuid"], other_cell)

    results = cell.tried("domain_migrate", item, item)

    assert [each["changed"] for each in results] == [True, False]
    assert {each["runs_on"] for each in results} == {"target"}
    assert list(cell.volumes.glob(f"{running['uuid']}*")) == []
    assert list((cell.root / "log/skep/serial").glob(f"{running['uuid']}*")) == []
    assert (other_cell.root / f"log/skep/serial/{running['uuid']}.log").exists()
    there = other_cell.call("domain", running)["results"][0]
    assert (there["changed"], there["state"]) == (False, "running")


def test_what_a_killed_run_left_on_the_source_is_cleaned_by_the_next(cell, other_cell, running):
    item = migration(running["uuid"], other_cell)
    path = cell.volumes / f"{running['uuid']}-vda.qcow2"
    kept = path.with_suffix(".kept")
    shutil.copy(path, kept)
    move(cell, item)
    kept.rename(path)

    assert move(cell, item)["changed"]
    assert not path.exists()


def test_failed_migration_leaves_the_source_running_and_the_target_empty(cell, other_cell, running):
    (other_cell.volumes / f"{running['uuid']}-vda.qcow2").unlink()

    found = move(cell, migration(running["uuid"], other_cell))

    assert (found["code"], found["runs_on"]) == ("migration_failed", "source")
    assert "still runs here" in found["msg"]
    assert running["name"] not in other_cell.virsh("list", "--all", "--name")
    assert (cell.volumes / f"{running['uuid']}-vda.qcow2").exists()


def test_migration_that_does_not_end_in_time_is_aborted(cell, other_cell, running):
    path = cell.volumes / f"{running['uuid']}-vda.qcow2"
    cell.call("domain", {"uuid": running["uuid"], "state": "shutoff", "force": True})
    done = cell.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 32M", f"/var/lib/skep/volumes/{path.name}"]
    )
    assert done.returncode == 0, done.stderr
    cell.call("domain", {"uuid": running["uuid"], "state": "running"})

    item = migration(running["uuid"], other_cell, timeout_s=2, bandwidth_mib_s=1)
    found = move(cell, item)

    assert (found["code"], found["runs_on"]) == ("migration_timeout", "source")
    assert running["name"] not in other_cell.virsh("list", "--all", "--name")


def test_target_that_cannot_be_reached_changes_nothing(cell, other_cell, running):
    item = migration(running["uuid"], other_cell, target_uri="qemu+tls://127.0.0.1:1/system")

    found = move(cell, item)

    assert (found["code"], found["runs_on"]) == ("libvirt_unavailable", "unknown")
    assert running["name"] in cell.virsh("list", "--name")


def test_domain_that_is_off_or_unknown_says_so(cell, other_cell, running):
    cell.call("domain", {"uuid": running["uuid"], "state": "shutoff", "force": True})
    nobody = "00000000-0000-4000-8000-000000000000"

    assert move(cell, migration(running["uuid"], other_cell))["code"] == "invalid_state"
    offline = migration(running["uuid"], other_cell, offline=True)
    assert move(cell, offline)["code"] == "invalid_item"
    assert move(cell, migration(nobody, other_cell))["code"] == "domain_not_found"


def test_definition_of_a_domain_that_is_off_moves(cell, other_cell, running):
    cell.call("domain", {"uuid": running["uuid"], "state": "shutoff", "force": True})
    item = migration(running["uuid"], other_cell, offline=True, copy_storage=False)

    results = cell.tried("domain_migrate", item, item)

    assert [(each["msg"], each["changed"]) for each in results] == [(None, True), (None, False)]
    assert {(each["runs_on"], each["defined_on"]) for each in results} == {("none", "target")}
    assert running["name"] not in cell.virsh("list", "--all", "--name")
    there = other_cell.call("domain", running)["results"][0]
    assert (there["diff"]["before"], there["state"]) == ({"state": "shutoff"}, "running")
    assert (cell.volumes / f"{running['uuid']}-vda.qcow2").exists()


def test_downtime_and_convergence_are_libvirts_to_keep(cell, other_cell, running):
    item = migration(running["uuid"], other_cell, downtime_ms=50, auto_converge=False)

    found = move(cell, item)

    assert (found["msg"], found["runs_on"], found["defined_on"]) == (None, "target", "target")


def test_post_copy_leaves_one_running_domain_or_says_why_not(cell, other_cell, running):
    """Kernels in containers may refuse what it needs; then the guest still runs on the source."""
    item = migration(running["uuid"], other_cell, post_copy=True, bandwidth_mib_s=8)

    found = move(cell, item)

    sides = [running["name"] in each.virsh("list", "--name") for each in (cell, other_cell)]
    assert sides == [found["runs_on"] == "source", found["runs_on"] == "target"]
    assert found["ok"] == (found["runs_on"] == "target")
    assert found["code"] in {None, "migration_failed"}, found


def test_bad_migration_fails_alone(cell, other_cell, running):
    item = migration(running["uuid"], other_cell)

    answer = cell.call(
        "domain_migrate", {**item, "speed": 1}, {**item, "downtime_ms": -1, "target": "x"}
    )

    assert [each["code"] for each in answer["results"]] == ["invalid_item", "invalid_item"]
    assert running["name"] in cell.virsh("list", "--name")
