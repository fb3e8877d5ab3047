"""create, repeat, change, repeat, delete, repeat: each first in check mode."""

import hashlib
import os
import subprocess

import pytest

MIB = 1 << 20


def test_cycle_of_an_overlay(cell, image, instance_id):
    name = f"{instance_id}-vda"
    path = cell.volumes / f"{name}.qcow2"
    small = {"name": name, "backing_image": image.sha256}
    large = {**small, "size_bytes": 100 << 20}
    gone = {"name": name, "state": "absent"}

    made = cell.tried("volume", small, small, large, large, small)
    mode = path.stat().st_mode & 0o777
    subprocess.run(["qemu-img", "info", "-f", "qcow2", "-U", str(path)], check=True)
    removed = cell.tried("volume", gone, gone)

    assert [each["changed"] for each in made] == [True, False, True, False, False]
    assert [each["size_bytes"] for each in made] == [64 << 20, 64 << 20, *[100 << 20] * 3]
    assert mode == 0o600
    assert [each["changed"] for each in removed] == [True, False]
    assert not path.exists()


def test_each_refusal_has_its_code(cell, image, instance_id):
    name = f"{instance_id}-vda"
    made = {"name": name, "backing_image": image.sha256, "size_bytes": 100 << 20}

    results = cell.tried(
        "volume", made, {**made, "size_bytes": 80 << 20}, {"name": name, "size_bytes": 100 << 20}
    )

    codes = [each["code"] for each in results]
    assert codes == [None, "volume_shrink", "volume_backing_differs"]


def test_one_bad_volume_never_stops_its_neighbours(cell, instance_id):
    items = [
        {"name": f"{instance_id}-vda", "backing_image": "0" * 64},
        {"name": "../../etc/passwd", "size_bytes": 512},
        {"name": f"{instance_id}-vdb", "size_bytes": 1 << 20},
    ]

    answer = cell.call("volume", *items)

    assert answer["msg"].startswith("2 of 3 volumes failed: ")
    codes = [each["code"] for each in answer["results"]]
    assert codes == ["image_not_placed", "invalid_item", None]
    assert (cell.volumes / f"{instance_id}-vdb.qcow2").exists()


def test_fifty_volumes_in_one_call(cell, image):
    names = [f"{index:08x}-0000-4000-8000-000000000000-vda" for index in range(50)]

    made = cell.call("volume", *({"name": n, "backing_image": image.sha256} for n in names))
    gone = cell.call("volume", *({"name": n, "state": "absent"} for n in names))

    assert [each["id"] for each in made["results"]] == names
    assert all(each["changed"] for each in made["results"] + gone["results"])


def content(cell, path, kind):
    """What the guest would see, as a checksum."""
    compare = ["qemu-img", "convert", "-f", kind, "-O", "raw", str(path), f"{path}.flat"]
    assert cell.run(compare).returncode == 0
    flat = path.with_name(f"{path.name}.flat")
    try:
        return hashlib.sha256(flat.read_bytes()).hexdigest()
    finally:
        flat.unlink()


def write(cell, path, kind, pattern):
    command = ["qemu-io", "-f", kind, "-c", f"write -P {pattern} 0 8M", str(path)]
    assert cell.run(command).returncode == 0


def test_cycle_of_a_raw_volume(cell, instance_id):
    name = f"{instance_id}-vda"
    path = cell.volumes / f"{name}.raw"
    raw = {"name": name, "size_bytes": MIB, "format": "raw"}
    larger = {**raw, "size_bytes": 2 * MIB}
    gone = {"name": name, "state": "absent"}

    made = cell.tried("volume", raw, raw, larger, larger, raw, gone, gone)

    assert [each["changed"] for each in made] == [True, False, True, False, False, True, False]
    assert [each["code"] for each in made] == [*[None] * 4, "volume_shrink", None, None]
    assert (made[3]["size_bytes"], made[3]["format"]) == (2 * MIB, "raw")
    assert not path.exists()


