from pathlib import Path

import pytest
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    ImageNotPlacedError,
    InvalidItemError,
    VolumeBackingError,
    VolumeBrokenError,
    VolumeInUseError,
    VolumeShrinkError,
)
from ansible_collections.skep.kvm.plugins.module_utils._storage.directory import DirectoryPlace
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import (
    VolumeFormatError,
    VolumeSnapshotsError,
)
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Found
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import User
from ansible_collections.skep.kvm.plugins.module_utils._storage.volume_plan import (
    CurrentVolume,
    Step,
)
from ansible_collections.skep.kvm.plugins.module_utils._storage.volumes import VolumeStore
from ansible_collections.skep.kvm.plugins.modules.volume import ARGUMENT_SPEC

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
NAME = f"{UUID}-vda"
SHA = "a" * 64
IMAGE = f"/i/{SHA}.qcow2"
GIB = 1 << 30
RUNNING = User(UUID, "web-1", is_active=True)
OFF = User(UUID, "web-1", is_active=False)


class Nobody:
    """No domain has anything, and asking is counted."""

    def __init__(self):
        self.asked = 0

    def of(self, path):
        self.asked += 1

    def resize(self, user, path, size_bytes):
        raise AssertionError(path)


@pytest.fixture
def usage():
    return Nobody()


@pytest.fixture
def store(tmp_path, usage):
    return VolumeStore(tmp_path / "i", usage, lambda _: DirectoryPlace(tmp_path / "v"))


def spec(store, **item):
    return store.resolve(filled(ARGUMENT_SPEC, name=NAME, **item))


def there(kind="qcow2", **more):
    size = more.pop("size", GIB)
    user, image_size = more.pop("user", None), more.pop("image_size", None)
    image = IMAGE if image_size else None
    found = Found(Path(f"/v/{NAME}.{kind}"), kind, size, **more) if size else None
    return CurrentVolume(found, image_size, image, user)


def decide(store, current, **item):
    return store.plan(spec(store, **item), current)


def test_new_overlay_has_the_size_of_its_image_unless_told(store):
    found = decide(store, there(size=0, image_size=GIB), backing_image=SHA)

    assert (found.steps, found.size_bytes, found.kind) == ((Step.CREATE,), GIB, "qcow2")


def test_new_volume_smaller_than_its_image_is_refused(store):
    with pytest.raises(VolumeShrinkError):
        decide(store, there(size=0, image_size=GIB), backing_image=SHA, size_bytes=512)


def test_new_volume_needs_a_size_or_an_image(store):
    with pytest.raises(InvalidItemError):
        decide(store, there(size=0))


@pytest.mark.parametrize("size", [0, -1, (16 << 40) + 1])
def test_size_out_of_range_is_refused(store, size):
    with pytest.raises(InvalidItemError):
        spec(store, size_bytes=size)


def test_image_that_is_not_placed_fails_when_it_is_needed_not_when_planned(store):
    wanted = spec(store, backing_image=SHA)
    found = store.plan(wanted, store.read(wanted))

    with pytest.raises(ImageNotPlacedError):
        store.apply(wanted, found)


def test_same_size_changes_nothing(store):
    assert decide(store, there(), size_bytes=GIB).steps == ()


def test_size_is_rounded_up_to_sectors_so_that_a_repeat_changes_nothing(store):
    assert decide(store, there(size=1024), size_bytes=1000).steps == ()


@pytest.mark.parametrize(
    ("user", "step"), [(None, Step.GROW), (OFF, Step.GROW), (RUNNING, Step.GROW_LIVE)]
)
def test_larger_grows_through_qemu_where_it_runs(store, user, step):
    found = decide(store, there(user=user), size_bytes=2 * GIB)

    assert (found.steps, found.size_bytes) == ((step,), 2 * GIB)
    assert found.before["size_bytes"] == GIB


