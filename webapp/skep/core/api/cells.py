"""Cells: list, show, accept into a pool, change, allow or refuse new instances, remove."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.protocol.auth import actor
from skep.core.api.protocol.exchange import accepted, seen_generation, with_etag
from skep.core.api.schemas.cells import Cell, CellAccept, CellChange, CellList, CellQuery
from skep.core.api.schemas.runs import Accepted
from skep.core.services import cells
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("cells", __name__, url_prefix="/api/v1/cells", tag="cells")


@bp.get("")
@bp.input(CellQuery, location="query")
@bp.output(CellList)
def list_cells(query_data: CellQuery) -> dict[str, Any]:
    """List Cells."""
    page = Page(query_data.limit, query_data.cursor, query_data.sort)
    return vars(cells.list_cells(page, query_data.state, query_data.pool))


@bp.get("/<cell>")
@bp.output(Cell)
def get_cell(cell: str) -> Answer:
    """Show one Cell."""
    return with_etag(cells.get_cell(cell))


@bp.post("/<cell>/accept")
@bp.input(CellAccept)
@bp.output(Accepted, status_code=202)
def accept_cell(cell: str, json_data: CellAccept) -> Answer:
    """Make a discovered Cell a member of a pool."""
    return accepted(cells.accept_cell(cell, json_data.pool, actor().name))


@bp.post("/<cell>/refresh")
@bp.output(Accepted, status_code=202)
def refresh_cell(cell: str) -> Answer:
    """Ask a member anew what it can do: CPU models, firmware, machine types, networks, VLANs."""
    return accepted(cells.refresh_cell(cell, actor().name))


@bp.patch("/<cell>")
@bp.input(CellChange)
@bp.output(Cell)
def update_cell(cell: str, json_data: CellChange) -> Answer:
    """Change what is kept for the host, the limit, tags or labels; instances on it stay.

    A header If-Match with the ETag that you read refuses the change if somebody was faster.
    """
    changes = json_data.model_dump(exclude_unset=True)
    return with_etag(cells.update_cell(cell, changes, seen_generation()))


@bp.post("/<cell>/enable")
@bp.output(Cell)
def enable_cell(cell: str) -> Answer:
    """Allow new instances on the Cell."""
    return with_etag(cells.set_cell_enabled(cell, enabled=True))


@bp.post("/<cell>/disable")
@bp.output(Cell)
def disable_cell(cell: str) -> Answer:
    """Refuse new instances on the Cell; those on it go on."""
    return with_etag(cells.set_cell_enabled(cell, enabled=False))


@bp.delete("/<cell>")
@bp.output(Accepted, status_code=202)
def remove_cell(cell: str) -> Answer:
    """Take a Cell without instances out of its pool."""
    return accepted(cells.remove_cell(cell, actor().name))
