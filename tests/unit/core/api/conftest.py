"""A Core app over a temporary SQLite file; runs are recorded instead of carried."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from skep.core import identity
from skep.core.app import create_app, stop_background
from skep.core.config import CoreConfig
from skep.core.services import pools, runs, tokens
from skep.core.store.base import db, new_id, utc_now, writing
from skep.core.store.models import Base, Cell, Image, ImageCopy, Pool
from skep.domain.states import CellState


@dataclass
class Core:
    """The app under test, with what it would have carried."""

    app: APIFlask
    client: FlaskClient
    token: str
    started: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request with the administrator's token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.ask("POST", path, json=json, **options)

    def add_cell(self, name: str, **facts: Any) -> str:
        """Put an online Cell with room into the pool `default`."""
        identity_ = new_id()
        with self.app.app_context(), writing() as session:
            pool = session.query(Pool).filter_by(name="default").one()
            known = {
                "id": identity_,
                "name": name,
                "public_key": identity_.encode(),
                "fingerprint": "SHA256:x",
                "state": CellState.ONLINE,
                "pool_id": pool.id,
                "address": "192.0.2.1",
                "ssh_host_key": "ssh-ed25519 AAAA",
                "addresses": ["192.0.2.1"],
                "kvm": "usable",
                "cpus": 8,
                "memory_mib": 16384,
                "disk_gib": 500,
                "last_seen_at": utc_now(),
                "started_at": utc_now(),
            }
            session.add(Cell(**{**known, **facts}))
        return identity_

    def add_image(self, name: str, copies: tuple[str, ...] = (), **facts: Any) -> str:
        """Put a ready disk image of 1 GiB into the store, without a file."""
        identity_ = new_id()
        with self.app.app_context(), writing() as session:
            known = {
                "id": identity_,
                "name": name,
                "kind": "disk",
                "state": "ready",
                "format": "qcow2",
                "size_bytes": 1000,
                "virtual_size_bytes": 2**30,
                "sha256": "0" * 64,
            }
            session.add(Image(**{**known, **facts}))
            session.flush()
            session.add_all(ImageCopy(image_id=identity_, cell_id=cell) for cell in copies)
        return identity_


@pytest.fixture
def config(tmp_path: Path) -> CoreConfig:
    return CoreConfig(
        state_dir=tmp_path / "state",
        run_dir=tmp_path / "run",
        project_dir=tmp_path,
        threads=8,
        image_max_bytes=8 * 2**20,
    )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A state directory with empty tables, made once, and the administrator's token."""
    state_dir = tmp_path_factory.mktemp("prepared") / "state"
    state_dir.mkdir(mode=0o700)
    identity.ensure_identity(state_dir)
    app = create_app(CoreConfig(state_dir=state_dir))
    with app.app_context():
        Base.metadata.create_all(db.engine)
        pools.ensure_default_pool()
        token = tokens.create_token("administrator")
        db.session.remove()
        db.engine.dispose()
    return state_dir, token


@pytest.fixture
def core(
    config: CoreConfig, prepared: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Core]:
    state_dir, token = prepared
    shutil.copytree(state_dir, config.state_dir)
    app = create_app(config)
    made = Core(app, app.test_client(), token)
    monkeypatch.setattr(runs, "start", made.started.append)
    yield made
    stop_background(app)
    with app.app_context():
        db.engine.dispose()


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return the body of a problem after checking what all problems share."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["detail"]
    return body


@pytest.fixture
def expect_problem() -> Any:
    return problem
