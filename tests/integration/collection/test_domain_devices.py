"""Every device kind that QEMU offers here, and what a running domain gets, with a real libvirt."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.collection.private_host import inventory

CALLS = Path(__file__).with_name("domain_calls.py")
REPOSITORY = CALLS.parents[3]
ISO = "ab" * 32
LETTERS = "abcd"
# What the host's kernel or cgroups refuse on a private host: only defined, never started.
BANDWIDTH = {"inbound_mib_s": 10, "outbound_mib_s": 5}


def card(last, **more):
    return {"bridge": "br0", "mac": f"52:54:00:00:00:{last:02x}", **more}


def kinds(disk):
    """Definitions that together have every kind of device; `disk` makes a disk of a letter."""
    return {
        "room": {
            "vcpus_max": 4,
            "topology": {"cores": 2, "threads": 2},
            "memory_max_mib": 128,
            "cpu": {"model": "qemu64", "features": [{"name": "svm", "policy": "disable"}]},
        },
        "cpu-of-the-host": {"cpu": {"mode": "host-model"}, "serial": "plain", "rng": False},
        "cpu-maximum": {"cpu": {"mode": "maximum"}, "serial": "none"},
        "uefi": {"firmware": "uefi", "nics": [card(1)], "boot": ["network", "disk"]},
        "uefi-secure": {"firmware": "uefi_secure", "tpm": True, "watchdog": "inject-nmi"},
        "tpm-on-pc": {"tpm": True, "machine": "pc"},
        "buses": {
            "disks": [
                disk("a"),
                disk("b", bus="scsi"),
                disk("c", bus="sata"),
                disk("d", bus="ide", format="raw"),
            ]
        },
        "disk-options": {
            "disks": [
                disk("a", cache="none", iotune={"read_iops": 100, "write_mib_s": 5}),
                disk("b", cache="writeback", discard="ignore", boot_order=1),
                disk("c", cache="directsync", boot_order=2),
            ]
        },
        "drives": {
            "cdroms": [
                {"device": "hda", "image": ISO},
                {"device": "sda", "path": "/var/lib/skep/volumes/seed.iso"},
                {"device": "sdb", "bus": "scsi"},
            ]
        },
        "cards": {
            "nics": [
                card(index, model=model)
                for index, model in enumerate(("virtio", "e1000", "e1000e", "rtl8139"))
            ]
        },
        "screen": {"graphics": {"video": "virtio"}, "tablet": True},
        "screen-on-a-socket": {"graphics": {"listen": "socket", "video": "qxl"}},
        "screen-cirrus": {"graphics": {"video": "cirrus"}},
        "extras": {
            "guest_agent": True,
            "watchdog": "reset",
            "labels": {"team": "<a> & b"},
            "autostart": True,
        },
    }


def change_of(kind, disk):
    """What a running domain of the kind gets: something live and something that waits."""
    drives = {"cdroms": [{"device": "hda"}, {"device": "sda"}, {"device": "sdb", "bus": "scsi"}]}
    changes = {"drives": drives, "room": {"vcpus": 3}, "cards": {"nics": [card(0, bridge="br1")]}}
    plain = {"disks": [disk("a"), disk("b")], "labels": {"changed": "yes"}, "watchdog": "pause"}
    return changes.get(kind, plain)


@pytest.fixture(scope="module")
def host(cell):
    """The Cell with bridges, media and swtpm's folder."""
    (cell.images / f"{ISO}.iso").write_bytes(bytes(1 << 20))
    cell.volumes.mkdir(parents=True, exist_ok=True)
    (cell.volumes / "seed.iso").write_bytes(bytes(1 << 20))
    authority = cell.root / "lib/swtpm-localca"
    authority.mkdir()
    shutil.chown(authority, "tss", "root")
    for bridge in ("br0", "br1"):
        assert cell.run(["ip", "link", "add", bridge, "up", "type", "bridge"]).returncode == 0
    return cell


