"""The zone at a glance, and whether the Core answers at all."""

from typing import Any

from apiflask import APIBlueprint
from flask import current_app

import skep
from skep.core.api.schemas.status import Health, Status
from skep.core.config import CoreConfig
from skep.core.services import status

bp = APIBlueprint("status", __name__, tag="status")


@bp.get("/healthz")
@bp.output(Health)
def get_health() -> dict[str, str]:
    """Answer while the Core and its database work; needs no token."""
    status.check_database()
    return {"status": "ok"}


@bp.get("/api/v1/status")
@bp.output(Status)
def get_status() -> dict[str, Any]:
    """Show version, identity, and how many Cells, instances and runs are in which state."""
    config: CoreConfig = current_app.config["SKEP"]
    status.check_database()
    return {
        "version": skep.__version__,
        "zone": config.domain.model_dump(),
        "core_id": current_app.extensions["skep_identity"].id,
        "fingerprint": current_app.extensions["skep_identity"].fingerprint,
        "database": "ok",
        "discovery": current_app.extensions["skep_discovery"](),
        **status.count_states(),
    }
