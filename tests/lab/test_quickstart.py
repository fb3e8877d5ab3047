"""The README's first command, on a machine that has never seen Skep."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab import Cell

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]
MADE = ("/opt/skep", "/etc/skep", "/var/lib/skep/core", "/usr/local/bin/skep")


@pytest.fixture(scope="module")
def machine() -> Iterator[Cell]:
    """Raise a bare host: own files and processes; the network is this host's, for packages."""
    with Lab.up(cells=1) as lab:
        bare = lab.cells["cell1"]
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        files = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
        checkout = bare.directory / "disk" / "home" / "skep"
        for name in files.decode().split("\0")[:-1]:
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
        yield bare


def on(machine: Cell, script: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    return subprocess.run(
        [
            *("nsenter", f"--target={machine.pid}", "--mount", "--pid", "--uts", "--ipc", "--"),
            *("/bin/sh", "-c", f"cd /root/skep && {script}"),
        ],
        env={**kept, "HOME": "/root", "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.returncode}\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}"


def test_one_command_leads_to_a_running_guest(machine: Cell) -> None:
    done = on(machine, "./quickstart --yes")
    assert done.returncode == 0, said(done)
    for word in ("https://127.0.0.1:5870", "config.toml", "demo", "running", "skep instance list"):
        assert word in done.stdout, said(done)


def test_skep_is_on_the_path_and_configured(machine: Cell) -> None:
    done = on(machine, "skep instance log demo && skep doctor")
    assert "SKEP-GUEST-READY" in done.stdout, said(done)


def test_site_yml_run_again_changes_nothing(machine: Cell) -> None:
    done = on(machine, "./quickstart --repair --yes && cat /var/log/skep/quickstart.log")
    assert done.returncode == 0, said(done)
    recaps = re.findall(r"^\S+\s+: ok=\d+\s+changed=(\d+)", done.stdout, re.MULTILINE)
    assert recaps[-1] == "0", said(done)


def test_a_second_run_takes_a_fraction_of_the_first(machine: Cell) -> None:
    before = on(machine, "skep instance list -o json").stdout
    started = time.monotonic()
    done = on(machine, "./quickstart --yes")
    assert done.returncode == 0, said(done)
    print(f"second run: {time.monotonic() - started:.1f} s")
    assert on(machine, "skep instance list -o json").stdout == before


def test_down_stops_and_purge_removes_what_it_made(machine: Cell) -> None:
    down = on(machine, "./quickstart --down --yes")
    assert down.returncode == 0, said(down)
    assert on(machine, "skep cell list").returncode == 8
    purge = on(machine, "./quickstart --purge --yes")
    assert purge.returncode == 0, said(purge)
    left = on(machine, f"ls -d {' '.join(MADE)}").stdout
    assert left == ""
