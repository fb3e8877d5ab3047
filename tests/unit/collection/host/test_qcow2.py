import struct

import pytest

from ansible_collections.skep.kvm.plugins.module_utils._errors import VolumeBrokenError
from ansible_collections.skep.kvm.plugins.module_utils._host.qcow2 import Header, read_header


def file(tmp_path, version=3, backing=b"", features=0, length=None):
    offset = 512 if backing else 0
    size = len(backing) if length is None else length
    start = struct.pack(">4sIQIIQ", b"QFI\xfb", version, offset, size, 16, 1 << 30)
    content = (start.ljust(72, b"\0") + struct.pack(">Q", features)).ljust(512, b"\0") + backing
    path = tmp_path / "x.qcow2"
    path.write_bytes(content)
    return path


def test_no_file_is_none(tmp_path):
    assert read_header(tmp_path / "x") is None


def test_plain_file(tmp_path):
    assert read_header(file(tmp_path)) == Header(1 << 30, None, has_data_file=False)


@pytest.mark.parametrize("version", [2, 3])
def test_backing_file_is_named(tmp_path, version):
    assert read_header(file(tmp_path, version, b"/etc/shadow")).backing == "/etc/shadow"


def test_external_data_file_is_seen(tmp_path):
    assert read_header(file(tmp_path, features=4)).has_data_file


def test_bits_of_version_2_behind_its_header_mean_nothing(tmp_path):
    assert not read_header(file(tmp_path, version=2, features=4)).has_data_file


def test_snapshots_inside_are_counted(tmp_path):
    path = file(tmp_path)
    content = bytearray(path.read_bytes())
    content[60:64] = (3).to_bytes(4, "big")
    path.write_bytes(content)

    assert read_header(path).snapshots == 3


@pytest.mark.parametrize("changes", [{"version": 4}, {"backing": b"x", "length": 2000}])
def test_header_out_of_range_is_broken(tmp_path, changes):
    with pytest.raises(VolumeBrokenError):
        read_header(file(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"", b"QFI\xfb", b"#!/bin/sh" * 100])
def test_what_is_no_qcow2_is_broken(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)

    with pytest.raises(VolumeBrokenError):
        read_header(path)
