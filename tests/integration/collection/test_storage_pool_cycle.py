"""Pools that are directories, with a real libvirt; NFS and LVM need a kernel and are in the lab."""

import pytest

MIB = 1 << 20


@pytest.fixture
def name(instance_id):
    return f"pool-{instance_id[:8]}"


@pytest.fixture
def path(cell, name):
    """A directory that the Cell and this test both see."""
    return cell.root / "lib/skep/pools" / name


def facts(cell, *names):
    return [each["pool"] for each in cell.ask("storage_pool_info", names=list(names))["results"]]


def test_cycle_of_a_directory(cell, name, path):
    one = {"name": name, "type": "dir", "path": str(path)}
    manual = {**one, "autostart": False}
    gone = {"name": name, "state": "absent"}

    made = cell.tried("storage_pool", one, one, manual, manual)
    cell.virsh("pool-destroy", name)
    started = cell.tried("storage_pool", manual)
    (seen,) = facts(cell, name)
    (path / "kept").write_text("")
    full = cell.tried("storage_pool", {**gone, "purge": True})
    removed = cell.tried("storage_pool", gone, gone)
    (path / "kept").unlink()
    again = cell.tried("storage_pool", one, {**gone, "purge": True})

    assert [each["changed"] for each in made + started] == [True, False, True, False, True]
    assert made[2]["diff"]["after"]["autostart"] is False
    assert (seen["type"], seen["path"], seen["active"]) == ("dir", str(path), True)
    assert seen["autostart"] is False
    assert seen["capacity_bytes"] >= seen["allocated_bytes"] + seen["available_bytes"] > 0
    assert full[0]["code"] == "pool_not_empty"
    assert [each["changed"] for each in removed] == [True, False]
    assert [each["changed"] for each in again] == [True, True]
    assert not path.exists()


def test_volumes_lie_in_the_pool_that_they_name(cell, image, name, path, instance_id):
    cell.call("storage_pool", {"name": name, "type": "dir", "path": str(path)})
    volume = {"name": f"{instance_id}-vda", "pool": name, "backing_image": image.sha256}

    made = cell.tried("volume", volume, volume)
    there = [each.name for each in path.iterdir()]
    (listed,) = cell.ask("volume_info", pool=name)["results"]
    image_kept = cell.tried("image", {"sha256": image.sha256, "state": "absent"})
    xml = f"""<domain type='qemu'><name>{name}</name><uuid>{instance_id}</uuid>
      <memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='{made[0]["path"]}'/><target dev='vda'/></disk></devices></domain>"""
    (cell.root / "lib/pool.xml").write_text(xml)
    cell.virsh("define", str(cell.root / "lib/pool.xml"))
    used = cell.tried("storage_pool", {"name": name, "state": "absent"})
    cell.virsh("undefine", instance_id)
    cell.virsh("pool-destroy", name)
    stopped = cell.tried("volume", {**volume, "size_bytes": 128 * MIB})
    cell.call("storage_pool", {"name": name, "type": "dir", "path": str(path)})
    removed = cell.tried("volume", {**volume, "state": "absent"})
    cell.call("storage_pool", {"name": name, "state": "absent", "purge": True})

    assert [each["changed"] for each in made] == [True, False]
    assert made[0]["path"] == str(path / f"{instance_id}-vda.qcow2")
    assert there == [f"{instance_id}-vda.qcow2"]
    assert listed["path"] == made[0]["path"]
    assert image_kept[0]["code"] == "image_in_use"
    assert (used[0]["code"], name in used[0]["msg"]) == ("pool_in_use", True)
    assert stopped[0]["code"] == "pool_unusable"
    assert removed[0]["changed"]


def test_bad_items_fail_each_by_itself_with_a_reason(cell, name, path):
    good = {"name": name, "type": "dir", "path": str(path)}
    items = [
        {"name": "../x", "type": "dir"},
        {"name": "a\nb", "type": "dir"},
        {"name": "'; id;'", "type": "dir"},
        {"name": "etc", "type": "dir", "path": "/etc/skep"},
        {"name": "up", "type": "dir", "path": "/srv/../etc"},
        {"name": "relative", "type": "dir", "path": "srv"},
        {"name": "root", "type": "dir", "path": "/"},
        {"name": "nothing"},
        {"name": "other-type", "type": "ceph"},
        {"name": "mixed", "type": "dir", "volume_group": "vg0"},
        {"name": "no-host", "type": "nfs", "export": "/x"},
        {"name": "bad-host", "type": "nfs", "host": "-oProxy", "export": "/x"},
        {"name": "bad-export", "type": "nfs", "host": "nas", "export": "/x,rw"},
        {"name": "bad-group", "type": "lvm", "volume_group": "-vg"},
        {"name": "bad-device", "type": "lvm", "volume_group": "v", "devices": ["/dev/../etc/x"]},
        {"name": "size", "type": "lvm_thin", "volume_group": "v", "size_bytes": "1T"},
        {"name": "down", "type": "nfs", "host": "127.0.0.1", "export": "/x"},
        {"name": "no-group", "type": "lvm", "volume_group": "no-such-group"},
        {"name": "no-disk", "type": "lvm", "volume_group": "v", "devices": ["/dev/no-such-disk"]},
        good,
    ]

    answer = cell.call("storage_pool", *items)
    other = cell.tried("storage_pool", {**good, "path": f"{path}-elsewhere"})
    another = cell.tried("storage_pool", {"name": name, "type": "lvm", "volume_group": "v"})
    (none,) = cell.ask("storage_pool_info", names=["none"])["results"]
    cell.call("storage_pool", {"name": name, "state": "absent", "purge": True})

    assert [each["code"] for each in answer["results"]] == [
        *["invalid_item"] * 16,
        "pool_unreachable",
        "pool_unusable",
        "device_refused",
        None,
    ]
    assert "/etc" in answer["results"][3]["msg"]
    assert [other[0]["code"], another[0]["code"]] == ["pool_differs"] * 2
    assert none["code"] == "pool_not_found"
