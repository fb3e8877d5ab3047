"""Every process of a lab, known to the kernel as one control group, so that none can be missed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.ground.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Moves itself, then becomes the program: the program and all its children are born in the group.
_JOIN = 'echo 0 > "$0" && exec "$@"'


@dataclass(frozen=True)
class Identity:
    """One process for ever: its id and when it started (clock ticks after boot)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The process that has this id now; None when there is none, or only its corpse."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def kill(self, timeout_s: float = 10) -> None:
        """SIGKILL it and return when it is gone; do nothing when it already is."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # Asked after the handle is open: from here on the id cannot be given to another.
            if self.alive:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                if not select.select([handle], [], [], timeout_s)[0]:
                    raise LabError(f"process {self.pid} survived SIGKILL for {timeout_s} s")
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Processes:
    """The control group called name."""

    name: str

    @property
    def path(self) -> Path:
        """The group's directory in the version 2 hierarchy."""
        return _hierarchy() / self.name

    def create(self) -> None:
        """Make the empty group."""
        self.path.mkdir()

    def spawn(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program as a member; options as for subprocess.Popen."""
        return subprocess.Popen(self.joined(argv), **options)

    def joined(self, argv: Sequence[str]) -> list[str]:
        """The command line that starts a program as a member."""
        return ["/bin/sh", "-c", _JOIN, str(self.path / "cgroup.procs"), *argv]

    def delete(self, timeout_s: float = 20) -> None:
        """Kill all members, wait until they are gone, and remove the group."""
        if not self.path.is_dir():
            return
        (self.path / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + timeout_s
        while "populated 1" in (self.path / "cgroup.events").read_text():
            if time.monotonic() > deadline:
                raise LabError(f"processes of {self.name} survived SIGKILL for {timeout_s} s")
            time.sleep(0.01)
        self.path.rmdir()


def _hierarchy() -> Path:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _source, where, kind, *_rest = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise LabError("no version 2 control groups here; mount cgroup2 on /sys/fs/cgroup/unified")
