"""Storage pools on a machine with a kernel of its own: LVM, thin LVM and NFS, and volumes in them.

Every cycle is create, repeat, change, repeat, delete, repeat, each first in check mode.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab import Lab
from tests.lab.modules import Modules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.cell import Cell

pytestmark = [
    pytest.mark.lab,
    pytest.mark.full,
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root"),
    pytest.mark.timeout(2400),
]
MIB = 1 << 20
UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
IMAGES = "/var/lib/skep/images"


@dataclass(frozen=True)
class Storage:
    """The Cell, the modules on it, and an image that lies in place."""

    cell: Cell
    modules: Modules
    image: str

    def sh(self, script: str) -> str:
        """Run a shell script on the Cell and return what it says."""
        return self.cell.ssh(["sh", "-euc", script], timeout_s=300).stdout.strip()

    def disk(self, name: str, size_mib: int = 256) -> str:
        """Return a new empty block device."""
        made = f"truncate -s {size_mib}M /srv/{name}.img; losetup -f --show /srv/{name}.img"
        return self.sh(f"mkdir -p /srv; {made}")

    def facts(self, pool: str) -> dict[str, Any]:
        """Return what storage_pool_info says of a pool."""
        (found,) = self.modules.ask("storage_pool_info", names=[pool])
        return dict(found["pool"])

    def domain(self, device: str) -> None:
        """Start a guest under KVM that has a block device and does nothing with it."""
        xml = f"""<domain type='kvm'><name>holder</name><uuid>{UUID}</uuid>
          <memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
          <disk type='block' device='disk'><driver name='qemu' type='raw'/>
          <source dev='{device}'/><target dev='vda' bus='virtio'/></disk></devices></domain>"""
        self.cell.ssh(["sh", "-c", "cat > /root/holder.xml"], stdin=xml)
        self.sh("virsh -q define /root/holder.xml; virsh -q start holder")


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with Lab.up(cells=1, full=True) as lab:
        cell = lab.cells["cell1"]
        image = cell.ssh(["sh", "-euc", _MAKE_IMAGE], timeout_s=300).stdout.split()[0]
        yield Storage(cell, Modules(cell), image)


_MAKE_IMAGE = f"""
mkdir -p {IMAGES}; cd {IMAGES}; qemu-img create -q -f qcow2 x 16M
qemu-io -f qcow2 -c 'write -P 7 0 1M' x >/dev/null
sum=$(sha256sum x); mv x "${{sum%% *}}.qcow2"; echo "$sum"
"""


def changed(results: list[dict[str, Any]]) -> list[bool]:
    assert [each["code"] for each in results] == [None] * len(results), results
    return [each["changed"] for each in results]


def test_cycle_of_a_volume_group(storage: Storage) -> None:
    one, two = storage.disk("one"), storage.disk("two")
    group = {"name": "fast", "type": "lvm", "volume_group": "vg0", "devices": [one]}
    larger = {**group, "devices": [one, two], "autostart": False}
    gone = {"name": "fast", "state": "absent"}

    made = storage.modules.tried("storage_pool", group, group, larger, larger)
    seen = storage.facts("fast")
    autoactivation = storage.sh("vgs --noheadings -o vg_autoactivation vg0")
    kept = storage.modules.tried("storage_pool", gone, gone)
    still = storage.sh("vgs --noheadings -o vg_name")
    purged = storage.modules.tried("storage_pool", larger, {**gone, "purge": True})

    assert changed(made) == [True, False, True, False]
    assert made[0]["pool"]["capacity_bytes"] == 252 * MIB
    assert (seen["capacity_bytes"], seen["allocated_bytes"]) == (504 * MIB, 0)
    assert (seen["autostart"], autoactivation) == (False, "")
    assert changed(kept) == [True, False]
    assert still == "vg0"
    assert changed(purged) == [True, True]
    assert storage.sh("vgs --noheadings; pvs --noheadings") == ""


def test_devices_that_are_not_free_are_refused_and_keep_what_they_hold(storage: Storage) -> None:
    held, other = storage.disk("held"), storage.disk("other")
    storage.sh(f"mkfs.ext4 -q {held}; vgcreate -q foreign {other}")
    before = storage.sh(f"sha256sum {held}")

    def pool(*devices: str) -> dict[str, Any]:
        return {"name": "p", "type": "lvm", "volume_group": "vg1", "devices": list(devices)}

    refused = storage.modules.tried(
        "storage_pool", pool(held), pool(other), pool("/dev/null"), pool("/dev/vda")
    )
    wrong = {"name": "p", "type": "lvm_thin", "volume_group": "foreign", "thin_pool": "lv"}
    storage.sh("lvcreate -q -n lv -L 8M foreign")
    no_pool = storage.modules.tried("storage_pool", wrong)
    after = storage.sh(f"sha256sum {held}")
    storage.sh("lvremove -qy foreign/lv; vgremove -q foreign")

    assert [each["code"] for each in refused + no_pool] == ["device_refused"] * 5
    assert "ext4" in refused[0]["msg"]
    assert "foreign" in refused[1]["msg"]
    assert before == after


def test_cycle_of_volumes_in_a_group_that_nobody_reads_anothers_data_in(storage: Storage) -> None:
    pool = {"name": "thick", "type": "lvm", "volume_group": "vg2"}
    storage.modules.call("storage_pool", {**pool, "devices": [storage.disk("thick")]})
    name = f"{UUID}-vda"
    volume = {"name": name, "pool": "thick", "size_bytes": 30 * MIB}
    larger = {**volume, "size_bytes": 64 * MIB}
    gone = {"name": name, "pool": "thick", "state": "absent"}

    made = storage.modules.tried("volume", volume, volume)
    grown = storage.modules.tried("volume", larger, larger, volume)
    storage.sh(f"tr '\\0' x < /dev/zero | dd of=/dev/vg2/{name} bs=1M count=64 iflag=fullblock")
    full = storage.modules.tried("storage_pool", {**pool, "state": "absent", "purge": True})
    removed = storage.modules.tried("volume", gone, gone)
    storage.modules.call("volume", {**volume, "size_bytes": 8 * MIB})
    storage.modules.call("volume", larger)
    left = storage.sh(f"tr -d '\\0' < /dev/vg2/{name} | wc -c")
    storage.modules.call("volume", gone)

    assert changed(made) == [True, False]
    assert (made[0]["size_bytes"], made[0]["path"]) == (32 * MIB, f"/dev/vg2/{name}")
    assert [each["changed"] for each in grown] == [True, False, False]
    assert grown[2]["code"] == "volume_shrink"
    assert full[0]["code"] == "pool_not_empty"
    assert changed(removed) == [True, False]
    assert left == "0"


def test_volume_of_an_image_grows_under_a_running_guest(storage: Storage) -> None:
    name = f"{UUID}-vdb"
    volume = {"name": name, "pool": "thick", "backing_image": storage.image}

    made = storage.modules.tried("volume", volume, volume)
    filled = storage.sh(f"head -c 1M /dev/vg2/{name} | tr -d '\\7' | wc -c")
    storage.domain(f"/dev/vg2/{name}")
    grown = storage.modules.tried("volume", *[{**volume, "size_bytes": 48 * MIB}] * 2)
    seen = storage.sh("virsh domblkinfo holder vda")
    gone = {"name": name, "pool": "thick", "state": "absent"}
    used = storage.modules.tried("volume", gone)
    held = storage.modules.tried("storage_pool", {"name": "thick", "state": "absent"})
    (facts,) = storage.modules.ask("volume_info", pool="thick")
    storage.sh("virsh -q destroy holder; virsh -q undefine holder")
    storage.modules.call("volume", gone)
    end = storage.modules.tried("storage_pool", {"name": "thick", "state": "absent", "purge": True})

    assert changed(made) == [True, False]
    assert (made[0]["size_bytes"], filled) == (16 * MIB, "0")
    assert changed(grown) == [True, False]
    assert re.search(rf"Capacity: +{48 * MIB}", seen)
    assert (used[0]["code"], held[0]["code"]) == ("volume_in_use", "pool_in_use")
    assert (facts["id"], facts["domain"], facts["in_use"]) == (name, "holder", True)
    assert facts["allocated_bytes"] == 48 * MIB
    assert changed(end) == [True]


THIN = {"name": "thin", "type": "lvm_thin", "volume_group": "vg3", "size_bytes": 160 * MIB}


def test_cycle_of_a_thin_pool(storage: Storage) -> None:
    small = {**THIN, "size_bytes": 100 * MIB, "devices": [storage.disk("thin")]}
    gone = {"name": "thin", "state": "absent", "purge": True}

    made = storage.modules.tried("storage_pool", small, small, THIN, THIN, small)
    seen = storage.facts("thin")
    purged = storage.modules.tried("storage_pool", gone, gone)
    group = {"name": "rest", "type": "lvm", "volume_group": "vg3"}
    rest = storage.modules.tried("storage_pool", group, {**gone, "name": "rest"})

    assert [each["changed"] for each in made] == [True, False, True, False, False]
    assert made[4]["code"] == "pool_differs"
    assert (seen["capacity_bytes"], seen["allocated_bytes"]) == (160 * MIB, 0)
    assert changed(purged) == [True, False]
    assert changed(rest) == [True, True]
    assert storage.sh("vgs --noheadings") == ""


def test_thin_volumes_promise_more_than_there_is_and_the_report_says_so(storage: Storage) -> None:
    storage.modules.call("storage_pool", {**THIN, "devices": [storage.disk("thin2")]})
    one, two = ({"name": f"{UUID}-vd{each}", "pool": "thin"} for each in "ab")
    gone = {"name": "thin", "state": "absent", "purge": True}

    filled = storage.modules.tried(
        "volume", *({**each, "size_bytes": 1024 * MIB} for each in (one, two, one))
    )
    storage.sh(f"dd if=/dev/zero of=/dev/vg3/{UUID}-vda bs=1M count=40 conv=fsync")
    seen = storage.facts("thin")
    (facts, _) = storage.modules.ask("volume_info", pool="thin")
    grown = storage.modules.tried("volume", {**one, "size_bytes": 2048 * MIB})
    full = storage.modules.tried("storage_pool", gone)
    removed = storage.modules.tried("volume", *({**each, "state": "absent"} for each in (one, two)))
    empty = storage.facts("thin")
    purged = storage.modules.tried("storage_pool", gone)

    assert changed(filled) == [True, True, False]
    assert seen["provisioned_bytes"] == 2048 * MIB
    assert 39 * MIB < seen["allocated_bytes"] < 42 * MIB
    assert seen["capacity_bytes"] == seen["allocated_bytes"] + seen["available_bytes"] == 160 * MIB
    assert 0 < seen["metadata_percent"] < 100
    assert 39 * MIB < facts["allocated_bytes"] < 42 * MIB
    assert full[0]["code"] == "pool_not_empty"
    assert changed(grown + removed + purged) == [True] * 4
    assert empty["allocated_bytes"] == 0


NFS = {"name": "shared", "type": "nfs", "host": "127.0.0.1", "export": "/srv/export"}
SERVE = """
mkdir -p /srv/export; echo '/srv/export *(rw,no_root_squash,fsid=1)' > /etc/exports
systemctl start nfs-server
"""


def test_cycle_of_an_nfs_export(storage: Storage) -> None:
    storage.sh(SERVE)
    newer = {**NFS, "nfs_version": "4.2"}
    gone = {"name": "shared", "state": "absent", "purge": True}

    made = storage.modules.tried("storage_pool", NFS, NFS, newer, newer)
    mount = storage.sh("findmnt -no FSTYPE,OPTIONS /var/lib/skep/pools/shared")
    seen = storage.facts("shared")
    storage.sh("virsh -q pool-destroy shared")
    mounted_again = storage.modules.tried("storage_pool", newer)
    unmounted = storage.modules.tried("storage_pool", gone, gone)
    storage.sh("systemctl stop nfs-server")
    down = storage.modules.tried("storage_pool", NFS)

    assert changed(made) == [True, False, True, False]
    assert mount.startswith("nfs4")
    assert {"vers=4.2", "nosuid", "nodev", "noexec"} <= set(re.split(r"[ ,]+", mount))
    assert seen["capacity_bytes"] > seen["available_bytes"] > 0
    assert (seen["active"], seen["autostart"]) == (True, True)
    assert changed(mounted_again) == [True]
    assert changed(unmounted) == [True, False]
    assert down[0]["code"] == "pool_unreachable"
    assert storage.sh("ls -d /var/lib/skep/pools/shared 2>/dev/null || true") == ""


def test_volumes_over_nfs(storage: Storage) -> None:
    storage.sh(SERVE)
    storage.modules.call("storage_pool", NFS)
    volume = {"name": f"{UUID}-vda", "pool": "shared", "backing_image": storage.image}

    made = storage.modules.tried("volume", volume, volume, {**volume, "size_bytes": 32 * MIB})
    there = storage.sh("ls /srv/export")
    compacted = storage.modules.tried("volume", {**volume, "compact": True})
    removed = storage.modules.tried("volume", *[{**volume, "state": "absent"}] * 2)
    storage.modules.call("storage_pool", {"name": "shared", "state": "absent"})

    assert changed(made) == [True, False, True]
    assert there == f"{UUID}-vda.qcow2"
    assert compacted[0]["ok"]
    assert changed(removed) == [True, False]


class Guest:
    """A guest that counts on its serial console."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def ticks(self) -> list[int]:
        """Return all that it has said."""
        log = self._storage.sh(f"cat /var/log/skep/serial/{UUID}.log 2>/dev/null || true")
        return [int(each) for each in re.findall(r"^tick (\d+)", log, re.MULTILINE)]

    def wait(self, more: int) -> list[int]:
        """Return what it has said when it has said so much more."""
        deadline, count = time.monotonic() + 300, len(self.ticks()) + more
        while len(self.ticks()) < count:
            assert time.monotonic() < deadline, self.ticks()
            time.sleep(1)
        return self.ticks()


