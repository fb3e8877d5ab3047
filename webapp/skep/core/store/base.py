"""The database: one declarative base, one Flask extension, and the two kinds of transaction."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, DateTime, Engine, MetaData, String, event, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.types import TypeDecorator

# Types of columns: a uuid as text; a name, the longest that the rules of names allow.
ID = String(36)
NAME = String(64)


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; SQLite itself forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; a naive value is a programming error."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# A constraint without a name cannot be changed by a migration on SQLite.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all models."""

    # On the registry, not on the class: Flask-SQLAlchemy derives from this class, and SQLAlchemy
    # 2.1 allows the map once per registry.
    registry = registry(
        type_annotation_map={datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON},
        metadata=MetaData(naming_convention=_NAMES),
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def new_id() -> str:
    """Return a fresh random uuid as text."""
    return str(uuid.uuid4())


def utc_now() -> datetime:
    """Return the present moment; services call it once and pass it on."""
    return datetime.now(UTC)


@contextmanager
def reading() -> Iterator[Session]:
    """Give a session for queries only."""
    yield db.session()


@contextmanager
def writing() -> Iterator[Session]:
    """Give a session whose transaction may write; commits at the end, rolls back on an error.

    SQLite: the transaction starts with BEGIN IMMEDIATE, because a deferred one that turns from
    reading to writing fails at once when another writer came first, whatever the busy timeout.
    """
    session = db.session()
    if session.in_transaction():
        session.commit()
    session.expire_all()  # what was read before this transaction may have changed since
    session.connection(execution_options={"skep_writes": True})
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


def insert_many(
    session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows in one statement, without making objects of them. There may be none."""
    if rows:
        session.execute(insert(model.metadata.tables[model.__tablename__]), rows)


def insert_missing(session: Session, model: type[DeclarativeBase], **values: object) -> None:
    """Insert a row unless one with its key is there, whoever else does the same right now."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(model).values(**values).on_conflict_do_nothing())


def prepare_engine(engine: Engine) -> None:
    """Set SQLite to WAL, full synchronisation and explicit BEGIN; leave other databases alone."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)


def _on_sqlite_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - any DBAPI
    # The driver must not open transactions by itself: we say which kind we want.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("skep_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
