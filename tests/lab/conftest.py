import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def demo_image() -> Path:
    """Build the product's own demo image, or find it as a run before left it."""
    path = Path("/var/cache/skep-lab/demo/skep-demo.qcow2")
    playbook = Path(sys.executable).parent / "ansible-playbook"
    done = subprocess.run(
        [
            *(playbook, "-i", "localhost,", "-c", "local", "playbooks/demo_image_build.yml"),
            *("-e", f"demo_image_path={path}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return path