def test_smaller_is_refused(store):
    with pytest.raises(VolumeShrinkError, match="only grow"):
        decide(store, there(), size_bytes=GIB // 2)


@pytest.mark.parametrize("backing", [None, "/i/other.qcow2", "/etc/shadow"])
def test_volume_on_another_image_is_refused(store, backing):
    with pytest.raises(VolumeBackingError):
        decide(store, there(backing=backing, image_size=GIB), backing_image=SHA)


def test_overlay_is_not_taken_for_a_volume_that_stands_alone(store):
    with pytest.raises(VolumeBackingError):
        decide(store, there(backing="/etc/shadow"), size_bytes=GIB)


def test_another_format_converts_and_then_grows(store):
    found = decide(store, there(), format="raw", size_bytes=2 * GIB)

    assert (found.steps, found.kind) == ((Step.CONVERT, Step.GROW), "raw")


def test_overlay_becomes_raw_and_stands_alone(store):
    current = there(backing=IMAGE, image_size=GIB)

    assert decide(store, current, format="raw", backing_image=SHA).steps == (Step.CONVERT,)
    assert decide(store, there(backing=IMAGE), format="raw").steps == (Step.CONVERT,)


def test_raw_accepts_the_image_that_it_was_copied_from(store):
    assert decide(store, there("raw", image_size=GIB), backing_image=SHA).steps == ()


def test_raw_never_becomes_an_overlay(store):
    with pytest.raises(VolumeFormatError, match="overlay"):
        decide(store, there("raw", image_size=GIB), format="qcow2", backing_image=SHA)


@pytest.mark.parametrize("user", [RUNNING, OFF])
def test_conversion_is_refused_while_a_domain_names_the_file(store, user):
    with pytest.raises(VolumeInUseError, match="web-1"):
        decide(store, there(user=user), format="raw")


@pytest.mark.parametrize("wish", [{"format": "raw"}, {"compact": True}])
def test_rewriting_a_file_with_snapshots_is_refused(store, wish):
    with pytest.raises(VolumeSnapshotsError, match="2 snapshots"):
        decide(store, there(snapshots=2), **wish)


def test_compaction_is_done_once_and_not_under_a_running_domain(store):
    assert decide(store, there(user=OFF), compact=True).steps == (Step.COMPACT,)
    assert decide(store, there(is_compact=True), compact=True).steps == ()
    with pytest.raises(VolumeInUseError):
        decide(store, there(user=RUNNING), compact=True)


@pytest.mark.parametrize("wish", [{"format": "qcow2"}, {"compact": True}])
def test_block_devices_are_raw_and_stay_as_they_are(store, wish):
    current = CurrentVolume(Found(Path("/dev/vg0/x"), "raw", GIB), kinds=("raw",))

    with pytest.raises(VolumeFormatError):
        decide(store, current, **wish)


def test_absent_removes(store):
    assert decide(store, there(), state="absent").steps == (Step.REMOVE,)


def test_absent_of_nothing_changes_nothing(store):
    assert decide(store, there(size=0), state="absent").steps == ()


def test_absent_refuses_while_a_domain_has_it(store):
    with pytest.raises(VolumeInUseError, match="web-1"):
        decide(store, there(user=OFF), state="absent")


def test_absent_keeps_what_a_domain_has_when_told(store):
    assert decide(store, there(user=OFF), state="absent", in_use="keep").steps == ()


def test_broken_file_can_be_removed(store, tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / f"{NAME}.qcow2").write_bytes(b"")
    wanted = spec(store, state="absent")

    found = store.plan(wanted, store.read(wanted))
    store.apply(wanted, found)

    assert list((tmp_path / "v").iterdir()) == []


def test_two_files_of_one_volume_are_told_not_chosen_from(store, tmp_path):
    (tmp_path / "v").mkdir()
    for kind in ("qcow2", "raw"):
        (tmp_path / "v" / f"{NAME}.{kind}").write_bytes(b"")

    with pytest.raises(VolumeBrokenError, match="conversion"):
        store.read(spec(store, size_bytes=GIB))


def test_raw_content_is_never_probed(store, tmp_path):
    (tmp_path / "v").mkdir()
    path = tmp_path / "v" / f"{NAME}.raw"
    path.write_bytes(b"QFI\xfb\x00\x00\x00\x03" + bytes(1016))

    found = store.read(spec(store)).found

    assert (found.kind, found.size_bytes, found.backing) == ("raw", 1024, None)


def test_libvirt_is_asked_only_where_a_volume_is_rewritten_or_removed(store, usage, tmp_path):
    place = DirectoryPlace(tmp_path / "v")
    place.create(NAME, "raw", 1024, None)

    store.read(spec(store, size_bytes=1024))
    unasked = usage.asked
    store.read(spec(store, size_bytes=2048))
    store.read(spec(store, state="absent"))

    assert (unasked, usage.asked) == (0, 2)


def test_lock_is_that_of_the_domain(store):
    assert store.lock_id(spec(store)) == UUID
