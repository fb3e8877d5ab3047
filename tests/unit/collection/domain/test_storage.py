import pytest

from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.cdrom import Cdrom
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.disk import Disk
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.storage import check_drives
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    PathNotAllowedError,
    VolumeMissingError,
)


@pytest.fixture
def directories(tmp_path):
    (tmp_path / "volumes").mkdir()
    return Directories(volumes=str(tmp_path / "volumes"), disk_prefixes=("/dev",))


def in_volumes(directories, name):
    return f"{directories.volumes}/{name}"


def test_file_that_is_there_and_an_empty_drive_are_fine(directories, tmp_path):
    (tmp_path / "volumes/a.qcow2").touch()
    (tmp_path / "volumes/link.qcow2").symlink_to("a.qcow2")
    paths = [in_volumes(directories, name) for name in ("a.qcow2", "link.qcow2")]

    check_drives("web-1", [*(Disk(each, "vda") for each in paths), Cdrom("sda")], directories)


def test_file_that_is_not_there_is_missing(directories):
    with pytest.raises(VolumeMissingError, match="web-1"):
        check_drives("web-1", [Disk(in_volumes(directories, "a.qcow2"), "vda")], directories)


def test_link_out_of_its_folder_is_refused(directories, tmp_path):
    (tmp_path / "secret").touch()
    (tmp_path / "volumes/a.iso").symlink_to(tmp_path / "secret")

    with pytest.raises(PathNotAllowedError, match="links"):
        check_drives("web-1", [Cdrom("sda", path=in_volumes(directories, "a.iso"))], directories)


def test_device_that_is_no_block_device_is_refused(directories):
    with pytest.raises(PathNotAllowedError, match="block device"):
        check_drives("web-1", [Disk("/dev/null", "vda", format="raw")], directories)
