import errno
import os

import pytest

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DiskFullError,
    HostError,
    InvalidItemError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
HOSTILE = ["", ".", "..", "/etc/passwd", "../x", "a\x00b", "x" * 300, f"{UUID}\n", f"\u202e{UUID}"]


@pytest.mark.parametrize("name", [*HOSTILE, UUID, f"{UUID}-vda/..", f"{UUID}-vda\n", f"{UUID}-sda"])
def test_volume_name_that_could_leave_the_folder_is_refused(name):
    with pytest.raises(InvalidItemError):
        files.volume_path("/v", name)


@pytest.mark.parametrize("name", [*HOSTILE, "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_image_name_that_is_no_checksum_is_refused(name):
    with pytest.raises(InvalidItemError):
        files.image_path("/i", name)


@pytest.mark.parametrize("name", [*HOSTILE, UUID.replace("-", ""), f"{UUID}.log"])
def test_serial_log_of_what_is_no_uuid_is_refused(name):
    with pytest.raises(InvalidItemError):
        files.serial_log_path("/l", name)


def test_uuid_is_written_as_libvirt_writes_it():
    assert files.check_uuid(UUID.upper()) == UUID


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EACCES, HostError)],
)
def test_refusal_of_the_system_says_what_was_tried(number, kind):
    with pytest.raises(kind, match=f"image x: {os.strerror(number)}"), files.translated("image x"):
        raise OSError(number, os.strerror(number))
