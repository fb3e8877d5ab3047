# SPDX-License-Identifier: Apache-2.0
"""Files of a Cell: where they lie, and how the operating system's refusals are told.

Paths are made from uuids and checksums only, never from a name that a person chose.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path
from typing import Iterator

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DiskFullError,
    HostError,
    InvalidItemError,
)

IMAGE_DIRECTORY = "/var/lib/skep/images"
VOLUME_DIRECTORY = "/var/lib/skep/volumes"
SERIAL_LOG_DIRECTORY = "/var/log/skep/serial"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VOLUME = re.compile(r"[0-9a-f-]{36}-vd[a-z]")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def check_uuid(value: str) -> str:
    """Return the uuid, or raise InvalidItemError; lower case as libvirt writes it."""
    if _UUID.fullmatch(value.lower()) is None:
        raise InvalidItemError("uuid", value, "8-4-4-4-12 hexadecimal digits")
    return value.lower()


def check_sha256(value: str) -> str:
    """Return the checksum, or raise InvalidItemError."""
    if _SHA256.fullmatch(value) is None:
        raise InvalidItemError("sha256", value, "64 hexadecimal digits in lower case")
    return value


def check_volume(value: str) -> str:
    """Return the volume's name, or raise InvalidItemError."""
    if _VOLUME.fullmatch(value) is None:
        raise InvalidItemError("volume", value, "an instance's uuid, a dash and vda to vdz")
    return value


def image_path(directory: str, sha256: str) -> Path:
    """Where an image lies."""
    return Path(directory) / f"{check_sha256(sha256)}.qcow2"


def volume_path(directory: str, volume: str) -> Path:
    """Where a volume lies."""
    return Path(directory) / f"{check_volume(volume)}.qcow2"


def serial_log_path(directory: str, uuid: str) -> Path:
    """Where a domain's serial console is written."""
    return Path(directory) / f"{check_uuid(uuid)}.log"


def make_directory(path: Path) -> None:
    """Make a directory whose files can be opened by name and not be listed by others."""
    path.mkdir(mode=0o711, parents=True, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn an OSError into a CellError that says what was tried."""
    try:
        yield
    except OSError as error:
        kind = DiskFullError if error.errno in _FULL else HostError
        reason = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        raise kind(action, reason) from error