@pytest.fixture
def called(host, tmp_path):
    """Call the module with wishes of (items, check mode), all in one process."""

    def call(*wishes):
        path = tmp_path / "wishes.json"
        path.write_text(json.dumps([{"items": i, "check_mode": c} for i, c in wishes]))
        done = host.run(
            [sys.executable, str(CALLS), str(path)],
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'collections'}"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


@pytest.fixture
def cycle(called):
    """Foretell, do and repeat each list of items; both must say the same of each."""

    def run(*wishes):
        rounds = called(*((items, check) for items in wishes for check in (True, False, False)))
        for foretold, done in zip(rounds[::3], rounds[1::3], strict=True):
            assert [promise(each) for each in foretold] == [promise(each) for each in done]
        return rounds[1::3], rounds[2::3]

    return run


@pytest.fixture
def make_domain(host, called, instance_id):
    """The item of a domain with empty volumes, gone at the end of the test."""
    made = []

    def make(number=0, **options):
        uuid = f"{instance_id[:-2]}{number:02x}"
        made.append(uuid)
        for letter in LETTERS:
            kind = "raw" if letter == "d" else "qcow2"
            path = host.volumes / f"{uuid}-vd{letter}.{kind}"
            subprocess.run(["qemu-img", "create", "-q", "-f", kind, path, "16M"], check=True)
        plain = {"memory_mib": 64, "vcpus": 1, "domain_type": "qemu", "disks": [disk_of(uuid)("a")]}
        return {"uuid": uuid, "name": f"d-{uuid}", "state": "running", **plain, **options}

    yield make
    called(([{"uuid": each, "state": "absent"} for each in made], False))


def disk_of(uuid):
    return lambda letter, **more: {"volume": f"{uuid}-vd{letter}", **more}


def promise(result):
    """What check mode must say as the run does; whether the guest follows is known only after."""
    changes = [(each["field"], each["before"], each["after"]) for each in result.get("changes", [])]
    return {**{key: result[key] for key in ("id", "ok", "changed", "code", "diff")}, "c": changes}


def asked(host, **options):
    """The answer of domain_info."""
    task = {"name": "0", "skep.kvm.domain_info": options}
    playbook = host.root / "asks.yml"
    playbook.write_text(json.dumps([{"hosts": "cells", "gather_facts": False, "tasks": [task]}]))
    return host.play(playbook, inventory()).only()


def test_every_kind_is_created_repeated_changed_repeated_deleted_repeated(
    cycle, make_domain, host, instance_id
):
    names = list(kinds(disk_of("")))
    items = []
    for number, name in enumerate(names):
        plain = make_domain(number)
        items.append({**plain, **kinds(disk_of(plain["uuid"]))[name]})
    changes = [
        {"uuid": each["uuid"], "state": "running", **change_of(name, disk_of(each["uuid"]))}
        for name, each in zip(names, items, strict=True)
    ]
    gone = [{"uuid": each["uuid"], "state": "absent"} for each in items]

    done, again = cycle(items, changes, gone)

    assert [each["msg"] for results in done for each in results] == [None] * 3 * len(items)
    assert {each["changed"] for results in done for each in results} == {True}
    assert {each["changed"] for results in again for each in results} == {False}
    assert {each["state"] for each in done[0]} == {"running"}
    assert {each["state"] for each in done[2]} == {"absent"}
    assert instance_id[:-2] not in host.virsh("list", "--all", "--uuid")
    assert list((host.root / "lib/libvirt/qemu/nvram").glob(f"*{instance_id[:-2]}*")) == []
    assert list((host.root / "lib/libvirt/swtpm").glob(f"{instance_id[:-2]}*")) == []


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_running_domain_gets_disk_card_cpu_and_medium(called, make_domain, host, machine):
    drive = {"device": "sda"}
    room = {"memory_max_mib": 128, "vcpus_max": 4, "machine": machine, "cdroms": [drive]}
    item = make_domain(**room)
    uuid, disk = item["uuid"], disk_of(item["uuid"])
    called(([item], False))
    process = host.virsh("domid", uuid)
    more = {
        "uuid": uuid,
        "state": "present",
        "vcpus": 3,
        "disks": [disk("a", iotune={"read_iops": 50}), disk("b"), disk("c", bus="scsi")],
        "nics": [card(7)],
        "cdroms": [{**drive, "image": ISO}],
        "labels": {"a": "b"},
    }

    ((done,),) = called(([more], False))

    assert done["msg"] is None
    assert {each["effect"] for each in done["changes"]} == {"live"}, done["changes"]
    assert host.virsh("domid", uuid) == process
    assert set(host.virsh("domblklist", uuid).split()) >= {"vda", "vdb", "sdc", "sda"}
    assert f"{ISO}.iso" in host.virsh("domblklist", uuid)
    assert "52:54:00:00:00:07" in host.virsh("domiflist", uuid)
    assert "read_iops_sec  : 50" in host.virsh("blkdeviotune", uuid, "vda")
    assert host.virsh("vcpucount", uuid, "--live", "--current") == "3"
    assert done["pending"] == ["memory_mib"]  # no guest is there to inflate its balloon
    # The guest finds the card where it was, once it is started anew.
    assert places(host, uuid, "--inactive") == places(host, uuid)


