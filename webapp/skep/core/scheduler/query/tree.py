"""A parsed query."""

from collections.abc import Iterator
from dataclasses import dataclass

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Literal:
    """A value as written."""

    value: Scalar


@dataclass(frozen=True)
class Fact:
    """A fact of the Cell, by its dotted path without `$cell.`."""

    path: str


Term = Literal | Fact


@dataclass(frozen=True)
class Compare:
    """One of `= < > <= >= in`: the first term with every other one."""

    operator: str
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Logic:
    """One of `not and or`."""

    operator: str
    nodes: tuple["Node", ...]


Node = Compare | Logic


@dataclass(frozen=True)
class Query:
    """A query that is known to be well formed; `source` is its JSON."""

    source: str
    root: Node

    def facts(self) -> list[str]:
        """Return the paths it reads, each once, as they first appear."""
        return list(dict.fromkeys(_facts(self.root)))


def _facts(node: Node) -> Iterator[str]:
    if isinstance(node, Compare):
        yield from (term.path for term in node.terms if isinstance(term, Fact))
    else:
        for each in node.nodes:
            yield from _facts(each)
