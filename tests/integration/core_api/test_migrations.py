"""The migrations and the models say the same."""

from collections.abc import Iterator

import flask_migrate
import pytest
import sqlalchemy as sa
from apiflask import APIFlask

from skep.core import identity
from skep.core.app import MIGRATIONS, create_app
from skep.core.config import CoreConfig
from skep.core.store.base import Base, db, reading
from skep.core.store.models import Pool

DIRECTORY = str(MIGRATIONS)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, config: CoreConfig) -> Iterator[APIFlask]:
    """Return the app over an empty database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        config = config.model_copy(update={"database_url": url})
    config.state_dir.mkdir(mode=0o700)
    identity.ensure_identity(config.state_dir)
    app = create_app(config)
    with app.app_context():
        yield app
        db.session.remove()
        flask_migrate.downgrade(DIRECTORY, revision="base")
        db.engine.dispose()


def _tables() -> set[str]:
    return set(sa.inspect(db.engine).get_table_names())


def test_an_upgrade_makes_what_the_models_say(empty):
    flask_migrate.upgrade(DIRECTORY)
    assert _tables() == {*Base.metadata.tables, "alembic_version"}
    flask_migrate.check(DIRECTORY)  # exits if autogenerate finds a difference


def test_an_upgrade_can_be_repeated_and_taken_back(empty):
    flask_migrate.upgrade(DIRECTORY)
    flask_migrate.upgrade(DIRECTORY)
    flask_migrate.downgrade(DIRECTORY, revision="base")
    assert _tables() == {"alembic_version"}
    flask_migrate.upgrade(DIRECTORY)
    flask_migrate.check(DIRECTORY)


def test_a_difference_would_be_found(empty):
    flask_migrate.upgrade(DIRECTORY)
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE pool ADD COLUMN colour VARCHAR(10)"))
    with pytest.raises(SystemExit):
        flask_migrate.check(DIRECTORY)
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE pool DROP COLUMN colour"))


def test_foreign_keys_are_enforced_after_a_migration(empty):
    flask_migrate.upgrade(DIRECTORY)
    statement = sa.text("INSERT INTO image_copy VALUES ('none', 'none', '2026-01-01')")
    with pytest.raises(sa.exc.IntegrityError), db.engine.begin() as connection:
        connection.execute(statement)


def test_an_upgrade_keeps_the_rows_that_are_there(empty):
    flask_migrate.upgrade(DIRECTORY, revision="0001")
    row = "INSERT INTO pool VALUES ('p', 'old', 3.0, 1.0, 1.0, 1, '2026-01-01')"
    with db.engine.begin() as connection:
        connection.execute(sa.text(row))
    flask_migrate.upgrade(DIRECTORY)
    with reading() as session:
        pool = session.get_one(Pool, "p")
    assert (pool.policy, pool.multipliers, pool.plan_generation) == ("spread", {}, 1)
