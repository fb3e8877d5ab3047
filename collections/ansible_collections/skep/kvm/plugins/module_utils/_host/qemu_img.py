# SPDX-License-Identifier: Apache-2.0
"""The one file that calls qemu-img. The format is always said (-f, -F), never probed.

A guest can write any header into its disk; a probed format would let it name files of the host.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DiskFullError,
    HostError,
    VolumeInUseError,
)

_TIMEOUT_S = 60
_COPY_TIMEOUT_S = 24 * 3600


@dataclass(frozen=True)
class Source:
    """A file or device to read, and its format."""

    path: Path
    kind: str


def create(path: Path, size_bytes: int, backing: Path | None, kind: str = "qcow2") -> None:
    """Make a file under its name in one step; `size_bytes` is what the guest sees."""
    below = ["-F", "qcow2", "-b", str(backing)] if backing else []
    with _replacing(path) as part:
        _run(["create", "-q", "-f", kind, *below, str(part), str(size_bytes)])


def grow(path: Path, size_bytes: int, kind: str = "qcow2") -> None:
    """Let the guest see more; VolumeInUseError while it runs, since qemu holds the file's lock."""
    with _told_as_in_use(path, "stop it before growing the volume"):
        _run(["resize", "-q", "-f", kind, str(path), str(size_bytes)])


def convert(source: Source, path: Path, kind: str, backing: str | None = None) -> None:
    """Write the source's content to a file under its name in one step, without what is unused.

    With `backing`, what that image holds already is left to it.
    """
    below = ["-F", "qcow2", "-B", backing] if backing else []
    with _told_as_in_use(source.path, "stop it first"), _replacing(path) as part:
        arguments = ["-q", "-f", source.kind, "-O", kind, *below, str(source.path), str(part)]
        _run(["convert", *arguments], _COPY_TIMEOUT_S)


def fill(device: Path, source: Source) -> None:
    """Write the source's content to a device that has room for it."""
    arguments = ["-q", "-n", "-f", source.kind, "-O", "raw", str(source.path), str(device)]
    _run(["convert", *arguments], _COPY_TIMEOUT_S)


def part_of(path: Path) -> Path:
    """Where a file grows until it takes its name."""
    return path.with_name(f"{path.name}.part")


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a file to write to, which then takes the place and the owner of the one at `path`."""
    part = part_of(path)
    try:
        yield part
        part.chmod(0o600)
        if path.exists():
            there = path.stat()
            os.chown(part, there.st_uid, there.st_gid)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _told_as_in_use(path: Path, advice: str) -> Iterator[None]:
    try:
        yield
    except HostError as error:
        if "lock" in error.reason:
            raise VolumeInUseError(path.stem, "(running)", advice) from error
        raise


def _run(arguments: Sequence[str], timeout_s: int = _TIMEOUT_S) -> None:
    command = ["qemu-img", *arguments]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(f"qemu-img {arguments[0]}", f"no end after {timeout_s} s") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip() or f"exit {done.returncode}"
        is_full = os.strerror(errno.ENOSPC) in reason
        raise (DiskFullError if is_full else HostError)(f"qemu-img {arguments[0]}", reason)
