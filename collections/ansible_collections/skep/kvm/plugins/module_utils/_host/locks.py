# SPDX-License-Identifier: Apache-2.0
"""One lock per object, so that two modules never work on one object at once.

flock is released by the kernel when its holder dies, so a killed module leaves nothing to clean.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Iterator

from ansible_collections.skep.kvm.plugins.module_utils._errors import BusyError

DIRECTORY = Path("/run/lock/skep")
WAIT_S = 90.0  # longer than a default shutdown, the longest thing that others wait for
_POLL_S = 0.05


@contextlib.contextmanager
def locked(
    object_id: str, *, directory: Path | None = None, wait_s: float = WAIT_S
) -> Iterator[None]:
    """Hold the object's lock, or raise BusyError after `wait_s`."""
    folder = directory or DIRECTORY
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / object_id
    descriptor = _acquire(path, wait_s)
    try:
        yield
    finally:
        # Unlinked while held: whoever waits on this file sees that it is gone and opens anew.
        path.unlink()
        os.close(descriptor)


def _acquire(path: Path, wait_s: float) -> int:
    deadline = time.monotonic() + wait_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if _try_lock(descriptor) and _is_current(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() >= deadline:
            raise BusyError(path.name, wait_s)
        time.sleep(_POLL_S)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(descriptor: int, path: Path) -> bool:
    """Whether the file that was locked is still the one under this name."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return there.st_ino == os.fstat(descriptor).st_ino
