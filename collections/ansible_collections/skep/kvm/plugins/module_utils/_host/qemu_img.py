# SPDX-License-Identifier: Apache-2.0
"""The one file that calls qemu-img. The format is always said (-f, -F), never probed.

A guest can write any header into its disk; a probed format would let it name files of the host.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Sequence

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DiskFullError,
    HostError,
    VolumeInUseError,
)

_TIMEOUT_S = 60


def create(path: Path, size_bytes: int, backing: Path | None) -> None:
    """Make a qcow2 file under its name in one step; `size_bytes` is what the guest sees."""
    part = path.with_suffix(".part")
    below = ["-F", "qcow2", "-b", str(backing)] if backing else []
    try:
        _run(["create", "-q", "-f", "qcow2", *below, str(part), str(size_bytes)])
        part.chmod(0o600)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def grow(path: Path, size_bytes: int) -> None:
    """Let the guest see more; VolumeInUseError while it runs, since qemu holds the file's lock."""
    try:
        _run(["resize", "-q", "-f", "qcow2", str(path), str(size_bytes)])
    except HostError as error:
        if "lock" in error.reason:
            advice = "stop it before growing the volume"
            raise VolumeInUseError(path.stem, "(running)", advice) from error
        raise


def _run(arguments: Sequence[str]) -> None:
    command = ["qemu-img", *arguments]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(f"qemu-img {arguments[0]}", f"no end after {_TIMEOUT_S} s") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip() or f"exit {done.returncode}"
        is_full = os.strerror(errno.ENOSPC) in reason
        raise (DiskFullError if is_full else HostError)(f"qemu-img {arguments[0]}", reason)
