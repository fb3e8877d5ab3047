from dataclasses import replace

import pytest
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
    InvalidItemError,
)
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.errors import (
    SnapshotDiffersError,
    SnapshotNotFoundError,
    SnapshotUnsupportedError,
)
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.plan import (
    CurrentSnapshots,
    Step,
    descendants,
    plan,
)
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.resource import workers_for
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.spec import parse
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.xml import Disk, Facts
from ansible_collections.skep.kvm.plugins.modules.snapshot import ARGUMENT_SPEC

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
DISK = Disk("vda", "qcow2", "virtio-disk0")
WARM = Facts("warm", None, "", "running", True, False, 1, ("vda",))  # noqa: FBT003
COLD = Facts("cold", "warm", "", "shutoff", False, False, 2, ("vda",))  # noqa: FBT003


def domain(state="running", *snapshots, **more):
    known = {each.name: each for each in snapshots}
    return replace(CurrentSnapshots(state, disks=(DISK,), snapshots=known), **more)


def decide(current, **item):
    item = filled(ARGUMENT_SPEC, uuid=UUID, **{"name": "one", **item})
    return plan(parse(item, UUID), current)


@pytest.mark.parametrize(
    ("state", "memory", "step"),
    [
        ("shutoff", None, Step.CREATE),
        ("shutoff", False, Step.CREATE),
        ("running", None, Step.CREATE_LIVE),
        ("paused", False, Step.CREATE_LIVE),
        ("running", True, Step.CREATE),
        ("paused", True, Step.CREATE),
    ],
)
def test_new_snapshot_is_made_as_the_domain_allows(state, memory, step):
    more = {} if memory is None else {"memory": memory}

    found = decide(domain(state), **more)

    assert (found.steps, found.memory) == ((step,), bool(memory))


def test_domain_that_is_off_has_no_memory_to_keep():
    with pytest.raises(DomainStateError, match="memory"):
        decide(domain("shutoff"), memory=True)


@pytest.mark.parametrize("kind", ["raw", "block", "network"])
def test_disk_that_cannot_hold_a_snapshot_is_named(kind):
    current = domain(disks=(DISK, Disk("vdb", kind, "virtio-disk1")))

    with pytest.raises(SnapshotUnsupportedError, match=rf"vdb \({kind}\)"):
        decide(current)


def test_domain_without_disks_has_nothing_to_keep():
    with pytest.raises(SnapshotUnsupportedError, match="no disk"):
        decide(domain(disks=()))


def test_snapshot_that_exists_is_no_change_unless_its_kind_is_asked_for():
    assert decide(domain("running", WARM), name="warm").steps == ()
    assert decide(domain("running", WARM), name="warm", memory=True).steps == ()
    with pytest.raises(SnapshotDiffersError, match="with memory, not without"):
        decide(domain("running", WARM), name="warm", memory=False)


def test_description_changes_and_is_left_alone_when_not_given():
    assert decide(domain("running", WARM), name="warm", description="x").steps == (Step.DESCRIBE,)
    assert decide(domain("running", WARM), name="warm", description="").steps == ()


@pytest.mark.parametrize(
    ("state", "name", "start", "runs", "ends"),
    [
        ("running", "cold", False, True, "running"),
        ("shutoff", "cold", False, False, "shutoff"),
        ("shutoff", "cold", True, True, "running"),
        ("shutoff", "warm", False, False, "running"),
        ("paused", "warm", False, False, "running"),
    ],
)
def test_revert_ends_in_the_state_that_it_foretells(state, name, start, runs, ends):
    found = decide(domain(state, WARM, COLD), name=name, state="reverted", start=start)

    assert (found.steps, found.runs, found.after["state"]) == ((Step.REVERT,), runs, ends)


def test_revert_to_nothing_names_what_there_is():
    with pytest.raises(SnapshotNotFoundError, match="it has warm, cold"):
        decide(domain("running", WARM, COLD), state="reverted")


def test_deletion_keeps_children_unless_told():
    current = domain("running", WARM, COLD)

    alone = decide(current, name="warm", state="absent")
    branch = decide(current, name="warm", state="absent", children=True)

    assert alone.after == {"snapshots": ["cold"]}
    assert branch.after == {"snapshots": []}
    assert descendants("warm", current.snapshots) == {"cold"}


def test_nothing_is_deleted_twice_or_of_nobody():
    assert decide(domain("running"), state="absent").steps == ()
    assert decide(CurrentSnapshots(), state="absent").steps == ()
    with pytest.raises(DomainNotFoundError):
        decide(CurrentSnapshots())


@pytest.mark.parametrize("state", ["present", "reverted", "absent"])
def test_domain_that_migrates_is_left_alone(state):
    with pytest.raises(DomainStateError, match="migration"):
        decide(domain("paused", WARM, is_migrating=True), name="warm", state=state)


@pytest.mark.parametrize(
    "name", ["", "1", "1a", ".a", "a/b", "..", "a b", "a\n", "a'b", 'a"b', "é", "a" * 65, "-a"]
)
def test_names_that_a_program_could_take_for_something_else_are_refused(name):
    with pytest.raises(InvalidItemError):
        decide(domain(), name=name)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", " a", "x" * 1025, "\ud800"])
def test_descriptions_that_xml_cannot_hold_are_refused(text):
    with pytest.raises(InvalidItemError):
        decide(domain(), description=text)


def test_items_of_one_domain_are_taken_in_their_order():
    one, other = {"uuid": "a"}, {"uuid": "b"}

    assert workers_for([one, other]) is None
    assert workers_for([one, other, one]) == 1
    assert workers_for([one, {"domain": "web-1"}]) == 1
