"""Interfaces come, go and change their addresses while both sides run. Needs root."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import PYTHON, WEBAPP, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

PORT = 5599


class Namespace:
    """A network namespace held by a sleeping process; everything in it ends with it."""

    def __init__(self) -> None:
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "300"])
        own = Path("/proc/self/ns/net").readlink()
        place = Path(f"/proc/{self.holder.pid}/ns/net")
        wait_for(lambda: place.readlink() != own)
        self.started: list[subprocess.Popen[str]] = []
        self.lines: list[str] = []
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments: str) -> None:
        subprocess.run([*self.enter, "ip", *arguments], check=True)

    @property
    def enter(self) -> list[str]:
        return ["nsenter", "--net", "--target", str(self.holder.pid)]

    def start(self, *arguments: str) -> None:
        process = subprocess.Popen(
            [*self.enter, *arguments],
            env={**os.environ, "PYTHONPATH": str(WEBAPP)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def close(self) -> None:
        for process in (*self.started, self.holder):
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            self.lines.extend(lines)


@pytest.fixture
def hosts() -> Iterator[tuple[Namespace, Namespace]]:
    """Two hosts without any wire between them."""
    core, cell = Namespace(), Namespace()
    yield core, cell
    core.close()
    cell.close()


def wire(core: Namespace, cell: Namespace, net: str) -> None:
    peer = ("peer", "name", "eth0", "netns", str(cell.holder.pid))
    core.ip("link", "add", "eth0", "type", "veth", *peer)
    for host, number in ((core, 1), (cell, 2)):
        host.ip("address", "add", f"{net}.{number}/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")


def heard(core: Namespace, source: str) -> bool:
    return f"heard cell-1 {source}\n" in core.lines


def test_interfaces_and_addresses_may_change_under_both(
    hosts: tuple[Namespace, Namespace], tmp_path: Path
) -> None:
    core, cell = hosts
    config = tmp_path / "cell.toml"
    config.write_text(
        f'name = "cell-1"\nlibvirt_uri = "test:///default"\nqemu = "/nowhere"\n'
        f'state_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n[domain]\nname = "test"\n'
    )
    script = Path(__file__).with_name("core_process.py")
    core.start(sys.executable, str(script), str(PORT))
    cell.start(PYTHON, "-m", "skep.cell", "--config", str(config))
    wait_for(lambda: any("kvm is" in line for line in cell.lines))
    wire(core, cell, "10.99.1")
    wait_for(lambda: heard(core, "10.99.1.2"))
    cell.ip("address", "del", "10.99.1.2/24", "dev", "eth0")
    cell.ip("address", "add", "10.99.1.7/24", "dev", "eth0")
    wait_for(lambda: heard(core, "10.99.1.7"))
    core.ip("link", "del", "eth0")
    wire(core, cell, "10.99.2")
    wait_for(lambda: heard(core, "10.99.2.2"))
    assert all(process.poll() is None for process in core.started + cell.started)
