"""Instance groups: list, show, create, delete."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.protocol.exchange import created, with_etag
from skep.core.api.schemas.fields import ListQuery
from skep.core.api.schemas.placement.instance_groups import (
    InstanceGroup,
    InstanceGroupCreate,
    InstanceGroupList,
)
from skep.core.services.placement import instance_groups
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint(
    "instance_groups", __name__, url_prefix="/api/v1/instance-groups", tag="instance groups"
)


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.output(InstanceGroupList)
def list_instance_groups(query_data: ListQuery) -> dict[str, Any]:
    """List instance groups."""
    page = Page(query_data.limit, query_data.cursor, query_data.sort)
    return vars(instance_groups.list_instance_groups(page))


@bp.get("/<group>")
@bp.output(InstanceGroup)
def get_instance_group(group: str) -> Answer:
    """Show one instance group with its members."""
    return with_etag(instance_groups.get_instance_group(group))


@bp.post("")
@bp.input(InstanceGroupCreate)
@bp.output(InstanceGroup, status_code=201)
def create_instance_group(json_data: InstanceGroupCreate) -> Answer:
    """Add a group without members; instances join it when they are created."""
    record = instance_groups.create_instance_group(**json_data.model_dump())
    return created(record, f"{bp.url_prefix}/{record['name']}")


@bp.delete("/<group>")
@bp.output({}, status_code=204)
def delete_instance_group(group: str) -> tuple[str, int]:
    """Remove a group that has no members."""
    instance_groups.delete_instance_group(group)
    return "", 204
