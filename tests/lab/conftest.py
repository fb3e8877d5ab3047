from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.demo_image import build_demo_image
from tests.lab import Lab
from tests.lab.cluster import Cluster


@pytest.fixture(scope="session")
def demo_image() -> Path:
    """Build the product's own demo image, or find it as a run before left it."""
    return build_demo_image()


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
