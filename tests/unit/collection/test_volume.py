import pytest
from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    ImageNotPlacedError,
    InvalidItemError,
    VolumeBackingError,
    VolumeInUseError,
    VolumeShrinkError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host.qcow2 import Header
from ansible_collections.skep.kvm.plugins.module_utils._volume import (
    CurrentVolume,
    Step,
    VolumeStore,
)
from ansible_collections.skep.kvm.plugins.modules.volume import ARGUMENT_SPEC

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
NAME = f"{UUID}-vda"
SHA = "a" * 64
IMAGE = f"/i/{SHA}.qcow2"
GIB = 1 << 30


@pytest.fixture
def store(tmp_path):
    return VolumeStore(tmp_path / "v", tmp_path / "i", dict)


def spec(store, **item):
    return store.resolve(filled(ARGUMENT_SPEC, name=NAME, **item))


def there(size=GIB, backing=None, user=None, image_size=None):
    header = Header(size, backing, has_data_file=False) if size else None
    image = IMAGE if image_size else None
    return CurrentVolume(header, image_size, image, user)


def decide(store, current, **item):
    return store.plan(spec(store, **item), current)


def test_new_overlay_has_the_size_of_its_image_unless_told(store):
    found = decide(store, there(0, image_size=GIB), backing_image=SHA)

    assert (found.steps, found.size_bytes) == ((Step.CREATE,), GIB)


def test_new_volume_smaller_than_its_image_is_refused(store):
    with pytest.raises(VolumeShrinkError):
        decide(store, there(0, image_size=GIB), backing_image=SHA, size_bytes=512)


def test_new_volume_needs_a_size_or_an_image(store):
    with pytest.raises(InvalidItemError):
        decide(store, there(0))


def test_image_that_is_not_placed_fails_when_it_is_needed_not_when_planned(store):
    wanted = spec(store, backing_image=SHA)
    found = store.plan(wanted, store.read(wanted))

    with pytest.raises(ImageNotPlacedError):
        store.apply(wanted, found)


def test_same_size_changes_nothing(store):
    assert decide(store, there(), size_bytes=GIB).steps == ()


def test_size_is_rounded_up_to_sectors_so_that_a_repeat_changes_nothing(store):
    assert decide(store, there(1024), size_bytes=1000).steps == ()


def test_larger_grows(store):
    found = decide(store, there(), size_bytes=2 * GIB)

    assert (found.steps, found.size_bytes) == ((Step.GROW,), 2 * GIB)
    assert found.before["size_bytes"] == GIB


def test_smaller_is_refused(store):
    with pytest.raises(VolumeShrinkError, match="only grow"):
        decide(store, there(), size_bytes=GIB // 2)


@pytest.mark.parametrize("backing", [None, "/i/other.qcow2"])
def test_volume_on_another_image_is_refused(store, backing):
    with pytest.raises(VolumeBackingError):
        decide(store, there(backing=backing, image_size=GIB), backing_image=SHA)


def test_absent_removes(store):
    assert decide(store, there(), state="absent").steps == (Step.REMOVE,)


def test_absent_of_nothing_changes_nothing(store):
    assert decide(store, there(0), state="absent").steps == ()


def test_absent_refuses_while_a_domain_has_it(store):
    with pytest.raises(VolumeInUseError, match="web-1"):
        decide(store, there(user="web-1"), state="absent")


def test_absent_keeps_what_a_domain_has_when_told(store):
    assert decide(store, there(user="web-1"), state="absent", in_use="keep").steps == ()


def test_broken_file_can_be_removed(store):
    store.directory.mkdir()
    (store.directory / f"{NAME}.qcow2").write_bytes(b"")
    wanted = spec(store, state="absent")

    found = store.plan(wanted, store.read(wanted))
    store.apply(wanted, found)

    assert list(store.directory.iterdir()) == []


def test_lock_is_that_of_the_domain(store):
    assert store.lock_id(spec(store)) == UUID
