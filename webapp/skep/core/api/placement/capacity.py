"""Capacity: how many more instances fit in a pool."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.schemas.placement.capacity import Capacity, CapacityQuery
from skep.core.scheduler import Flavor
from skep.core.services.placement.capacity import capacities

bp = APIBlueprint("capacity", __name__, url_prefix="/api/v1/capacity", tag="capacity")


@bp.get("")
@bp.input(CapacityQuery, location="query")
@bp.output(Capacity)
def get_capacity(query_data: CapacityQuery) -> dict[str, Any]:
    """Count how many more instances fit, now and after losing a Cell."""
    size, disk_gib = None, query_data.disk_gib
    if query_data.cores is not None and query_data.memory_mib is not None:
        size = Flavor(query_data.cores, query_data.memory_mib, disk_gib)
    return capacities(query_data.pool, query_data.flavor, size, disk_gib)
