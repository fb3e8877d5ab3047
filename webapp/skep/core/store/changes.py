"""Changing a row that has a generation, and only when something differs."""

from collections.abc import Mapping

from skep.core.store.models import Cell, Flavor, Pool
from skep.domain.errors import ConflictError


def change(
    row: Cell | Flavor | Pool, kind: str, values: Mapping[str, object], seen: int | None
) -> bool:
    """Set what differs and count the change; return whether anything did.

    Args:
        row: what to change, in the caller's transaction.
        kind: how an error calls it.
        values: new values of columns.
        seen: the generation that the client read before; None does not care.

    Raises:
        ConflictError: it changed since the client read it.
    """
    if seen not in {None, row.generation}:
        raise ConflictError(kind, row.name)
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    row.generation += bool(differing)
    return bool(differing)
