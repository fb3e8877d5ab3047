"""Reservations: ask for instances in groups, list, show, cancel, retry."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.placement.wanted import wanted_groups
from skep.core.api.protocol.auth import actor
from skep.core.api.protocol.exchange import accepted
from skep.core.api.schemas.fields import ListQuery
from skep.core.api.schemas.placement.groups import Placed
from skep.core.api.schemas.placement.reservations import (
    Canceled,
    ReservationCreate,
    ReservationDetail,
    ReservationList,
)
from skep.core.services.placement import reservations
from skep.core.services.placement.request import PlacementRequest
from skep.core.services.placement.reserve import reserve
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("reservations", __name__, url_prefix="/api/v1/reservations", tag="reservations")


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.output(ReservationList)
def list_reservations(query_data: ListQuery) -> dict[str, Any]:
    """List reservations, newest first."""
    page = Page(query_data.limit, query_data.cursor, query_data.sort)
    return vars(reservations.list_reservations(page))


@bp.get("/<reservation>")
@bp.output(ReservationDetail)
def get_reservation(reservation: str) -> dict[str, Any]:
    """Show one reservation with its instances and runs."""
    return reservations.get_reservation(reservation)


@bp.post("")
@bp.input(ReservationCreate)
@bp.output(Placed, status_code=202)
def create_reservation(json_data: ReservationCreate) -> Answer:
    """Create instances in groups: each gets a Cell now, the run makes them."""
    groups = wanted_groups(json_data.groups)
    request = PlacementRequest(json_data.pool, groups, json_data.name)
    return accepted(**reserve(request, actor().name))


@bp.post("/<reservation>/cancel")
@bp.output(Canceled, status_code=202)
def cancel_reservation(reservation: str) -> Answer:
    """Ask the runs that make its instances to end; what is made stays."""
    runs = reservations.cancel_reservation(reservation)["runs"]
    return accepted(runs[0], runs=runs)


@bp.post("/<reservation>/retry")
@bp.output(Placed, status_code=202)
def retry_reservation(reservation: str) -> Answer:
    """Place what failed or was canceled anew, and make it."""
    return accepted(**reservations.retry_reservation(reservation, actor().name))
