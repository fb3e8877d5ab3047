"""A prepared Core in a temporary directory, and disk images made by qemu-img."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from apiflask import APIFlask

from skep.core import identity
from skep.core.app import MIGRATIONS, create_app, stop_background
from skep.core.config import CoreConfig
from skep.core.services import pools, tokens
from skep.core.store.base import db

QemuImg = Callable[..., Path]


@pytest.fixture
def qemu_img(tmp_path: Path) -> QemuImg:
    """Return a function that runs qemu-img and gives the path of its last argument's file."""
    if shutil.which("qemu-img") is None:
        pytest.skip("needs qemu-img: apt install qemu-utils")

    def run(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        command = [each.replace("PATH", str(path)) for each in arguments]
        subprocess.run(["qemu-img", *command], check=True, capture_output=True, cwd=tmp_path)
        return path

    return run


@pytest.fixture
def good(qemu_img: QemuImg, tmp_path: Path) -> Path:
    """Return a qcow2 file of 2 MiB with data in it."""
    (tmp_path / "data.raw").write_bytes(bytes(range(256)) * 8192)
    return qemu_img("good.qcow2", "convert", "-f", "raw", "-O", "qcow2", "data.raw", "PATH")


@pytest.fixture
def config(tmp_path: Path) -> CoreConfig:
    return CoreConfig(
        state_dir=tmp_path / "state",
        run_dir=tmp_path / "run",
        project_dir=tmp_path,
        threads=8,
        image_max_bytes=16 * 2**20,
    )


@pytest.fixture
def app(config: CoreConfig) -> Iterator[APIFlask]:
    """Return the app over a migrated database."""
    config.state_dir.mkdir(mode=0o700)
    identity.ensure_identity(config.state_dir)
    made = create_app(config)
    with made.app_context():
        flask_migrate.upgrade(str(MIGRATIONS))
        pools.ensure_default_pool()
    yield made
    stop_background(made)
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def headers(app: APIFlask) -> dict[str, str]:
    with app.app_context():
        return {"Authorization": f"Bearer {tokens.create_token('administrator')}"}
