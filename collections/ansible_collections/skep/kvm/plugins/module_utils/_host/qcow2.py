# SPDX-License-Identifier: Apache-2.0
"""Reads a qcow2 header. Starts no program: 500 volumes are read in the time of one qemu-img.

Source: qemu docs/interop/qcow2.txt.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.skep.kvm.plugins.module_utils._errors import VolumeBrokenError

MAGIC = b"QFI\xfb"
# Magic, version, backing offset and length, cluster bits, size, encryption, L1 entries, L1 offset,
# refcount offset and clusters, number of snapshots.
_FIXED = struct.Struct(">4sIQIIQIIQQII")
_INCOMPATIBLE_OFFSET = 72
_EXTERNAL_DATA_FILE = 1 << 2
_NAME_MAX = 1023
_VERSION_WITH_FEATURES = 3


@dataclass(frozen=True)
class Header:
    """What a qcow2 file says about itself."""

    virtual_size_bytes: int
    backing: str | None
    has_data_file: bool
    snapshots: int = 0
    cluster_bits: int = 16
    encryption: int = 0
    l1_entries: int = 0
    features: int = 0


def read_header(path: Path) -> Header | None:
    """Return the header, None when there is no file; VolumeBrokenError when it is no qcow2."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
            return _parse(path, start)
    except FileNotFoundError:
        return None


def _parse(path: Path, start: bytes) -> Header:
    if len(start) < _INCOMPATIBLE_OFFSET + 8 or start[:4] != MAGIC:
        raise VolumeBrokenError(str(path), "not a qcow2 file")
    _, version, offset, length, bits, size, crypt, l1_entries, *_, snapshots = _FIXED.unpack_from(
        start
    )
    if version not in {2, 3}:
        raise VolumeBrokenError(str(path), f"qcow2 version {version} is unknown")
    features = _features(start, version)
    return Header(
        virtual_size_bytes=size,
        backing=_backing(path, start, offset, length),
        has_data_file=bool(features & _EXTERNAL_DATA_FILE),
        snapshots=snapshots,
        cluster_bits=bits,
        encryption=crypt,
        l1_entries=l1_entries,
        features=features,
    )


def _backing(path: Path, start: bytes, offset: int, length: int) -> str | None:
    if offset == 0:
        return None
    if length > _NAME_MAX or offset + length > len(start):
        raise VolumeBrokenError(str(path), "the backing file's name lies outside the header")
    return start[offset : offset + length].decode("utf-8", "surrogateescape")


def _features(start: bytes, version: int) -> int:
    """The features without which the file cannot be understood; version 2 had none."""
    if version < _VERSION_WITH_FEATURES:
        return 0
    features: int = struct.unpack_from(">Q", start, _INCOMPATIBLE_OFFSET)[0]
    return features
