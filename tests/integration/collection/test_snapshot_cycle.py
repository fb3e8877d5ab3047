"""Snapshots of a domain that is off and of guests that count, each step in check mode first."""

import itertools
import re
import time

import pytest

MIB = 1 << 20


def snapshots(cell, uuid):
    (found,) = cell.call("snapshot_info", {"uuid": uuid})["results"]
    return {each["name"]: each for each in found["snapshots"]}


def named(uuid, name, **more):
    return {"uuid": uuid, "name": name, **more}


@pytest.fixture
def made(cell, instance_id):
    """Return what makes a domain with volumes of its own, gone at the end."""
    volumes = []

    def make(*wanted, state="present", memory_mib=64):
        for letter, each in zip("abc", wanted, strict=False):
            volumes.append({"name": f"{instance_id}-vd{letter}", **each})
        assert cell.call("volume", *volumes)["changed"]
        domain = {
            "uuid": instance_id,
            "name": f"snap-{instance_id[:8]}",
            "state": state,
            "memory_mib": memory_mib,
            "vcpus": 1,
            "domain_type": "qemu",
            "disks": [{"volume": each["name"]} for each in volumes],
        }
        assert cell.call("domain", domain)["changed"]
        return instance_id

    yield make
    cell.call("domain", {"uuid": instance_id, "state": "absent"})
    cell.call("volume", *({"name": each["name"], "state": "absent"} for each in volumes))


class Guest:
    """A guest's counter as its serial log has it."""

    def __init__(self, cell, uuid):
        self._log = cell.root / f"log/skep/serial/{uuid}.log"

    def ticks(self):
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return [int(each) for each in re.findall(r"^tick (\d+)\r?$", text, re.MULTILINE)]

    def wait(self, is_done, timeout_s=120):
        deadline = time.monotonic() + timeout_s
        while not is_done(self.ticks()):
            assert time.monotonic() < deadline, self._log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
        return self.ticks()


@pytest.fixture
def guest(cell, made, demo_image):
    uuid = made({"backing_image": demo_image.sha256}, state="running", memory_mib=128)
    guest = Guest(cell, uuid)
    guest.uuid = uuid
    guest.wait(lambda ticks: len(ticks) > 2)
    return guest


def test_cycle_of_a_domain_that_is_off(cell, made, image):
    uuid = made({"backing_image": image.sha256}, {"size_bytes": MIB})
    one = named(uuid, "one", description="first")
    other = {**one, "description": "first, <again> & again"}
    back = named(uuid, "one", state="reverted")
    gone = named(uuid, "one", state="absent")

    made_ = cell.tried("snapshot", one, one, other, other, {**one, "description": None})
    reverted = cell.tried("snapshot", back, back)
    seen = snapshots(cell, uuid)["one"]
    removed = cell.tried("snapshot", gone, gone, back)

    assert [each["changed"] for each in made_] == [True, False, True, False, False]
    assert made_[2]["diff"] == {
        "before": {"description": "first"},
        "after": {"description": "first, <again> & again"},
    }
    assert [(each["changed"], each["state"]) for each in reverted] == [(True, "shutoff")] * 2
    assert (seen["memory"], seen["state"], seen["disks"]) == (False, "shutoff", ["vda", "vdb"])
    assert (seen["current"], seen["parent"], seen["external"]) == (True, None, False)
    assert [each["changed"] for each in removed] == [True, False, False]
    assert removed[2]["code"] == "snapshot_not_found"


def test_revert_brings_back_what_the_disk_held(cell, made):
    uuid = made({"size_bytes": MIB})
    path = cell.volumes / f"{uuid}-vda.qcow2"

    def write(letter):
        command = ["-c", f"write -P {ord(letter)} 0 64k", str(path)]
        assert cell.run(["qemu-io", "-f", "qcow2", *command]).returncode == 0

    def holds(letter):
        command = ["-c", f"read -P {ord(letter)} 0 64k", str(path)]
        done = cell.run(["qemu-io", "-f", "qcow2", *command])
        return "Pattern verification failed" not in done.stdout

    write("a")
    cell.tried("snapshot", named(uuid, "a"))
    write("b")
    cell.tried("snapshot", named(uuid, "b"))
    write("c")
    cell.tried("snapshot", named(uuid, "a", state="absent"))
    kept = holds("c")
    cell.tried("snapshot", named(uuid, "b", state="reverted"))

    assert kept
    assert holds("b")


def test_tree_and_deletion_of_a_branch(cell, made):
    uuid = made({"size_bytes": MIB})
    order = [named(uuid, "root"), named(uuid, "left"), named(uuid, "leaf")]
    cell.call("snapshot", *order)
    cell.call("snapshot", named(uuid, "root", state="reverted"), named(uuid, "right"))

    before = {name: each["parent"] for name, each in snapshots(cell, uuid).items()}
    merged = cell.tried("snapshot", named(uuid, "left", state="absent"))
    between = {name: each["parent"] for name, each in snapshots(cell, uuid).items()}
    branch = cell.tried("snapshot", named(uuid, "root", state="absent", children=True))

    assert before == {"root": None, "left": "root", "leaf": "left", "right": "root"}
    assert merged[0]["diff"]["after"] == {"snapshots": ["root", "leaf", "right"]}
    assert between == {"root": None, "leaf": "root", "right": "root"}
    assert branch[0]["diff"]["after"] == {"snapshots": []}
    assert snapshots(cell, uuid) == {}


