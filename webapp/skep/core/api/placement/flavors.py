"""Flavors: list, show, create, change, delete."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.protocol.exchange import created, seen_generation, with_etag
from skep.core.api.schemas.fields import ListQuery
from skep.core.api.schemas.placement.flavors import Flavor, FlavorChange, FlavorCreate, FlavorList
from skep.core.services.placement import flavors
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("flavors", __name__, url_prefix="/api/v1/flavors", tag="flavors")


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.output(FlavorList)
def list_flavors(query_data: ListQuery) -> dict[str, Any]:
    """List flavors."""
    return vars(flavors.list_flavors(Page(query_data.limit, query_data.cursor, query_data.sort)))


@bp.get("/<flavor>")
@bp.output(Flavor)
def get_flavor(flavor: str) -> Answer:
    """Show one flavor."""
    return with_etag(flavors.get_flavor(flavor))


@bp.post("")
@bp.input(FlavorCreate)
@bp.output(Flavor, status_code=201)
def create_flavor(json_data: FlavorCreate) -> Answer:
    """Add a flavor."""
    record = flavors.create_flavor(flavors.FlavorRequest(**json_data.model_dump()))
    return created(record, f"{bp.url_prefix}/{record['name']}")


@bp.patch("/<flavor>")
@bp.input(FlavorChange)
@bp.output(Flavor)
def update_flavor(flavor: str, json_data: FlavorChange) -> Answer:
    """Change a flavor for instances to come; those made with it keep their size.

    A header If-Match with the ETag that you read refuses the change if somebody was faster.
    """
    changes = json_data.model_dump(exclude_unset=True)
    return with_etag(flavors.update_flavor(flavor, changes, seen_generation()))


@bp.delete("/<flavor>")
@bp.output({}, status_code=204)
def delete_flavor(flavor: str) -> tuple[str, int]:
    """Remove a flavor; instances made with it stay as they are."""
    flavors.delete_flavor(flavor)
    return "", 204
