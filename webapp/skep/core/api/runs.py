"""Runs: list, show, cancel."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.protocol.exchange import accepted
from skep.core.api.schemas.runs import Accepted, Run, RunList, RunQuery
from skep.core.services import runs
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("runs", __name__, url_prefix="/api/v1/runs", tag="runs")


@bp.get("")
@bp.input(RunQuery, location="query")
@bp.output(RunList)
def list_runs(query_data: RunQuery) -> dict[str, Any]:
    """List runs, newest first."""
    page = Page(query_data.limit, query_data.cursor, query_data.sort)
    return vars(runs.list_runs(page, query_data.state, query_data.operation))


@bp.get("/<run>")
@bp.output(Run)
def get_run(run: str) -> dict[str, Any]:
    """Show one run with what happened to each resource."""
    return runs.get_run(run)


@bp.post("/<run>/cancel")
@bp.output(Accepted, status_code=202)
def cancel_run(run: str) -> Answer:
    """Ask a run to end; what is done stays done."""
    return accepted(runs.cancel_run(run))