def test_memory_snapshot_reverts_to_the_earlier_counter(cell, guest):
    one = named(guest.uuid, "warm", memory=True)

    made_ = cell.tried("snapshot", one, one, {**one, "memory": False})
    at = guest.ticks()[-1]
    later = guest.wait(lambda ticks: ticks[-1] > at + 4)
    back = cell.tried("snapshot", {**one, "state": "reverted"})
    seen = guest.wait(lambda ticks: len(ticks) > len(later) + 3)
    removed = cell.tried("snapshot", {**one, "state": "absent"})
    went_on = guest.wait(lambda ticks: len(ticks) > len(seen) + 1)

    assert [each["changed"] for each in made_] == [True, False, False]
    assert made_[2]["code"] == "snapshot_differs"
    assert [(each["changed"], each["state"]) for each in back] == [(True, "running")]
    # The counter fell back behind what it had said, and went on from there without a boot.
    first = next(now for was, now in itertools.pairwise(seen) if now <= was)
    assert 1 < first <= at + 2 < later[-1]
    assert removed[0]["changed"]
    assert went_on[-1] > seen[-1]


def test_disks_of_a_running_guest_are_kept_while_it_goes_on(cell, guest):
    one = named(guest.uuid, "live")
    before = cell.virsh("domid", guest.uuid)

    made_ = cell.tried("snapshot", one, one)
    ticks = guest.ticks()
    guest.wait(lambda now: len(now) > len(ticks) + 1)
    same = cell.virsh("domid", guest.uuid)
    seen = snapshots(cell, guest.uuid)["live"]
    child = cell.tried("snapshot", named(guest.uuid, "warm", memory=True))
    back = cell.tried("snapshot", {**one, "state": "reverted"})
    restarted = guest.wait(lambda now: now[-1] < ticks[-1])
    gone = cell.tried("snapshot", {**one, "state": "absent"})

    assert [each["changed"] for each in made_] == [True, False]
    assert before == same
    assert (seen["memory"], seen["state"], seen["current"]) == (False, "shutoff", True)
    assert child[0]["snapshot"]["parent"] == "live"
    assert [(each["ok"], each["state"]) for each in back] == [(True, "running")]
    assert restarted[-1] < ticks[-1]
    assert gone[0]["changed"]
    assert list(snapshots(cell, guest.uuid)) == ["warm"]


def test_disks_of_a_running_guest_stay_as_they_were_at_that_moment(cell, guest):
    cell.tried("snapshot", named(guest.uuid, "live"))
    cell.virsh("destroy", guest.uuid)
    path = cell.volumes / f"{guest.uuid}-vda.qcow2"
    cell.run(["qemu-io", "-f", "qcow2", "-c", "write -P 0 0 1M", str(path)])

    back = cell.tried("snapshot", named(guest.uuid, "live", state="reverted", start=True))
    ticks = len(guest.ticks())
    guest.wait(lambda now: len(now) > ticks + 2)

    assert back[0]["state"] == "running"


def test_each_refusal_has_its_code_and_stops_no_neighbour(cell, made):
    uuid = made({"size_bytes": MIB})
    nobody = "00000000-0000-4000-8000-000000000000"
    items = [
        named(uuid, "../../etc/passwd"),
        named(uuid, "1"),
        named(uuid, 'a"b'),
        named(uuid, "a\nb"),
        named(uuid, "x" * 65),
        named(uuid, "warm", memory=True),
        named(uuid, "nothing", state="reverted"),
        named(uuid, "nothing-else", state="absent"),
        named(uuid, "bad", description="a\x00b"),
        named(nobody, "one"),
        named(nobody, "one too", state="absent"),
        {"domain": "nobody", "name": "one"},
        {"domain": "nobody", "name": "one-too", "state": "absent"},
        named("not a uuid", "one"),
        named(uuid, "good"),
    ]

    answer = cell.call("snapshot", *items)

    assert [each["code"] for each in answer["results"]] == [
        *["invalid_item"] * 5,
        "invalid_state",
        "snapshot_not_found",
        None,
        "invalid_item",
        "domain_not_found",
        "invalid_item",
        "domain_not_found",
        None,
        "invalid_item",
        None,
    ]
    assert list(snapshots(cell, uuid)) == ["good"]


def test_info_of_nobody_and_of_all(cell, made):
    uuid = made({"size_bytes": MIB})
    nobody = "00000000-0000-4000-8000-000000000000"
    cell.call("snapshot", named(uuid, "one"))

    (unknown,) = cell.call("snapshot_info", {"uuid": nobody})["results"]
    all_of_them = cell.ask("snapshot_info")["results"]

    assert unknown["code"] == "domain_not_found"
    assert {each["id"]: len(each["snapshots"]) for each in all_of_them}[uuid] == 1