def places(host, uuid, *options):
    """Where disks and cards sit."""
    text = host.virsh("dumpxml", uuid, *options)
    return {line for line in text.split("\n") if "<address type='pci'" in line}


def test_guest_that_does_not_let_go_is_told_apart_and_asked_once(called, make_domain):
    item = make_domain()
    disk = disk_of(item["uuid"])
    two = {**item, "disks": [disk("a"), disk("b")]}
    one = {"uuid": item["uuid"], "state": "present", "disks": [disk("a")]}

    _, (first,), (second,), (third,) = called(
        ([two], False),
        ([one], False),
        ([one], False),
        ([{**one, "state": "restarted", "force": True}], False),
    )

    (change,) = first["changes"]
    assert (change["field"], change["effect"]) == ("disks[vdb]", "needs_restart")
    assert "the guest" in change["reason"]
    assert first["pending"] == ["disks[vdb]"]
    assert (second["changed"], second["pending"]) == (False, ["disks[vdb]"])
    assert (third["state"], third["pending"]) == ("running", [])


def test_what_libvirt_refuses_now_waits_with_its_reason(called, make_domain):
    item = make_domain(nics=[card(1)])
    slow = {"uuid": item["uuid"], "state": "present", "nics": [card(1, **BANDWIDTH)]}

    _, (first,), (second,) = called(([item], False), ([slow], False), ([slow], False))

    assert {each["effect"] for each in first["changes"]} == {"needs_restart"}
    assert all(each["reason"] for each in first["changes"])
    assert (second["ok"], second["changed"]) == (True, False)


def test_cpu_time_is_defined(cycle, make_domain):
    item = make_domain(state="present", cpu_shares=512, cpu_quota_percent=50)

    done, again = cycle([item], [{**item, "cpu_shares": 0, "cpu_quota_percent": 0}])

    assert [results[0]["changed"] for results in done] == [True, True]
    assert [results[0]["changed"] for results in again] == [False, False]


def test_states_of_power(cycle, make_domain, host):
    item = make_domain(state="paused")
    uuid = item["uuid"]

    def to(state, **more):
        return [{"uuid": uuid, "state": state, **more}]

    done, again = cycle(
        [item],
        to("resumed"),
        to("paused"),
        to("running"),
        to("shutoff", timeout_s=0, on_timeout="force"),
    )

    assert [results[0]["state"] for results in done] == [
        "paused",
        "running",
        "paused",
        "running",
        "shutoff",
    ]
    assert {results[0]["changed"] for results in done} == {True}
    assert {results[0]["changed"] for results in again} == {False}


def test_reset_needs_a_domain_that_is_up_and_keeps_its_process(called, make_domain, host):
    item = make_domain(state="present")
    reset = {"uuid": item["uuid"], "state": "reset"}

    _, (refused,), (_,) = called(
        ([item], False), ([reset], False), ([{**item, "state": "running"}], False)
    )
    process = host.virsh("domid", item["uuid"])
    ((done,),) = called(([reset], False))

    assert refused["code"] == "invalid_state"
    assert (done["changed"], done["state"]) == (True, "running")
    assert host.virsh("domid", item["uuid"]) == process


