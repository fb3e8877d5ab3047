"""Molecule drives the same lab."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.lab
@pytest.mark.parametrize("scenario", ["cell"])
def test_molecule_scenario(scenario: str) -> None:
    molecule = Path(sys.executable).parent / "molecule"
    done = subprocess.run(
        [molecule, "test", "-s", scenario],
        cwd=TESTS,
        env={"PATH": f"{molecule.parent}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
