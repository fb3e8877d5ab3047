"""create, repeat, change, repeat, delete, repeat: each first in check mode."""

import subprocess


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
