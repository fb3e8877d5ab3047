"""The JSON query of a request: Nova's JsonFilter operators on facts of a Cell, checked first.

`["and", [">=", "$cell.free_memory_mib", 4096], ["in", "$cell.labels.rack", "r1", "r2"]]`
"""

from skep.core.scheduler.query.parse import QueryError, parse_query
from skep.core.scheduler.query.tree import Compare, Fact, Literal, Logic, Node, Query, Term

__all__ = [
    "Compare",
    "Fact",
    "Literal",
    "Logic",
    "Node",
    "Query",
    "QueryError",
    "Term",
    "parse_query",
]
