"""How Alembic reaches the store: over the app's own engine, in one writing transaction."""

from typing import Any, Literal

from alembic import context
from sqlalchemy.engine import Connection

from skep.core.store import models
from skep.core.store.base import Base, UtcDateTime, db


def render_item(kind: str, item: object, _autogen: object) -> str | Literal[False]:
    """Write our types as plain SQLAlchemy, so that an old migration needs no code of ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def same_type(*arguments: Any) -> bool | None:  # noqa: ANN401 - Alembic's five arguments
    """Tell Alembic that a UtcDateTime is a DateTime; None leaves the rest to it."""
    return False if isinstance(arguments[4], UtcDateTime) else None


def migrate(connection: Connection) -> None:
    """Run the migrations that are asked for."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        compare_type=same_type,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Migrate; SQLite must not enforce foreign keys while batch mode rebuilds a table."""
    engine = db.engine
    with engine.connect().execution_options(skep_writes=True) as connection:
        raw = connection.connection.driver_connection
        if engine.dialect.name == "sqlite" and raw is not None:
            raw.execute("PRAGMA foreign_keys=OFF")
        try:
            migrate(connection)
        finally:
            if engine.dialect.name == "sqlite" and raw is not None:
                raw.execute("PRAGMA foreign_keys=ON")


assert models.Pool.metadata is Base.metadata  # noqa: S101 - importing the models fills it
run()
