from dataclasses import replace

import pytest
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._pool.errors import (
    DeviceRefusedError,
    PoolDiffersError,
    PoolInUseError,
    PoolNotEmptyError,
)
from ansible_collections.skep.kvm.plugins.module_utils._pool.libvirt_pools import render
from ansible_collections.skep.kvm.plugins.module_utils._pool.plan import (
    CurrentPool,
    Step,
    plan,
    settings_of,
)
from ansible_collections.skep.kvm.plugins.module_utils._pool.spec import parse
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import PoolUnusableError
from ansible_collections.skep.kvm.plugins.modules.storage_pool import ARGUMENT_SPEC

DIRECTORY = {"name": "local", "type": "dir", "path": "/srv/local"}
NFS = {"name": "shared", "type": "nfs", "host": "nas", "export": "/x"}
GROUP = {"name": "fast", "type": "lvm", "volume_group": "vg0"}
THIN = {"name": "thin", "type": "lvm_thin", "volume_group": "vg0", "size_bytes": 1 << 30}
USED = ("/srv/local/x", "web-1")


def spec(item, **more):
    return parse(filled(ARGUMENT_SPEC, **item, **more))


def there(item, **more):
    """The pool of this item as it is when all is well."""
    wanted = spec(item)
    known = {"is_active": True, "autostart": True, "has_group": True, "has_thin": True}
    size = wanted.size_bytes or 0
    return CurrentPool(wanted.type, settings_of(wanted), size_bytes=size, **{**known, **more})


def steps(item, current, **more):
    return plan(spec(item, **more), current).steps


@pytest.mark.parametrize("item", [DIRECTORY, NFS])
def test_new_directory_is_defined_started_and_set_to_start(item):
    assert steps(item, CurrentPool()) == (Step.DEFINE, Step.START, Step.AUTOSTART)


@pytest.mark.parametrize("item", [DIRECTORY, NFS, GROUP, THIN])
def test_pool_as_wanted_is_no_change_and_differs_in_autostart_alone(item):
    assert steps(item, there(item)) == ()
    assert steps(item, there(item), autostart=False) == (Step.AUTOSTART,)


def test_stopped_pool_is_started():
    assert steps(DIRECTORY, there(DIRECTORY, is_active=False)) == (Step.START,)


def test_other_server_is_mounted_anew_unless_a_domain_needs_it():
    again = (Step.STOP, Step.FORGET, Step.DEFINE, Step.START, Step.AUTOSTART)

    assert steps({**NFS, "host": "other"}, there(NFS)) == again
    with pytest.raises(PoolInUseError, match="web-1"):
        steps({**NFS, "host": "other"}, there(NFS, user=USED))


@pytest.mark.parametrize(
    ("item", "current"),
    [
        ({**DIRECTORY, "path": "/srv/other"}, there(DIRECTORY)),
        ({**GROUP, "name": "local"}, there(DIRECTORY)),
        ({**GROUP, "volume_group": "vg1"}, there(GROUP)),
        ({**THIN, "size_bytes": 1 << 29}, there(THIN)),
    ],
)
def test_what_cannot_change_without_loss_is_refused(item, current):
    with pytest.raises(PoolDiffersError):
        steps(item, current)


def test_group_is_made_of_devices_extended_by_new_ones_and_taken_over_as_it_is():
    new = CurrentPool(new_devices=("/dev/sdb",), autostart=True)
    group = {**GROUP, "devices": ["/dev/sdb"]}

    assert steps(group, new) == (Step.MAKE_GROUP, Step.DEFINE)
    assert plan(spec(group), new).devices == ("/dev/sdb",)
    assert steps(group, there(GROUP, new_devices=("/dev/sdb",))) == (Step.EXTEND_GROUP,)
    assert steps(GROUP, CurrentPool(has_group=True)) == (Step.DEFINE, Step.AUTOSTART)
    assert steps(GROUP, CurrentPool(has_group=True, autostart=True)) == (Step.DEFINE,)


def test_thin_pool_is_made_extended_and_taken_over():
    new = CurrentPool(has_group=True, autostart=True)
    larger = {**THIN, "size_bytes": 1 << 31}

    assert steps(THIN, new) == (Step.MAKE_THIN, Step.DEFINE)
    assert steps(larger, there(THIN)) == (Step.EXTEND_THIN,)
    foreign = replace(new, has_thin=True, size_bytes=1 << 30)
    assert steps(THIN, foreign) == (Step.DEFINE,)


def test_group_that_does_not_exist_needs_devices():
    with pytest.raises(PoolUnusableError, match="give it devices"):
        steps(GROUP, CurrentPool())


def test_device_that_is_not_free_is_told_with_the_reason():
    with pytest.raises(DeviceRefusedError, match="ext4"):
        steps(GROUP, CurrentPool(refused=("/dev/sda", "it holds ext4")))


def test_absent_forgets_and_keeps_what_lies_in_it():
    gone = {"name": "local", "state": "absent"}

    assert steps(gone, there(DIRECTORY)) == (Step.STOP, Step.FORGET)
    assert steps(gone, there(DIRECTORY, is_active=False)) == (Step.FORGET,)
    assert steps(gone, there(GROUP)) == (Step.FORGET,)
    assert steps(gone, CurrentPool()) == ()
    with pytest.raises(PoolInUseError):
        steps(gone, there(DIRECTORY, user=USED))


def test_purge_destroys_only_what_is_empty():
    gone = {"name": "local", "state": "absent", "purge": True}

    assert steps(gone, there(GROUP)) == (Step.FORGET, Step.PURGE)
    with pytest.raises(PoolNotEmptyError, match="2 things, first a"):
        steps(gone, there(GROUP, content=("a", "b")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../x"},
        {"name": "A"},
        {"name": ""},
        {"name": "a" * 64},
        {"path": "/"},
        {"path": "/etc/x"},
        {"path": "/srv/../etc"},
        {"path": "/srv/./x"},
        {"path": "/srv//x"},
        {"path": "/srv/a b"},
        {"path": "/srv/'x"},
        {"path": "srv"},
        {"size_bytes": 1},
        {"volume_group": "vg0"},
        {"host": "nas"},
    ],
)
def test_bad_directories_are_refused(wrong):
    with pytest.raises(InvalidItemError):
        spec({**DIRECTORY, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "-o"},
        {"host": "a b"},
        {"host": "nas:/x"},
        {"host": ""},
        {"export": "x"},
        {"export": "/x,rw"},
        {"export": "/x/../y"},
        {"devices": ["/dev/sda"]},
    ],
)
def test_bad_exports_are_refused(wrong):
    with pytest.raises(InvalidItemError):
        spec({**NFS, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"volume_group": "-x"},
        {"volume_group": "a/b"},
        {"thin_pool": "--type"},
        {"devices": ["sda"]},
        {"devices": ["/dev/../etc/passwd"]},
        {"devices": ["/etc/passwd"]},
        {"devices": ["/dev/sda -y"]},
        {"size_bytes": 0},
        {"path": "/srv/x"},
    ],
)
def test_bad_groups_are_refused(wrong):
    with pytest.raises(InvalidItemError):
        spec({**THIN, **wrong})


def test_definition_for_libvirt_says_where_and_how():
    root = render(spec({**NFS, "nfs_version": "4.2"}))

    assert (root.get("type"), root.findtext("name")) == ("netfs", "shared")
    assert root.findtext("target/path") == "/var/lib/skep/pools/shared"
    assert root.find("source/host").get("name") == "nas"
    assert root.find("source/protocol").get("ver") == "4.2"
    assert render(spec(DIRECTORY)).find("source") is None
