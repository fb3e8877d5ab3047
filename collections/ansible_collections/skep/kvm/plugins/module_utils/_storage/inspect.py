# SPDX-License-Identifier: Apache-2.0
"""Refuses image files that are more than they should be. Starts no program and follows no name.

The Core inspected them already; a Cell does not have to believe that.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    UnsafeImageError,
    VolumeBrokenError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import qcow2

SIZE_MAX_BYTES = 16 << 40  # the largest file of ext4
_CLUSTER_BITS = range(9, 22)
_L1_ENTRIES_MAX = (32 << 20) // 8  # what QEMU reads into memory at most
_CORRUPT = 1 << 1
_KNOWN_FEATURES = (1 << 5) - 1
_ISO_MAGIC_OFFSET = 32769
_ISO_MAGICS = (b"CD001", b"BEA01")
# What a program that probes would take the file for, whatever its kind says.
_OTHER_MAGICS = (
    *(qcow2.MAGIC, b"QED\x00", b"KDMV", b"COWD", b"# Disk DescriptorFile"),
    *(b"conectix", b"vhdxfile", b"LUKS\xba\xbe", b"WithoutFreeSpace", b"WithouFreSpacExt"),
)


def check_disk(sha256: str, path: Path) -> None:
    """Raise UnsafeImageError unless the file is a qcow2 image that stands alone."""
    try:
        header = qcow2.read_header(path)
    except VolumeBrokenError as error:
        raise UnsafeImageError(sha256, error.reason) from error
    if header is None:
        raise UnsafeImageError(sha256, "there is no file")
    reason = _others(header) or _bomb(header)
    if reason is not None:
        raise UnsafeImageError(sha256, reason)


def check_media(sha256: str, path: Path) -> None:
    """Raise UnsafeImageError unless the file is an ISO image and nothing else besides."""
    with path.open("rb") as file:
        start = file.read(64)
        file.seek(_ISO_MAGIC_OFFSET)
        magic = file.read(5)
    if magic not in _ISO_MAGICS:
        raise UnsafeImageError(sha256, "it holds no ISO 9660 or UDF file system")
    if start.startswith(_OTHER_MAGICS):
        raise UnsafeImageError(sha256, "it is a disk image and an ISO image at once")


def _others(header: qcow2.Header) -> str | None:
    if header.backing is not None:
        return "it names a backing file"
    if header.has_data_file:
        return "it names an external data file"
    if header.encryption:
        return "it is encrypted"
    if header.snapshots:
        return f"it holds {header.snapshots} snapshots"
    return None


def _bomb(header: qcow2.Header) -> str | None:
    if header.virtual_size_bytes > SIZE_MAX_BYTES:
        return f"a guest would see {header.virtual_size_bytes} bytes, most is {SIZE_MAX_BYTES}"
    if header.cluster_bits not in _CLUSTER_BITS:
        return f"its clusters of 2^{header.cluster_bits} bytes are out of range"
    if header.l1_entries > _L1_ENTRIES_MAX:
        return f"its table of {header.l1_entries} entries would fill the memory"
    if header.features & _CORRUPT or header.features > _KNOWN_FEATURES:
        return f"its features {header.features:#x} say that it is corrupt or of another time"
    return None
