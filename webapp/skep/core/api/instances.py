"""Instances: create, list, show, explain, read the log, change many at once."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from skep.core.api.placement.wanted import wanted_group
from skep.core.api.protocol.auth import actor
from skep.core.api.protocol.exchange import accepted, with_etag
from skep.core.api.protocol.openapi import OTHER_ANSWER
from skep.core.api.schemas.instances import (
    Instance,
    InstanceList,
    InstanceMigrate,
    InstanceQuery,
    InstanceRefs,
    InstanceStop,
    LogQuery,
)
from skep.core.api.schemas.placement.explanations import Explanation, ExplanationQuery
from skep.core.api.schemas.placement.groups import InstanceCreate, Placed
from skep.core.api.schemas.runs import Accepted
from skep.core.services import instances
from skep.core.services.placement import explanations
from skep.core.services.placement.request import PlacementRequest
from skep.core.services.placement.reserve import reserve
from skep.core.store.paging import Page

Answer = tuple[dict[str, Any], int, dict[str, str]]
bp = APIBlueprint("instances", __name__, url_prefix="/api/v1/instances", tag="instances")
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_LOG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The end of the serial log.", "content": _TEXT}
}


@bp.get("")
@bp.input(InstanceQuery, location="query")
@bp.output(InstanceList)
def list_instances(query_data: InstanceQuery) -> dict[str, Any]:
    """List instances."""
    page = Page(query_data.limit, query_data.cursor, query_data.sort)
    wanted = query_data.model_dump(include={"pool", "cell", "state", "q", "reservation"})
    return vars(instances.list_instances(page, instances.InstanceFilters(**wanted)))


@bp.get("/<instance>")
@bp.output(Instance)
def get_instance(instance: str) -> Answer:
    """Show one instance."""
    return with_etag(instances.get_instance(instance))


@bp.get("/<instance>/explanation")
@bp.input(ExplanationQuery, location="query")
@bp.output(Explanation)
@bp.doc(extensions={OTHER_ANSWER: "text/plain"})
def explain_instance(instance: str, query_data: ExplanationQuery) -> dict[str, Any] | Response:
    """Explain why the instance is on its Cell; `Accept: text/plain` gets text for a person."""
    if request.accept_mimetypes.best_match(["application/json", "text/plain"]) == "text/plain":
        text = explanations.explain_text(instance, query_data.limit)
        return Response(text, mimetype="text/plain")
    return explanations.explain_instance(instance, query_data.limit)


@bp.get("/<instance>/log")
@bp.input(LogQuery, location="query")
@bp.doc(responses=_LOG)
def get_log(instance: str, query_data: LogQuery) -> Response:
    """Read the end of the instance's serial log, as the guest wrote it."""
    content = instances.read_log(instance, query_data.max_bytes)
    return Response(content, mimetype="text/plain")


@bp.post("")
@bp.input(InstanceCreate)
@bp.output(Placed, status_code=202)
def create_instances(json_data: InstanceCreate) -> Answer:
    """Create instances: each gets a Cell now, the run makes them."""
    wanted = PlacementRequest(json_data.pool, (wanted_group(json_data),))
    return accepted(**reserve(wanted, actor().name))


@bp.post("/start")
@bp.input(InstanceRefs)
@bp.output(Accepted, status_code=202)
def start_instances(json_data: InstanceRefs) -> Answer:
    """Start instances."""
    return _change("start", json_data)


@bp.post("/stop")
@bp.input(InstanceStop)
@bp.output(Accepted, status_code=202)
def stop_instances(json_data: InstanceStop) -> Answer:
    """Shut guests down, or with `force` pull the plug."""
    return _change("stop", json_data, force=json_data.force)


@bp.post("/reboot")
@bp.input(InstanceRefs)
@bp.output(Accepted, status_code=202)
def reboot_instances(json_data: InstanceRefs) -> Answer:
    """Restart guests."""
    return _change("reboot", json_data)


@bp.post("/delete")
@bp.input(InstanceRefs)
@bp.output(Accepted, status_code=202)
def delete_instances(json_data: InstanceRefs) -> Answer:
    """Delete instances with their disks."""
    return _change("delete", json_data)


@bp.post("/migrate")
@bp.input(InstanceMigrate)
@bp.output(Accepted, status_code=202)
def migrate_instances(json_data: InstanceMigrate) -> Answer:
    """Live-migrate running instances to a Cell of their pool, or each to where it fits best."""
    run = instances.migrate_instances(json_data.instances, json_data.cell, actor().name)
    return accepted(run)


def _change(operation: str, body: InstanceRefs, *, force: bool = False) -> Answer:
    run = instances.change_instances(operation, body.instances, actor().name, force=force)
    return accepted(run)
