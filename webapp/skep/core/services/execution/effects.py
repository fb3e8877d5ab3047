"""What the end of one resource's work means for the store: the effect of each verdict."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from skep.core.runner.outcomes import Verdict
from skep.core.services import events, images
from skep.core.services.execution.capabilities import read_capabilities
from skep.core.services.records import cell_record, instance_record
from skep.core.store.base import utc_now
from skep.core.store.capacity import no_promise, promises
from skep.core.store.models import Cell, Image, Instance, Run
from skep.domain.states import CellState, InstanceState, OutcomeState, ResourceKind

_STATE_OF_DOMAIN = {
    "running": InstanceState.RUNNING,
    "paused": InstanceState.PAUSED,
    "shutoff": InstanceState.STOPPED,
}

# What an instance is while its operation runs, and what it is again when that failed.
TRANSIENT = {
    "instances_create": InstanceState.STARTING,
    "instances_start": InstanceState.STARTING,
    "instances_stop": InstanceState.STOPPING,
    "instances_reboot": InstanceState.STARTING,
    "instances_delete": InstanceState.STOPPING,
    "instances_migrate": InstanceState.MIGRATING,
}
_AFTER_FAILURE = {
    "instances_create": InstanceState.FAILED,
    "instances_start": InstanceState.STOPPED,
    "instances_stop": InstanceState.RUNNING,
    "instances_reboot": InstanceState.RUNNING,
    "instances_delete": InstanceState.STOPPED,
    "instances_migrate": InstanceState.RUNNING,
}


def apply(session: Session, run: Run, verdict: Verdict) -> None:
    """Write what the verdict means for its resource, and the event that tells about it."""
    _EFFECTS[run.operation](session, run, verdict)


def touch(session: Session, instance: Instance, state: str, now: datetime) -> None:
    """Give an instance its new state and tell the event stream."""
    instance.state = state
    instance.updated_at = now
    instance.generation += 1
    events.record(session, ResourceKind.INSTANCE, instance.id, instance_record(instance))


def tell_cell(session: Session, cell: Cell) -> None:
    """Tell the event stream how a Cell is now."""
    promised = promises(session, [cell.id]).get(cell.id, no_promise())
    events.record(session, ResourceKind.CELL, cell.id, cell_record(cell, promised))


def _instance(session: Session, run: Run, verdict: Verdict) -> None:
    instance = session.get(Instance, verdict.subject)
    if instance is None:
        return
    instance.run_id = None
    succeeded = verdict.state == OutcomeState.SUCCEEDED
    if succeeded:
        instance.reason_code = instance.reason_msg = None
        if run.operation == "instances_migrate":
            _arrive(session, instance, run)
    else:
        instance.reason_code = verdict.code or str(verdict.state)
        instance.reason_msg = verdict.msg or f"{run.operation} was {verdict.state}"
    instance.target_id = None
    touch(session, instance, _state_after(run, verdict), utc_now())


def _state_after(run: Run, verdict: Verdict) -> InstanceState:
    succeeded = verdict.state == OutcomeState.SUCCEEDED
    if run.operation == "instances_create" and not succeeded:
        return InstanceState.FAILED
    known = _STATE_OF_DOMAIN.get(str(verdict.data.get("state")))
    if known is not None:
        return known
    if succeeded:
        return InstanceState.STOPPED if run.operation == "instances_stop" else InstanceState.RUNNING
    return _AFTER_FAILURE[run.operation]


def _arrive(session: Session, instance: Instance, run: Run) -> None:
    instance.cell_id, instance.plan_id = instance.target_id, str(run.parameters["plan_id"])
    session.flush()
    session.refresh(instance, ["cell"])


def nothing_left(session: Session, instance: Instance) -> None:
    """Note that a failed creation left nothing on its Cell: it may be placed anywhere."""
    if instance.cell is None:
        return
    instance.reason_msg = f"{instance.cell.name}: {instance.reason_msg}"[:2000]
    instance.cell_id = None
    session.flush()
    session.refresh(instance, ["cell"])
    touch(session, instance, instance.state, utc_now())


def _deleted(session: Session, run: Run, verdict: Verdict) -> None:
    instance = session.get(Instance, verdict.subject)
    if instance is None:
        return
    if verdict.state != OutcomeState.SUCCEEDED:
        _instance(session, run, verdict)
        return
    gone = {**instance_record(instance), "state": "deleted", "run": None}
    events.record(session, ResourceKind.INSTANCE, instance.id, gone)
    session.delete(instance)


def _accepted(session: Session, run: Run, verdict: Verdict) -> None:
    cell = session.get(Cell, verdict.subject)
    if cell is None:
        return
    if _take_capabilities(cell, run, verdict):
        cell.state = CellState.ONLINE
    else:
        cell.state, cell.pool_id, cell.pool = CellState.DISCOVERED, None, None
    cell.generation += 1
    tell_cell(session, cell)


def _refreshed(session: Session, run: Run, verdict: Verdict) -> None:
    cell = session.get(Cell, verdict.subject)
    if cell is not None and _take_capabilities(cell, run, verdict):
        cell.generation += 1
        tell_cell(session, cell)


def _take_capabilities(cell: Cell, run: Run, verdict: Verdict) -> bool:
    """Put what the Cell can do into the store; an answer that is not well formed is a failure."""
    if verdict.state != OutcomeState.SUCCEEDED:
        return False
    found = read_capabilities(verdict.data)
    if found is not None:
        cell.capabilities = found
        return True
    outcome = next(each for each in run.outcomes if each.resource_id == verdict.subject)
    outcome.state, outcome.code = OutcomeState.FAILED, "invalid_answer"
    outcome.msg = (
        f"{cell.name}: what it answered about CPU models, firmware, machine types, networks and "
        "VLANs is not well formed; look at the Cell before you trust it"
    )
    return False


def _removed(session: Session, run: Run, verdict: Verdict) -> None:
    del run
    cell = session.get(Cell, verdict.subject)
    if cell is None:
        return
    if verdict.state == OutcomeState.SUCCEEDED:
        cell.state, cell.pool_id, cell.pool = CellState.DISCOVERED, None, None
    else:
        cell.state = CellState.ONLINE
    cell.generation += 1
    tell_cell(session, cell)


def _copy_removed(session: Session, run: Run, verdict: Verdict) -> None:
    image = session.get(Image, str(run.parameters["image_id"]))
    if image is None or verdict.state != OutcomeState.SUCCEEDED:
        return
    image.copies = [copy for copy in image.copies if copy.cell_id != verdict.subject]
    if not image.copies:
        images.forget(session, image)


_EFFECTS: dict[str, Callable[[Session, Run, Verdict], None]] = {
    "instances_create": _instance,
    "instances_start": _instance,
    "instances_stop": _instance,
    "instances_reboot": _instance,
    "instances_delete": _deleted,
    "instances_migrate": _instance,
    "cells_accept": _accepted,
    "cells_refresh": _refreshed,
    "cells_remove": _removed,
    "images_remove": _copy_removed,
}
