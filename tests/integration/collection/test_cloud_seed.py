"""Seeds with real xorriso: the cycle, what is inside, and what is never told."""

import json
import subprocess

import pytest

SECRET = "correct horse battery staple"  # noqa: S105
USER_DATA = f"#cloud-config\npassword: {SECRET}\nchpasswd: {{expire: false}}\n"


@pytest.fixture
def seeds(cell):
    return cell.root / "lib/skep/seeds"


def inside(path, folder):
    """The files of an ISO image by name."""
    command = ["xorriso", "-osirrox", "on", "-indev", str(path), "-extract", "/", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return {each.name: each.read_text() for each in folder.iterdir()}


def test_cycle(cell, seeds, instance_id, tmp_path):
    one = {"uuid": instance_id, "hostname": "web-1", "user_data": USER_DATA}
    other = {**one, "network_config": {"version": 2, "ethernets": {"eth0": {"dhcp4": True}}}}
    gone = {"uuid": instance_id, "state": "absent"}
    path = seeds / f"{instance_id}.iso"

    made = cell.tried("cloud_seed", one, one, other, other)
    found = inside(path, tmp_path / "x")
    label = path.read_bytes()[32768 + 40 : 32768 + 72].decode().strip()
    mode = path.stat().st_mode & 0o777
    path.chmod(0o644)
    mended = cell.tried("cloud_seed", other)
    removed = cell.tried("cloud_seed", gone, gone)

    assert [each["changed"] for each in made] == [True, False, True, False]
    assert found["user-data"] == USER_DATA
    assert json.loads(found["meta-data"]) == {
        "instance-id": instance_id,
        "local-hostname": "web-1",
    }
    assert json.loads(found["network-config"]) == other["network_config"]
    assert (label, mode) == ("cidata", 0o600)
    assert [each["changed"] for each in mended] == [True]
    assert mended[0]["diff"]["before"]["mode"] == "0644"
    assert [each["changed"] for each in removed] == [True, False]
    assert not path.exists()


def test_same_data_give_the_same_bytes(cell, seeds, instance_id):
    item = {"uuid": instance_id, "user_data": USER_DATA, "meta_data": {"b": 1, "a": 2}}
    path = seeds / f"{instance_id}.iso"

    cell.call("cloud_seed", item)
    first = path.read_bytes()
    cell.call("cloud_seed", {"uuid": instance_id, "state": "absent"})
    cell.call("cloud_seed", {**item, "meta_data": {"a": 2, "b": 1}})

    assert path.read_bytes() == first


def test_secrets_are_in_no_answer(cell, instance_id):
    item = {"uuid": instance_id, "user_data": USER_DATA}

    answers = [cell.call("cloud_seed", each) for each in (item, {**item, "sise": 1})]

    assert [each["results"][0]["code"] for each in answers] == [None, "invalid_item"]
    assert answers[0]["results"][0]["diff"]["after"]["sha256"]
    assert SECRET not in json.dumps(answers)


def test_user_data_are_data(cell, seeds, instance_id, tmp_path):
    hostile = "#!/bin/sh\n'; touch /tmp/x; \"$(id)\" `id` {{ lookup('pipe','id') }} %s \\n é\n"
    item = {"uuid": instance_id, "user_data": hostile, "meta_data": {"{{ 1 + 1 }}": "\n---\na: b"}}

    (found,) = cell.tried("cloud_seed", item)
    files = inside(seeds / f"{instance_id}.iso", tmp_path / "x")

    assert found["ok"]
    assert files["user-data"] == hostile
    assert json.loads(files["meta-data"])["{{ 1 + 1 }}"] == "\n---\na: b"


def test_bad_items_fail_each_by_itself(cell, instance_id):
    other = f"{instance_id[:-1]}{'0' if instance_id[-1] != '0' else '1'}"
    items = [
        {"uuid": "../../etc/cron.d/x"},
        {"uuid": instance_id, "hostname": "a b"},
        {"uuid": f"{instance_id[:-2]}zz", "hostname": "a"},
        {"uuid": other, "user_data": "password: x"},
        {"uuid": instance_id.upper(), "network_config": "eth0"},
    ]

    answer = cell.call("cloud_seed", *items)

    assert [each["code"] for each in answer["results"]] == ["invalid_item"] * 5


def test_seed_in_a_drive_is_not_removed(cell, seeds, instance_id):
    cell.call("cloud_seed", {"uuid": instance_id})
    path = seeds / f"{instance_id}.iso"
    place = f"/var/lib/skep/seeds/{path.name}"
    xml = f"""<domain type='qemu'><name>seed-{instance_id[:8]}</name><uuid>{instance_id}</uuid>
      <memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
      <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{place}'/>
      <target dev='sda' bus='sata'/><readonly/></disk></devices></domain>"""
    (cell.root / "lib/seed.xml").write_text(xml)
    cell.virsh("define", str(cell.root / "lib/seed.xml"))

    refused = cell.tried("cloud_seed", {"uuid": instance_id, "state": "absent"})
    cell.virsh("undefine", instance_id)

    assert refused[0]["code"] == "seed_in_use"
    assert path.exists()
