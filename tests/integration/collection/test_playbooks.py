"""The operation playbooks, run as the Core and as a person run them."""

import json

import pytest
from tests.integration.collection.private_host import REPOSITORY, inventory

PLAYBOOKS = REPOSITORY / "playbooks"
HOSTILE = "{{ lookup('pipe','touch skep-was-here') }}"


@pytest.fixture
def wishes(image, instance_id):
    """The Core's variables for one instance with a name that would run if it were a template."""
    return {
        "skep_images": [
            {"sha256": image.sha256, "size_bytes": image.size_bytes, "url": "https://core"}
        ],
        "skep_image_ca_pem": None,
        "skep_image_token": "ticket",
        "skep_volumes": [{"name": f"{instance_id}-vda", "backing_image": image.sha256}],
        "skep_domains": [
            {
                "uuid": instance_id,
                "name": HOSTILE,
                "memory_mib": 64,
                "vcpus": 1,
                "domain_type": "qemu",
                "disks": [{"volume": f"{instance_id}-vda"}],
            }
        ],
    }


def gone(instance_id):
    return {
        "skep_domains": [{"uuid": instance_id, "state": "absent"}],
        "skep_volumes": [{"name": f"{instance_id}-vda", "state": "absent"}],
    }


def play(host, name, *options, groups=(), **variables):
    found = host.play(PLAYBOOKS / f"{name}.yml", inventory(*groups, **variables), *options)
    # What the hostile name would do, were it ever a template.
    assert list(REPOSITORY.glob("skep-was-here")) + list(PLAYBOOKS.glob("skep-was-here")) == []
    return found


def changed(found):
    return [each["changed"] for each in found.answers.values()]


def test_life_of_an_instance(cell, wishes, instance_id):
    power = {"uuid": instance_id, "force": True}

    foretold = play(cell, "instances_create", "--check", "--diff", **wishes)
    assert (foretold.returncode, changed(foretold)) == (0, [False, True, True])
    assert HOSTILE in foretold.output
    assert changed(play(cell, "instances_create", **wishes)) == [False, True, True]
    assert changed(play(cell, "instances_create", **wishes)) == [False, False, False]
    stop = [{**power, "state": "shutoff"}]
    assert changed(play(cell, "instances_stop", skep_domains=stop)) == [True]
    start = [{**power, "state": "running"}]
    assert changed(play(cell, "instances_start", skep_domains=start)) == [True]
    restart = [{**power, "state": "restarted"}]
    assert changed(play(cell, "instances_reboot", skep_domains=restart)) == [True]
    read = play(cell, "instances_log", skep_serial_log={"uuid": instance_id, "max_bytes": 10})
    assert read.only()["size_bytes"] >= 0
    listed = play(cell, "cells_reconcile").only()
    assert HOSTILE in [each["name"] for each in listed["domains"]]
    assert f"{instance_id}-vda" in [each["name"] for each in listed["volumes"]]
    assert changed(play(cell, "instances_delete", **gone(instance_id)))[:2] == [True, True]
    again = play(cell, "instances_delete", **gone(instance_id))
    assert (again.returncode, changed(again)[:2]) == (0, [False, False])


def test_missing_image_fails_the_domain_that_needs_it_with_the_reason(cell, wishes, instance_id):
    wishes["skep_images"] = []
    wishes["skep_volumes"][0]["backing_image"] = "0" * 64

    found = play(cell, "instances_create", **wishes)

    assert found.returncode != 0
    codes = [each["results"][0]["code"] for each in found.answers.values() if each["results"]]
    assert codes == ["image_not_placed", "volume_missing"]


def test_image_that_volumes_lie_on_is_not_removed(cell, wishes, image, instance_id):
    play(cell, "instances_create", **wishes)

    removal = {"sha256": image.sha256, "state": "absent"}
    refused = play(cell, "images_remove", skep_images=[removal])

    assert refused.only()["results"][0]["code"] == "image_in_use"
    play(cell, "instances_delete", **gone(instance_id))


def test_failed_migration_cleans_the_target_and_is_reported(cell, other_cell, wishes, instance_id):
    play(cell, "instances_create", **wishes)
    groups = ("migration_targets", "migration_sources")
    volume = {"name": f"{instance_id}-vdb", "size_bytes": 1 << 20}
    uri = "qemu+tls://127.0.0.1:1/system"
    moves = [{"uuid": instance_id, "target": "cell2", "target_uri": uri}]

    found = play(
        cell, "instances_migrate", groups=groups, skep_volumes=[volume], skep_migrations=moves
    )

    assert found.returncode != 0
    assert "1 of 1 migration failed" in found.answers["cell1: Fail where a migration failed"]["msg"]
    assert not (cell.volumes / f"{volume['name']}.qcow2").exists()
    play(cell, "instances_delete", **gone(instance_id))


def test_person_without_a_core_stops_a_domain_by_name(cell, wishes, instance_id):
    wishes["skep_domains"][0]["name"] = "web-1"
    play(cell, "instances_create", **wishes)
    wish = {"skep_domains": [{"name": "web-1", "state": "shutoff", "force": True}]}

    found = play(cell, "instances_stop", "-l", "cell1", "-e", json.dumps(wish))

    assert found.only()["results"][0]["state"] == "shutoff"
    play(cell, "instances_delete", **gone(instance_id))


def test_libvirt_that_is_away_is_told_as_such(cell):
    play_with_uri = [
        {
            "hosts": "cells",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "call",
                    "skep.kvm.domain": {
                        "items": [{"name": "web-1"}],
                        "uri": "qemu+unix:///system?socket=/nowhere",
                    },
                }
            ],
        }
    ]
    playbook = cell.root / "away.yml"
    playbook.write_text(json.dumps(play_with_uri))

    answer = cell.play(playbook, inventory()).only()

    assert (answer["code"], answer["results"]) == ("libvirt_unavailable", [])


def test_storage_of_an_instance(cell, wishes, instance_id):
    """Snapshots, a larger disk and a pool, by the playbooks that a person calls."""
    one = {"uuid": instance_id, "name": "one", "memory": True}
    pool = {"name": f"pool-{instance_id[:8]}", "type": "dir"}
    larger = [{**wishes["skep_volumes"][0], "size_bytes": 128 << 20}]
    play(cell, "instances_create", **wishes)

    steps = {
        "snapshots_create": {"skep_snapshots": [one]},
        "volumes_resize": {"skep_volumes": larger},
        "storage_pools_create": {"skep_storage_pools": [pool]},
        "snapshots_delete": {"skep_snapshots": [{**one, "state": "absent"}]},
        "storage_pools_delete": {
            "skep_storage_pools": [{"name": pool["name"], "state": "absent", "purge": True}]
        },
    }
    found = {
        name: [changed(play(cell, name, **each)) for _ in "12"] for name, each in steps.items()
    }
    play(cell, "snapshots_create", skep_snapshots=[one])
    back = play(cell, "snapshots_revert", skep_snapshots=[{**one, "state": "reverted"}])
    play(cell, "instances_delete", **gone(instance_id))

    assert found == {name: [[True], [False]] for name in steps}
    assert back.only()["results"][0]["state"] == "running"
