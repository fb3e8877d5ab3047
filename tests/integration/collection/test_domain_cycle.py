"""create, repeat, change, repeat, delete, repeat: each first in check mode, with a real libvirt."""

import pytest

HOSTILE = "{{ lookup('pipe','id') }}<name>&xxe;"


@pytest.fixture
def definition(cell, image, instance_id):
    volume = {"name": f"{instance_id}-vda", "backing_image": image.sha256}
    assert cell.call("volume", volume)["changed"]
    yield {
        "uuid": instance_id,
        "name": f"web-{instance_id[:8]}",
        "memory_mib": 64,
        "vcpus": 1,
        "domain_type": "qemu",
        "disks": [{"volume": volume["name"]}],
    }
    cell.call("domain", {"uuid": instance_id, "state": "absent"})
    cell.call("volume", {"name": volume["name"], "state": "absent"})


def test_cycle(cell, definition):
    log = cell.root / f"log/skep/serial/{definition['uuid']}.log"
    more = {**definition, "memory_mib": 96, "vcpus": 2}
    gone = {"uuid": definition["uuid"], "state": "absent"}

    made = cell.tried("domain", definition, definition, more, more)
    was_logged = log.exists()
    removed = cell.tried("domain", gone, gone)

    assert [each["changed"] for each in made] == [True, False, True, False]
    assert {each["state"] for each in made} == {"running"}
    assert made[2]["diff"]["after"]["memory_mib"] == 96
    assert was_logged
    assert [each["changed"] for each in removed] == [True, False]
    assert {each["state"] for each in removed} == {"absent"}
    assert not log.exists()


def test_power(cell, definition):
    def to(state):
        return {"uuid": definition["uuid"], "state": state, "force": True}

    started = cell.tried("domain", {**definition, "state": "present"}, to("running"), to("running"))
    cell.virsh("suspend", definition["uuid"])
    first = cell.virsh("domid", definition["uuid"])
    resumed = cell.tried("domain", {"name": definition["name"], "state": "running"})
    again = cell.tried("domain", to("restarted"))
    second = cell.virsh("domid", definition["uuid"])
    stopped = cell.tried("domain", to("shutoff"), to("shutoff"))

    assert [each["changed"] for each in started] == [True, True, False]
    assert [each["state"] for each in started] == ["shutoff", "running", "running"]
    assert [each["diff"]["before"]["state"] for each in resumed] == ["paused"]
    assert [each["state"] for each in again] == ["running"]
    assert first != second
    assert [each["changed"] for each in stopped] == [True, False]


def test_guest_that_ignores_the_power_button_times_out_and_runs_on(cell, definition):
    off = {"uuid": definition["uuid"], "state": "shutoff", "timeout_s": 1}
    cell.call("domain", definition)

    (found,) = cell.call("domain", off)["results"]

    assert (found["code"], found["changed"]) == ("shutdown_timeout", False)
    assert found["state"] == "running"


def test_what_was_changed_before_a_failure_is_told(cell, definition):
    wider = {**definition, "memory_mib": 96, "state": "shutoff", "timeout_s": 1}
    cell.call("domain", definition)

    (found,) = cell.call("domain", wider)["results"]

    assert (found["code"], found["changed"]) == ("shutdown_timeout", True)


def test_saved_domain_is_deleted_with_its_memory(cell, definition):
    cell.call("domain", definition)
    cell.virsh("managedsave", definition["uuid"])

    (found,) = cell.tried("domain", {"uuid": definition["uuid"], "state": "absent"})

    assert (found["ok"], found["state"]) == (True, "absent")


def test_rename_while_off_and_a_hostile_name_is_only_a_name(cell, definition):
    plain = {**definition, "state": "present"}
    hostile = {**plain, "name": HOSTILE}

    results = cell.tried("domain", plain, hostile, hostile)

    assert [each["changed"] for each in results] == [True, True, False]
    assert cell.virsh("domname", definition["uuid"]) == HOSTILE


def test_each_failure_has_its_code_and_leaves_the_neighbours_alone(cell, definition):
    nobody = "00000000-0000-4000-8000-000000000000"
    cell.call("domain", definition)
    items = [
        {"uuid": nobody, "state": "running"},
        {"name": "nobody", "state": "shutoff"},
        {"name": "nobody too", "state": "absent"},
        {**definition, "uuid": "00000000-0000-4000-8000-000000000001"},
        {
            **definition,
            "uuid": "00000000-0000-4000-8000-000000000002",
            "name": "no-disk",
            "disks": [{"volume": f"{nobody}-vda"}],
        },
        definition,
    ]

    answer = cell.call("domain", *items)

    codes = [each["code"] for each in answer["results"]]
    assert codes == [
        "domain_not_found",
        "domain_not_found",
        None,
        "name_in_use",
        "volume_missing",
        None,
    ]
    assert not answer["changed"]
    assert "no-disk" not in cell.virsh("list", "--all", "--name")


def test_volume_of_a_domain_is_refused_as_in_use_or_kept(cell, definition):
    cell.call("domain", definition)
    gone = {"name": definition["disks"][0]["volume"], "state": "absent"}

    refused = cell.call("volume", gone)["results"][0]
    kept = cell.call("volume", {**gone, "in_use": "keep"})["results"][0]

    assert refused["code"] == "volume_in_use"
    assert (kept["ok"], kept["changed"]) == (True, False)