def test_rename_of_a_running_domain_beside_a_restart_is_no_re_creation(called, make_domain, host):
    item = make_domain()
    uuid, name = item["uuid"], f"{item['name']} &<'new'>"
    staying = {"uuid": uuid, "name": name, "state": "present"}

    _, (refused,), (done,) = called(
        ([item], False),
        ([staying], False),
        ([{**staying, "state": "restarted", "force": True, "vcpus": 2}], False),
    )

    assert refused["code"] == "invalid_state"
    assert (done["state"], done["pending"]) == ("running", [])
    assert host.virsh("domname", uuid) == name


def test_each_refusal_has_its_code_and_changes_nothing(called, make_domain, host):
    item, other = make_domain(0), make_domain(1)
    uuid, disk = item["uuid"], disk_of(item["uuid"])
    (host.root / "lib/skep/volumes" / f"{other['uuid']}-vdb.qcow2").unlink()
    linked = host.volumes / "linked.iso"
    linked.symlink_to("/etc/shadow")
    part = {"uuid": uuid, "state": "present"}
    wishes = {
        "needs_recreation": {**part, "firmware": "uefi", "vcpus": 2},
        "volume_in_use": {**other, "disks": [disk("a")]},
        "volume_missing": {**other, "disks": [disk_of(other["uuid"])("b")]},
        "name_in_use": {**other, "name": item["name"]},
        "vlan_unsupported": {**part, "nics": [card(1, vlan=249)]},
        "path_not_allowed": {**part, "disks": [{"path": "/etc/shadow", "device": "vdb"}]},
        "invalid_item": {**part, "nics": [card(1, vlan=4095)]},
        "domain_not_found": {"uuid": uuid[::-1][:8] + uuid[8:], "state": "running"},
    }
    link = {**part, "cdroms": [{"device": "sda", "path": "/var/lib/skep/volumes/linked.iso"}]}

    answers = called(([item], False), *(([each], False) for each in (*wishes.values(), link)))
    before = host.virsh("dumpxml", uuid, "--inactive")

    assert [results[0]["code"] for results in answers] == [None, *wishes, "path_not_allowed"]
    assert not any(results[0]["changed"] for results in answers[1:])
    assert "firmware=" not in before
    assert other["uuid"] not in host.virsh("list", "--all", "--uuid")


def test_two_items_of_one_call_cannot_share_a_disk(called, make_domain):
    item, other = make_domain(0, state="present"), make_domain(1, state="present")

    (results,) = called(([item, {**other, "disks": item["disks"]}], False))

    assert sorted(str(each["code"]) for each in results) == ["None", "volume_in_use"]


def test_bad_items_fail_alone_and_a_description_given_back_changes_nothing(
    called, make_domain, host
):
    """Through Ansible: what breaks the argument spec never stops its neighbours."""
    item = make_domain(state="present", graphics={"listen": "socket"}, tpm=True, vcpus_max=2)
    bad = [
        {"uuid": item["uuid"], "no_such_option": 1},
        {"name": "wrong-unit", "memory_mib": "512 MiB"},
        {"state": "running"},
        "no dictionary",
        {"name": "wrong-choice", "firmware": "coreboot"},
    ]

    answer = host.call("domain", *bad, item)
    (described,) = asked(host, domains=[item["uuid"], "nobody"])["domains"]
    given_back = {"uuid": item["uuid"], "state": "present", **described["definition"]}
    (same,) = host.call("domain", given_back)["results"]

    assert [each["code"] for each in answer["results"]] == [*["invalid_item"] * 5, None]
    assert "no_such_option" in answer["results"][0]["msg"]
    assert "MiB" in answer["results"][1]["msg"]
    assert answer["results"][5]["changed"]
    assert (same["ok"], same["changed"]) == (True, False), same
    assert described["definition"]["disks"][0]["volume"] == f"{item['uuid']}-vda"
