# SPDX-License-Identifier: Apache-2.0
"""Where a domain's disks, media and logs lie on a Cell. Pure: asks no file system."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Sequence, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    InvalidItemError,
    PathNotAllowedError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files

_PATH = re.compile(r"/[A-Za-z0-9_.,:@+=/-]{1,1000}")
_FORMATS = ("qcow2", "raw")


@dataclass(frozen=True)
class Directories:
    """Where the Cell keeps volumes, images and serial logs, and where other disks may lie."""

    volumes: str = files.VOLUME_DIRECTORY
    serial_logs: str = files.SERIAL_LOG_DIRECTORY
    images: str = files.IMAGE_DIRECTORY
    disk_prefixes: Tuple[str, ...] = ()


def check_path(path: str, prefixes: Sequence[str]) -> str:
    """Return a path below one of the prefixes, or raise PathNotAllowedError."""
    parts = PurePosixPath(path)
    plain = str(parts) == path and _PATH.fullmatch(path) is not None and ".." not in parts.parts
    if not plain or not is_below(path, prefixes):
        raise PathNotAllowedError(path, ", ".join(prefixes) or "nothing")
    return path


def is_below(path: str, prefixes: Sequence[str]) -> bool:
    """Whether the path lies strictly below one of the prefixes."""
    return any(PurePosixPath(prefix) in PurePosixPath(path).parents for prefix in prefixes)


def is_block_device(path: str) -> bool:
    """Whether the path names a device and no file."""
    return path.startswith("/dev/")


def path_of_volume(directory: str, volume: str, kind: str) -> str:
    """Where a volume of this format lies."""
    return str(files.volume_path(directory, volume).with_suffix(f".{kind}"))


def volume_of_path(directory: str, path: str) -> str | None:
    """Return the volume's name, None for a path that is none."""
    place = PurePosixPath(path)
    if str(place.parent) != directory or place.suffix[1:] not in _FORMATS:
        return None
    try:
        return files.check_volume(place.stem)
    except InvalidItemError:
        return None


def path_of_medium(directory: str, sha256: str) -> str:
    """Where a media image lies."""
    return str(files.image_path(directory, sha256).with_suffix(".iso"))


def medium_of_path(directory: str, path: str) -> str | None:
    """Return the media image's checksum, None for a path that is none."""
    place = PurePosixPath(path)
    if str(place.parent) != directory or place.suffix != ".iso":
        return None
    try:
        return files.check_sha256(place.stem)
    except InvalidItemError:
        return None
