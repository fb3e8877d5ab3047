"""Private hosts for a test session; they need root, libvirtd and qemu."""

import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.demo_image import build_demo_image
from tests.integration.collection.private_host import PrivateHost

IMAGE_BYTES = 64 << 20
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs domains on private hosts: a quick run leaves it out with the lab."""
    for item in items:
        if item.path.parent == HERE and "cell" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.lab)


@dataclass(frozen=True)
class Image:
    path: Path
    sha256: str
    size_bytes: int


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """An empty disk: enough to start a domain, never a system that obeys ACPI."""
    path = tmp_path_factory.mktemp("image") / "empty.qcow2"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", str(path), str(IMAGE_BYTES)]
    subprocess.run(create, check=True)
    return Image(path, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


@pytest.fixture(scope="session")
def cell(tmp_path_factory: pytest.TempPathFactory, image: Image) -> Iterator[PrivateHost]:
    yield from _started(PrivateHost(tmp_path_factory.mktemp("cells") / "a"), image)


@pytest.fixture(scope="session")
def other_cell(cell: PrivateHost, image: Image) -> Iterator[PrivateHost]:
    yield from _started(PrivateHost(cell.root.with_name("b"), near=cell), image)


@pytest.fixture(scope="session")
def demo_image(cell: PrivateHost) -> Image:
    """A guest that boots and counts on its serial console, in place on the Cell."""
    path = build_demo_image()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    shutil.copy(path, cell.images / f"{sha256}.qcow2")
    return Image(path, sha256, path.stat().st_size)


@pytest.fixture
def instance_id() -> str:
    return str(uuid.uuid4())


def _started(host: PrivateHost, image: Image) -> Iterator[PrivateHost]:
    if os.geteuid() != 0 or shutil.which("libvirtd") is None:
        pytest.skip("needs root and libvirtd")
    host.start()
    try:
        host.images.mkdir(parents=True)
        shutil.copy(image.path, host.images / f"{image.sha256}.qcow2")
        (host.root / "log/skep/serial").mkdir(parents=True)
        yield host
    finally:
        host.stop()
