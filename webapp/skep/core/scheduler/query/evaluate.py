"""A query's answer for each Cell of a view. Never raises: what can't be compared is false."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skep.core.scheduler.decision.view import View
from skep.core.scheduler.fleet.kinds import Array, Bools
from skep.core.scheduler.fleet.row import FLAGS, FLOATS, INTEGERS
from skep.core.scheduler.fleet.traits import TRAITS
from skep.core.scheduler.query.tree import Compare, Fact, Node, Term

MISSING = object()
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "in": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
# Figures that planning changes; queries see them as they are before this instance.
_PLANNED: Mapping[str, Callable[[View], Array]] = {
    "free_cores": lambda view: view.free("cores"),
    "free_memory_mib": lambda view: view.free("memory_mib"),
    "free_disk_gib": lambda view: view.free("disk_gib"),
    "instances": lambda view: view.instances,
    "io_load": lambda view: view.io_load,
    "load": lambda view: view.load,
}


def answer(node: Node, view: View) -> Bools:
    """Return which Cells of the view the query holds for."""
    if isinstance(node, Compare):
        return _compared(node, view)
    answers = [answer(each, view) for each in node.nodes]
    if node.operator == "not":
        return ~answers[0]
    join = np.logical_and if node.operator == "and" else np.logical_or
    return np.asarray(join.reduce(answers), dtype=np.bool_)


def fact(path: str, view: View) -> Sequence[object] | Array:
    """Return a fact of each Cell of the view: an array of numbers, or a list with MISSING."""
    if path in _PLANNED:
        return _PLANNED[path](view)
    if path in INTEGERS or path in FLOATS:
        return view.column(path)
    every = view.state.facts.get(path)
    if every is None:
        every = view.state.facts[path] = _column(path, view)
    return every if isinstance(view.rows, slice) else [every[row] for row in view.rows]


def _compared(node: Compare, view: View) -> Bools:
    first, *others = (_values(term, view) for term in node.terms)
    answers = [_pairwise(node.operator, first, other, len(view)) for other in others]
    join = np.logical_or if node.operator == "in" else np.logical_and
    return np.asarray(join.reduce(answers), dtype=np.bool_)


def _values(term: Term, view: View) -> object:
    return fact(term.path, view) if isinstance(term, Fact) else term.value


def _pairwise(word: str, left: object, right: object, size: int) -> Bools:
    apply = _OPERATORS[word]
    if _numeric(left) and _numeric(right):
        return np.broadcast_to(np.asarray(apply(left, right), dtype=np.bool_), (size,))
    pairs = zip(_each(left, size), _each(right, size), strict=True)
    return np.array([_holds(word, one, other) for one, other in pairs], dtype=np.bool_)


def _holds(word: str, one: object, other: object) -> bool:
    if word == "in" and isinstance(other, list):
        return any(_holds("=", one, each) for each in other)
    kinds = {_kind(one), _kind(other)}
    if len(kinds) != 1 or kinds == {"other"} or (kinds == {"flag"} and word not in {"=", "in"}):
        return False
    return bool(_OPERATORS[word](one, other))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _numeric(value: object) -> bool:
    return isinstance(value, np.ndarray) or _kind(value) == "number"


def _each(value: object, size: int) -> Sequence[object]:
    if isinstance(value, np.ndarray):
        return value.tolist()  # type: ignore[no-any-return]
    return value if isinstance(value, list) else [value] * size


def _column(path: str, view: View) -> list[object]:
    fleet = view.state.fleet
    if path in FLAGS:
        return fleet.column(path).tolist()  # type: ignore[no-any-return]
    if path in {"id", "name"}:
        return list(fleet.ids if path == "id" else fleet.names)
    head, *rest = path.split(".")
    if head in TRAITS:
        roots = [_listed(value) for value in fleet.traits.of[head]]
    else:
        roots = [_step(document, head) for document in fleet.facts]
    for key in rest:
        roots = [_step(root, key) for root in roots]
    return roots


def _step(root: object, key: str) -> object:
    return root.get(key, MISSING) if isinstance(root, Mapping) else MISSING


def _listed(value: object) -> object:
    """Sets become sorted lists, so that `in` finds their members."""
    return value if isinstance(value, str | Mapping) else sorted(value)  # type: ignore[call-overload]
