"""Cores in this process on one database, SQLite or PostgreSQL; runs are recorded, not carried."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from apiflask import APIFlask

from skep.core import identity
from skep.core.app import create_app, stop_background
from skep.core.config import CoreConfig
from skep.core.services import pools, runs
from skep.core.store.base import db, new_id, utc_now, writing
from skep.core.store.models import Base, Cell, Image, Pool
from skep.domain.states import CellState

CellMaker = Callable[..., str]


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> CoreConfig:
    """Return settings that lead to an empty database."""
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700)
    identity.ensure_identity(state_dir)
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    return CoreConfig(
        state_dir=state_dir,
        run_dir=tmp_path / "run",
        project_dir=tmp_path,
        threads=64,
        database_url=url,
    )


@pytest.fixture
def cores(config: CoreConfig, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[APIFlask]]:
    """Return two Cores on one database, each with a fleet of its own."""
    monkeypatch.setattr(runs, "start", lambda _run_id: None)
    with ExitStack() as stack:
        made = [create_app(config) for _ in range(2)]
        for app in made:
            stack.callback(_close, app)
        with made[0].app_context():
            Base.metadata.create_all(db.engine)
            pools.ensure_default_pool()
        yield made
        with made[0].app_context():
            db.session.remove()
            Base.metadata.drop_all(db.engine)


@pytest.fixture
def core(cores: list[APIFlask]) -> Iterator[APIFlask]:
    """Return one Core, inside its context."""
    with cores[0].app_context():
        yield cores[0]


@pytest.fixture
def add_cell(cores: list[APIFlask]) -> CellMaker:
    """Return a function that puts an online Cell with room into the pool `default`."""

    def add(name: str, **facts: object) -> str:
        identity_ = new_id()
        with cores[0].app_context(), writing() as session:
            pool = session.query(Pool).filter_by(name="default").one()
            known = {
                "id": identity_,
                "name": name,
                "public_key": identity_.encode(),
                "fingerprint": "SHA256:x",
                "state": CellState.ONLINE,
                "pool_id": pool.id,
                "kvm": "usable",
                "cpus": 8,
                "memory_mib": 16384,
                "disk_gib": 500,
                "last_seen_at": utc_now(),
                "started_at": utc_now(),
            }
            session.add(Cell(**{**known, **facts}))
        return identity_

    return add


@pytest.fixture
def image(cores: list[APIFlask]) -> str:
    """Return the name of a ready disk image of 1 GiB."""
    with cores[0].app_context(), writing() as session:
        facts = {"format": "qcow2", "size_bytes": 1000, "virtual_size_bytes": 2**30}
        session.add(Image(name="demo", kind="disk", state="ready", sha256="0" * 64, **facts))
    return "demo"


def _close(app: APIFlask) -> None:
    stop_background(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
