import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.lab import Lab
from tests.lab.cluster import Cluster

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


@pytest.fixture(scope="session")
def raise_cluster(
    tmp_path_factory: pytest.TempPathFactory, demo_image: Path
) -> Callable[[str], AbstractContextManager[Cluster]]:
    """Return what raises a cluster of two Cells of a kind, with a Core that serves."""

    @contextmanager
    def raised(kind: str) -> Iterator[Cluster]:
        with Lab.up(cells=2, full=kind == "full") as lab:
            made = Cluster(lab, tmp_path_factory.mktemp("core"), demo_image)
            made.prepare()
            made.start_core()
            yield made
            made.stop_core()

    return raised
