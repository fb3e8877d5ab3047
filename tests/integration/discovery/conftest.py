"""A Core in this process, and Cells as processes, on lo and on a port of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.core.discovery.discovery import Discovery
from skep.core.discovery.settings import DiscoverySettings
from skep.domain.announcement import Announcement, key_to_text, module_id, raw_public_key

WEBAPP = Path(__file__).resolve().parents[3] / "webapp"
LOCALHOST = "127.0.0.1"
# The Cell runs on the distribution's Python; its libraries are not in every virtual environment.
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable


@dataclass(frozen=True)
class Heard:
    announcement: Announcement
    source: str
    is_local: bool
    duplicate: bool


@dataclass
class Core:
    """A Core that writes down what discovery hands it."""

    port: int
    key: Ed25519PrivateKey
    members: set[bytes] = field(default_factory=set)
    heard: list[Heard] = field(default_factory=list)
    fails: bool = False

    def start(self) -> None:
        settings = DiscoverySettings(
            name="core",
            api_port=5870,
            certificate_sha256="00" * 32,
            key=self.key,
            domain="test",
            port=self.port,
            interfaces=("lo",),
            period_s=0.5,
        )
        self.discovery = Discovery(settings, self.hear, lambda: self.members)
        self.discovery.start()

    def stop(self) -> None:
        self.discovery.stop()

    def hear(
        self, announcement: Announcement, source: str, *, is_local: bool, duplicate: bool
    ) -> None:
        self.heard.append(Heard(announcement, source, is_local, duplicate))
        if self.fails:
            raise RuntimeError("the store is away")

    def of(self, kind: str) -> list[Heard]:
        return [each for each in self.heard if each.announcement.kind == kind]

    def dropped(self, reason: str) -> int:
        return int(self.discovery.counters()["dropped"].get(reason, 0))


@dataclass
class Cell:
    """A Cell daemon with libvirt's test driver: one running domain, and no host changed."""

    folder: Path
    port: int
    name: str
    process: subprocess.Popen[str] | None = None
    log: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(
            f'name = "{self.name}"\ninterfaces = ["lo"]\nlibvirt_uri = "test:///default"\n'
            f'qemu = "/nowhere/qemu"\nstate_dir = "{self.folder}"\nrun_dir = "{self.folder}/run"\n'
            f'membership_file = "{self.folder}/membership.json"\n'
            f'[domain]\nname = "test"\nport = {self.port}\n'
        )
        self.process = subprocess.Popen(
            [PYTHON, "-m", "skep.cell", "--config", str(self.config_file)],
            env={**os.environ, "PYTHONPATH": str(WEBAPP)},
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    @property
    def config_file(self) -> Path:
        return self.folder / "cell.toml"

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        return process.wait(10)

    def join(self, core_key: Ed25519PrivateKey) -> None:
        public = raw_public_key(core_key)
        fields = {
            "core_id": module_id(public),
            "core_public_key": key_to_text(public),
            "pool": "default",
            "core_url": "https://127.0.0.1:5870",
        }
        (self.folder / "membership.json").write_text(json.dumps(fields))

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            self.log.extend(lines)


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((LOCALHOST, 0))
        return int(free.getsockname()[1])


@pytest.fixture
def core(port: int) -> Iterator[Core]:
    core = Core(port, Ed25519PrivateKey.generate())
    core.start()
    yield core
    core.stop()


@pytest.fixture
def new_cell(port: int, tmp_path: Path) -> Iterator[Callable[[str], Cell]]:
    cells: list[Cell] = []

    def new(name: str) -> Cell:
        cells.append(Cell(tmp_path / name, port, name))
        return cells[-1]

    yield new
    for cell in cells:
        cell.stop(signal.SIGKILL)


def wait_for(look: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return answer