def test_overlay_is_converted_to_raw_and_back_with_its_content(cell, image, instance_id):
    name = f"{instance_id}-vda"
    path = cell.volumes / f"{name}.qcow2"
    overlay = {"name": name, "backing_image": image.sha256}
    cell.tried("volume", overlay)
    write(cell, path, "qcow2", 7)
    before = content(cell, path, "qcow2")

    raw = cell.tried("volume", *[{"name": name, "format": "raw"}] * 2)
    between = content(cell, path.with_suffix(".raw"), "raw")
    there = sorted(each.name for each in cell.volumes.glob(f"{name}*"))
    back = cell.tried("volume", *[{"name": name, "format": "qcow2", "size_bytes": 80 * MIB}] * 2)

    assert [each["changed"] for each in raw + back] == [True, False, True, False]
    assert raw[0]["diff"]["after"]["format"] == "raw"
    assert before == between
    assert there == [f"{name}.raw"]
    assert back[1]["size_bytes"] == 80 * MIB
    cell.tried("volume", {"name": name, "state": "absent"})


def test_raw_volume_of_an_image_holds_what_the_image_holds(cell, image, instance_id):
    name = f"{instance_id}-vda"
    item = {"name": name, "backing_image": image.sha256, "format": "raw"}

    made = cell.tried("volume", item, item, {**item, "size_bytes": 65 * MIB})

    assert [each["changed"] for each in made] == [True, False, True]
    assert made[0]["size_bytes"] == 64 * MIB
    cell.tried("volume", {"name": name, "state": "absent"})


@pytest.mark.parametrize("kind", ["qcow2", "raw"])
def test_compaction_gives_back_what_was_zeroed_and_is_done_once(cell, instance_id, kind):
    name = f"{instance_id}-vda"
    item = {"name": name, "size_bytes": 32 * MIB, "format": kind}
    path = cell.volumes / f"{name}.{kind}"
    fresh = cell.tried("volume", item, {**item, "compact": True})
    write(cell, path, kind, 7)
    write(cell, path, kind, 0)
    before = path.stat().st_blocks

    made = cell.tried("volume", *[{**item, "compact": True}] * 2)

    assert [each["changed"] for each in fresh + made] == [True, False, True, False]
    assert path.stat().st_blocks < before / 4
    assert path.stat().st_mode & 0o777 == 0o600
    cell.tried("volume", {"name": name, "state": "absent"})


@pytest.fixture
def running(cell, image, instance_id):
    """A volume that a domain runs on."""
    item = {"name": f"{instance_id}-vda", "backing_image": image.sha256}
    cell.call("volume", item)
    domain = {"uuid": instance_id, "name": f"vol-{instance_id[:8]}", "memory_mib": 64, "vcpus": 1}
    disks = [{"volume": item["name"]}]
    assert cell.call("domain", {**domain, "domain_type": "qemu", "disks": disks})["changed"]
    yield item
    cell.call("domain", {"uuid": instance_id, "state": "absent"})
    cell.call("volume", {"name": item["name"], "state": "absent"})


def test_volume_of_a_running_domain_grows_and_the_domain_sees_it(cell, running, instance_id):
    larger = {**running, "size_bytes": 128 * MIB}

    grown = cell.tried("volume", larger, larger, {**running, "size_bytes": 100 * MIB})
    seen = cell.virsh("domblkinfo", instance_id, "vda")
    (facts,) = cell.ask("volume_info", names=[running["name"]])["results"]

    assert [each["changed"] for each in grown] == [True, False, False]
    assert grown[2]["code"] == "volume_shrink"
    assert f"Capacity:       {128 * MIB}" in seen
    assert (facts["size_bytes"], facts["in_use"]) == (128 * MIB, True)
    assert facts["domain"] == f"vol-{instance_id[:8]}"


