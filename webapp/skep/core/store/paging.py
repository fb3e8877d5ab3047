"""Keyset pagination: a page continues after the last row seen, however the table changed."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from skep.core.store.base import UtcDateTime
from skep.domain.errors import SkepError

_INTEGER_MAX = 2**31 - 1


@dataclass(eq=False)
class InvalidPageError(SkepError):
    """The cursor or the sort key can't be used."""

    code: ClassVar[str] = "invalid_page"
    template: ClassVar[str] = "{field} {value!r} is not usable: {rule}"
    field: str
    value: str
    rule: str


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted; `sort` is a column name, with '-' in front for descending."""

    limit: int = 50
    cursor: str | None = None
    sort: str | None = None


@dataclass(frozen=True)
class Listing:
    """One page of records, where the next starts, and how many there are in all."""

    items: Sequence[dict[str, Any]]
    next: str | None
    total: int


def fetch(
    session: Session,
    query: Select[Any],
    page: Page,
    keys: Mapping[str, InstrumentedAttribute[Any]],
    record: Callable[[Any], dict[str, Any]],
) -> Listing:
    """Return one page of `query`, sorted by one of `keys` and then by id.

    Args:
        session: of the caller's transaction.
        query: selects one model, filtered, unsorted.
        page: which part.
        keys: sortable columns by name; the first is the default; must hold "id".
        record: turns a row into what the API shows.

    Raises:
        InvalidPageError: unknown sort key or a cursor that this list did not give.
    """
    name, descending = _sort(page.sort, keys)
    column, tie = keys[name], keys["id"]
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    if page.cursor is not None:
        value, identity = _read_cursor(page.cursor, column)
        beyond = column < value if descending else column > value
        query = query.where(or_(beyond, and_(column == value, tie > identity)))
    ordered = query.order_by(column.desc() if descending else column, tie).limit(page.limit + 1)
    rows = list(session.scalars(ordered).unique())
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    following = _cursor(getattr(rows[-1], column.key), str(rows[-1].id)) if more else None
    return Listing([record(row) for row in rows], following, total)


def _sort(sort: str | None, keys: Mapping[str, InstrumentedAttribute[Any]]) -> tuple[str, bool]:
    wanted = sort or next(iter(keys))
    name = wanted.removeprefix("-")
    if name not in keys:
        raise InvalidPageError("sort", wanted, f"one of {', '.join(keys)}, '-' in front descends")
    return name, wanted.startswith("-")


def _cursor(value: Any, identity: str) -> str:  # noqa: ANN401 - any column's value
    kept = value.isoformat() if isinstance(value, datetime) else value
    kind = "t" if isinstance(value, datetime) else "v"
    return base64.urlsafe_b64encode(json.dumps([kind, kept, identity]).encode()).decode()


def _read_cursor(cursor: str, column: InstrumentedAttribute[Any]) -> tuple[Any, str]:
    """Return what the cursor holds; a forged one must not reach the database as a wrong type."""
    try:
        kind, value, identity = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return _checked(kind, value, column), str(_checked("v", identity, None))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidPageError("cursor", cursor[:80], "use `next` of the page before") from error


def _checked(kind: object, value: Any, column: InstrumentedAttribute[Any] | None) -> Any:  # noqa: ANN401 - any column's value
    if column is not None and isinstance(column.type, UtcDateTime):
        if kind != "t":
            raise ValueError
        return datetime.fromisoformat(value).astimezone(UTC)
    wanted = str if column is None else column.type.python_type
    if kind != "v" or type(value) is not wanted:
        raise ValueError
    if isinstance(value, str) and b"\0" in value.encode():
        raise ValueError
    if isinstance(value, int) and abs(value) > _INTEGER_MAX:
        raise ValueError
    return value
