"""What is written down about a lab, so that another process can find, use and remove it."""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import fcntl
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.ground.errors import LabError, command
from tests.lab.ground.network import Network
from tests.lab.ground.processes import Identity, Processes

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = Path("/var/tmp/skep-lab")  # noqa: S108  root's own directory; made 0700 below
_FILE = "lab.json"


@dataclass(frozen=True)
class CellRecord:
    """What never changes about a Cell."""

    name: str
    address: str
    uuid: str


@dataclass(frozen=True)
class Record:
    """A lab: owner is the process that must outlive it, or None for one that waits for `down`."""

    id: str
    kind: str
    boot_id: str
    owner: Identity | None
    cells: tuple[CellRecord, ...]

    @property
    def directory(self) -> Path:
        """Where all files of the lab are."""
        return BASE / self.id

    @property
    def network(self) -> Network:
        """The lab's network."""
        return Network(f"skep-{self.id}")

    @property
    def processes(self) -> Processes:
        """The lab's processes."""
        return Processes(f"skep-lab-{self.id}")

    @property
    def layers(self) -> Path:
        """Where the light Cells' own files are: a tmpfs, for a layer cannot lie over itself."""
        return self.directory / "layers"

    @property
    def abandoned(self) -> bool:
        """Whether the machine has been restarted, or the owner is dead."""
        return self.boot_id != boot_id() or (self.owner is not None and not self.owner.alive)

    def claim(self) -> None:
        """Write the record down; nothing of a lab exists before. Raise when the id is taken."""
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", self.id):
            raise LabError(f"{self.id!r} is no lab name; use 1 to 12 of a-z, 0-9 and -")
        draft = _draft()
        (draft / _FILE).write_text(json.dumps(dataclasses.asdict(self), indent=1))
        try:
            draft.rename(self.directory)
        except OSError as error:
            shutil.rmtree(draft)
            raise LabError(f"lab {self.id} is up already; `down` it or use another name") from error

    def remove(self) -> None:
        """Stop all processes and remove network, mounts and files. May be repeated."""
        with contextlib.suppress(FileNotFoundError), (self.directory / _FILE).open() as file:
            # Two that clean up take turns; the record goes last, so that a third can finish.
            fcntl.flock(file, fcntl.LOCK_EX)
            self.processes.delete()
            self.network.delete()
            if self.layers.is_mount():
                command(["umount", str(self.layers)])
            for path in self.directory.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != _FILE:
                    path.unlink()
            (self.directory / _FILE).unlink()
            self.directory.rmdir()
        with contextlib.suppress(OSError):
            BASE.rmdir()


def load(lab: str) -> Record:
    """The record of a lab that is up."""
    try:
        data = json.loads((BASE / lab / _FILE).read_text())
    except FileNotFoundError as error:
        raise LabError(f"no lab {lab} is up; make one with `up`") from error
    owner = data.pop("owner")
    cells = tuple(CellRecord(**cell) for cell in data.pop("cells"))
    return Record(**data, owner=Identity(**owner) if owner else None, cells=cells)


def remove_abandoned() -> None:
    """Remove the labs that a dead process or a restart of the machine has left behind."""
    for record in list(_all()):
        if record.abandoned:
            record.remove()


def boot_id() -> str:
    """A name for this run of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def mount_layers(path: Path) -> None:
    """Mount the tmpfs of the light Cells' own files."""
    path.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"skep-lab", os.fsencode(path), b"tmpfs", 0, b"mode=0755") != 0:
        raise LabError(f"cannot mount a tmpfs on {path}: {os.strerror(ctypes.get_errno())}")


def _draft() -> Path:
    """A new private directory, even while another lab's end takes the common one away."""
    while True:
        BASE.mkdir(mode=0o711, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            draft = Path(tempfile.mkdtemp(prefix=".new-", dir=BASE))
            draft.chmod(0o711)
            return draft


def _all() -> Iterator[Record]:
    for file in BASE.glob(f"[!.]*/{_FILE}"):
        with contextlib.suppress(LabError):
            yield load(file.parent.name)