@pytest.fixture
def guest(storage: Storage, demo_image: Path) -> Iterator[Guest]:
    content = demo_image.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    receive = f"base64 -d > {IMAGES}/{sha256}.qcow2"
    storage.cell.ssh(["sh", "-c", receive], stdin=base64.b64encode(content).decode())
    volume = f"{UUID}-vda"
    storage.modules.call("volume", {"name": volume, "backing_image": sha256})
    domain = {"uuid": UUID, "name": "counter", "memory_mib": 128, "vcpus": 1}
    storage.modules.call("domain", {**domain, "disks": [{"volume": volume}]})
    made = Guest(storage)
    made.wait(3)
    yield made
    storage.modules.call("domain", {"uuid": UUID, "state": "absent"})
    storage.modules.call("volume", {"name": volume, "state": "absent"})


def test_memory_snapshot_under_kvm_reverts_to_the_earlier_counter(
    storage: Storage, guest: Guest
) -> None:
    one = {"uuid": UUID, "name": "warm", "memory": True}

    made = storage.modules.tried("snapshot", one, one)
    later = guest.wait(5)
    back = storage.modules.tried("snapshot", {**one, "state": "reverted"})
    seen = guest.wait(3)
    gone = storage.modules.tried("snapshot", *[{**one, "state": "absent"}] * 2)

    assert changed(made) == [True, False]
    assert [each["state"] for each in back] == ["running"]
    fallen = [now for was, now in itertools.pairwise(seen) if now <= was]
    assert len(fallen) == 1
    assert 1 < fallen[0] < later[-1]
    assert changed(gone) == [True, False]
