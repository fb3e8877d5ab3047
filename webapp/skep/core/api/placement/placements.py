"""Previews of placement; nothing is made."""

from typing import Any

from apiflask import APIBlueprint

from skep.core.api.placement.wanted import wanted_groups
from skep.core.api.protocol.auth import actor
from skep.core.api.schemas.placement.placements import Placement, PlacementCreate
from skep.core.services.placement.preview import WhatIf, preview
from skep.core.services.placement.request import PlacementRequest
from skep.core.services.pools import check_policy

bp = APIBlueprint("placements", __name__, url_prefix="/api/v1/placements", tag="placements")


@bp.post("")
@bp.input(PlacementCreate)
@bp.output(Placement)
def create_placement(json_data: PlacementCreate) -> dict[str, Any]:
    """Show where instances would go, now or if Cells or the policy were others."""
    check_policy(json_data.policy, json_data.multipliers or {})
    request = PlacementRequest(json_data.pool, wanted_groups(json_data.groups))
    changes = json_data.model_dump(exclude={"pool", "groups"})
    what_if = WhatIf(**{**changes, "multipliers": changes["multipliers"] or {}})
    return preview(request, what_if, actor().name)
