"""The product's own demo image, for tests that want a guest that boots and counts."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATH = Path("/var/cache/skep-lab/demo/skep-demo.qcow2")


def build_demo_image() -> Path:
    """Build it, or find it as a run before left it."""
    playbook = Path(sys.executable).parent / "ansible-playbook"
    done = subprocess.run(
        [
            *(playbook, "-i", "localhost,", "-c", "local", "playbooks/demo_image_build.yml"),
            *("-e", f"demo_image_path={PATH}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return PATH
