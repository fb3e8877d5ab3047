"""JSON to a query, with errors that say where and what."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from skep.core.scheduler.query.tree import Compare, Fact, Literal, Logic, Node, Query, Term
from skep.domain.errors import SkepError

COMPARISONS = ("=", "<", ">", "<=", ">=", "in")
LOGIC = ("not", "and", "or")
_MAX_DEPTH, _MAX_PARTS, _LARGEST = 16, 256, 1e18
_FACT = re.compile(r"\$cell\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")


@dataclass(eq=False)
class QueryError(SkepError):
    """A query that can't be read; `pointer` is a JSON pointer into it."""

    code: ClassVar[str] = "invalid_query"
    template: ClassVar[str] = "query, at {place}: {problem}"
    pointer: str
    problem: str

    @property
    def place(self) -> str:
        """The pointer, or words for the whole query."""
        return self.pointer or "its top"

    def __str__(self) -> str:
        return self.template.format(place=self.place, problem=self.problem)


def parse_query(document: object) -> Query | None:
    """Return the query that a JSON document (parsed, or as text) says; None when it is empty.

    Raises:
        QueryError: it is no query.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise QueryError("", f"is no JSON ({error})") from error
    if document is None or document == []:
        return None
    root = _Parser().node(document, "", 0)
    return Query(json.dumps(document, separators=(",", ":")), root)


class _Parser:
    def __init__(self) -> None:
        self._parts = 0

    def node(self, document: object, pointer: str, depth: int) -> Node:
        if not isinstance(document, list | tuple) or not document:
            raise QueryError(pointer, 'a list such as [">=", "$cell.cpus", 8] is needed')
        if depth >= _MAX_DEPTH:
            raise QueryError(pointer, f"nested deeper than {_MAX_DEPTH} levels")
        self._parts += len(document)
        if self._parts > _MAX_PARTS:
            raise QueryError(pointer, f"more than {_MAX_PARTS} parts")
        operator, *rest = document
        if isinstance(operator, str) and operator in LOGIC:
            return self._logic(operator, rest, pointer, depth)
        if isinstance(operator, str) and operator in COMPARISONS:
            return _compare(operator, rest, pointer)
        known = " ".join((*COMPARISONS, *LOGIC))
        raise QueryError(f"{pointer}/0", f"{operator!r} is no operator; there are: {known}")

    def _logic(self, operator: str, rest: Sequence[object], pointer: str, depth: int) -> Logic:
        if operator == "not" and len(rest) != 1:
            raise QueryError(pointer, f"'not' takes 1 condition, {len(rest)} given")
        if not rest:
            raise QueryError(pointer, f"{operator!r} needs at least 1 condition")
        pairs = enumerate(rest, start=1)
        return Logic(
            operator, tuple(self.node(each, f"{pointer}/{n}", depth + 1) for n, each in pairs)
        )


def _compare(operator: str, rest: Sequence[object], pointer: str) -> Compare:
    if len(rest) < 2:  # noqa: PLR2004  a comparison has two sides
        raise QueryError(pointer, f"{operator!r} needs at least 2 values, {len(rest)} given")
    terms = tuple(_term(each, f"{pointer}/{n}") for n, each in enumerate(rest, start=1))
    return Compare(operator, terms)


def _term(value: object, pointer: str) -> Term:
    if isinstance(value, str) and value.startswith("$"):
        found = _FACT.fullmatch(value)
        if found is None:
            raise QueryError(pointer, f"{value!r} is no fact; facts are written $cell.NAME")
        return Fact(found.group(1))
    if isinstance(value, str | bool):
        return Literal(value)
    if isinstance(value, int | float):
        if not abs(value) <= _LARGEST:
            raise QueryError(pointer, f"a number must lie within +-{_LARGEST:.0e}")
        return Literal(value)
    raise QueryError(pointer, f"{value!r} is neither text, number, true or false nor a fact")