def test_what_rewrites_a_file_is_refused_while_a_domain_has_it(cell, running, instance_id):
    name = running["name"]
    compact, raw = {**running, "compact": True}, {"name": name, "format": "raw"}
    path = cell.volumes / f"{name}.qcow2"
    os.utime(path)  # as if the guest had written
    running_on = cell.tried("volume", compact, raw)
    cell.call("domain", {"uuid": instance_id, "state": "shutoff", "force": True})
    write(cell, path, "qcow2", 7)
    off = cell.tried("volume", compact, raw)
    cell.call("snapshot", {"uuid": instance_id, "name": "one"})
    write(cell, path, "qcow2", 8)
    kept = cell.tried("volume", compact)

    assert [each["code"] for each in running_on] == ["volume_in_use"] * 2
    assert [each["code"] for each in off] == [None, "volume_in_use"]
    assert kept[0]["code"] == "volume_has_snapshots"


def test_bad_items_fail_each_by_itself_with_a_reason(cell, instance_id, tmp_path):
    names = [f"{instance_id}-vd{letter}" for letter in "abcdefgh"]
    items = [
        {"name": names[0], "size_bytes": "10G"},
        {"name": names[1], "size_bytes": MIB, "sise": 1},
        {"size_bytes": MIB},
        {"name": names[2], "size_bytes": 60 << 40},
        {"name": "../../../etc/passwd", "size_bytes": MIB},
        {"name": f'{names[3]}"; id; "', "size_bytes": MIB},
        {"name": f"{names[3]}\n", "size_bytes": MIB},
        {"name": names[4], "size_bytes": MIB, "format": "vmdk"},
        {"name": names[5], "size_bytes": MIB, "pool": "no-such-pool"},
        {"name": names[6], "backing_image": "../../../../etc/shadow"},
        {"name": names[7], "size_bytes": MIB},
    ]

    answer = cell.call("volume", *items)

    assert [each["code"] for each in answer["results"]] == [
        *["invalid_item"] * 8,
        "pool_not_found",
        "invalid_item",
        None,
    ]
    messages = [each["msg"] for each in answer["results"]]
    assert "size_bytes" in messages[0]
    assert "whole numbers of bytes" in messages[0]
    assert "sise" in messages[1]
    assert "name" in messages[2]
    assert answer["results"][10]["id"] == names[7]
    assert [path.name for path in cell.volumes.glob(f"{instance_id}*")] == [f"{names[7]}.qcow2"]


def test_volume_that_names_a_foreign_file_is_not_touched(cell, instance_id):
    name = f"{instance_id}-vda"
    path = cell.volumes / f"{name}.qcow2"
    cell.call("volume", {"name": f"{instance_id}-vdb", "size_bytes": MIB})
    # Only a header is written: qemu-img would open what it names.
    header = bytearray((cell.volumes / f"{instance_id}-vdb.qcow2").read_bytes())
    header[8:20] = (512).to_bytes(8, "big") + (11).to_bytes(4, "big")
    header[512:523] = b"/etc/shadow"
    path.write_bytes(bytes(header))

    results = cell.tried(
        "volume",
        {"name": name, "size_bytes": 2 * MIB},
        {"name": name, "compact": True},
        {"name": name, "state": "absent"},
    )

    assert [each["code"] for each in results] == [*["volume_backing_differs"] * 2, None]


def test_info_lists_volumes_and_misses_none(cell, image, instance_id):
    items = [
        {"name": f"{instance_id}-vda", "backing_image": image.sha256},
        {"name": f"{instance_id}-vdb", "size_bytes": MIB, "format": "raw"},
    ]
    cell.call("volume", *items)

    found = {each["id"]: each for each in cell.ask("volume_info")["results"]}
    (none,) = cell.ask("volume_info", names=[f"{instance_id}-vdz"])["results"]

    one, two = (found[each["name"]] for each in items)
    assert (one["format"], one["domain"], one["in_use"]) == ("qcow2", None, False)
    assert one["backing"].endswith(f"{image.sha256}.qcow2")
    assert (two["format"], two["size_bytes"], two["snapshots"]) == ("raw", MIB, 0)
    assert none["code"] == "volume_not_found"
