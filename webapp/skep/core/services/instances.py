"""Instances: create, list, change the power state, delete, migrate, read the serial log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core.runner.outcomes import nothing_to_do
from skep.core.runner.playbook import PlaybookRun, run_playbook
from skep.core.runner.results import TaskResult
from skep.core.scheduler import Group
from skep.core.services import runs
from skep.core.services.execution import work
from skep.core.services.execution.operations import cell_host
from skep.core.services.placement.plans import Committed, Question, commit_plan, leaving
from skep.core.services.placement.request import same_again
from skep.core.services.records import Record, instance_record, run_record
from skep.core.store.base import new_id, reading, writing
from skep.core.store.lookup import get_cell
from skep.core.store.lookup import get_instance as find_instance
from skep.core.store.lookup import get_run as find_run
from skep.core.store.models import Cell, Instance, Pool, Run
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import (
    BusyError,
    CellFailedError,
    InvalidStateError,
    SameCellError,
)
from skep.domain.states import CellState, InstanceState, ResourceKind

_KEYS = {
    "name": Instance.name,
    "created_at": Instance.created_at,
    "state": Instance.state,
    "memory_mib": Instance.memory_mib,
    "cores": Instance.cores,
    "id": Instance.id,
}
# What an instance must be for an operation to make sense.
_NEEDED = {
    "start": (InstanceState.STOPPED, InstanceState.RUNNING),
    "stop": (InstanceState.RUNNING, InstanceState.PAUSED, InstanceState.STOPPED),
    "reboot": (InstanceState.RUNNING,),
    "migrate": (InstanceState.RUNNING,),
    "delete": tuple(InstanceState),
}


@dataclass(frozen=True)
class InstanceFilters:
    """Which instances a list shows; None means all, `q` matches part of a name."""

    pool: str | None = None
    cell: str | None = None
    state: str | None = None
    q: str | None = None
    reservation: str | None = None


def list_instances(page: Page, filters: InstanceFilters) -> Listing:
    """Return one page of instances, by name unless sorted otherwise."""
    query = select(Instance)
    if filters.pool:
        query = query.join(Pool, Instance.pool_id == Pool.id).where(Pool.name == filters.pool)
    if filters.cell:
        query = query.join(Cell, Instance.cell_id == Cell.id).where(Cell.name == filters.cell)
    if filters.state:
        query = query.where(Instance.state == filters.state)
    if filters.q:
        query = query.where(Instance.name.contains(filters.q, autoescape=True))
    if filters.reservation:
        query = query.where(Instance.reservation_id == filters.reservation)
    with reading() as session:
        return fetch(session, query, page, _KEYS, instance_record)


def get_instance(ref: str) -> Record:
    """Return one instance by name or id."""
    with reading() as session:
        return instance_record(find_instance(session, ref))


def change_instances(
    operation: str, refs: Sequence[str], actor: str, *, force: bool = False
) -> Record:
    """Start, stop, reboot or delete instances as one run."""
    with writing() as session:
        instances = _idle(session, refs, operation)
        run = _add_run(session, f"instances_{operation}", actor, instances, {"force": force})
        for instance in instances:
            if instance.cell_id is None:  # a creation that failed and left nothing on any Cell
                runs.settle(session, run, nothing_to_do(instance.id))
        record = run_record(run)
    runs.start(run.id)
    return record


def migrate_instances(refs: Sequence[str], cell: str | None, actor: str) -> Record:
    """Migrate running instances as one run: to the Cell named, or each to where it fits best.

    Raises:
        NoValidCellError: they can't be taken, with the filter and the numbers.
        PlacementConflictError: other Cores kept placing in this pool.
    """
    moving: dict[str, Instance] = {}

    def ask(session: Session) -> Question:
        moving.clear()
        moving.update({each.name: each for each in _idle(session, refs, "migrate")})
        target = None if cell is None else _online(get_cell(session, cell))
        groups = [_elsewhere(session, each, target) for each in moving.values()]
        held = [leaving(session, each, freed=False) for each in moving.values()]
        return Question(_one_pool(list(moving.values())), groups, held)

    def write(session: Session, made: Committed) -> str:
        for each in made.plan.assignments:
            moving[each.instance].target_id = each.cell_id
        parameters = {"plan_id": made.id}
        return _add_run(session, "instances_migrate", actor, list(moving.values()), parameters).id

    run_id = commit_plan(ask, write)
    with reading() as session:
        record = run_record(find_run(session, run_id))
    runs.start(run_id)
    return record


def read_log(ref: str, max_bytes: int) -> str:
    """Return the end of an instance's serial log, read from its Cell now.

    Raises:
        CellFailedError: the Cell didn't answer or has no log.
    """
    with reading() as session:
        instance = find_instance(session, ref)
        cell = instance.cell
        if cell is None:
            raise InvalidStateError("instance", instance.name, instance.state, "log", "placed")
        wanted = {"skep_serial_log": {"uuid": instance.id, "max_bytes": max_bytes}}
        run = PlaybookRun(new_id(), "instances_log", [cell_host(cell, wanted)], timeout_s=60)
        name = cell.name
    results: list[TaskResult] = []
    end = run_playbook(run, work.runner_paths(), results.append, lambda: False)
    return _log_content(results, name, end.output)


def _log_content(results: Sequence[TaskResult], cell: str, output: str) -> str:
    for result in results:
        if result.ok and "content" in result.data:
            return str(result.data["content"])
    failure = next((each for each in results if not each.ok), None)
    code, msg = (failure.code, failure.msg) if failure else ("no_result", output[-500:])
    raise CellFailedError(cell, "serial log", str(code), str(msg))


def _idle(session: Session, refs: Sequence[str], operation: str) -> list[Instance]:
    instances = list(
        {each.id: each for each in (find_instance(session, ref) for ref in refs)}.values()
    )
    for instance in instances:
        if instance.run_id is not None:
            raise BusyError(instance.name, instance.run_id)
        needed = _NEEDED[operation]
        if instance.state not in needed:
            words = " or ".join(needed)
            raise InvalidStateError("instance", instance.name, instance.state, operation, words)
    return instances


def _online(cell: Cell) -> Cell:
    if cell.state != CellState.ONLINE:
        raise InvalidStateError("cell", cell.name, cell.state, "migrate", "online")
    return cell


def _elsewhere(session: Session, instance: Instance, target: Cell | None) -> Group:
    """Return the instance as the scheduler is asked for it: anywhere but where it is."""
    if target is None:
        return same_again(session, instance, avoid_cells=(str(instance.cell_id),))
    if target.id == instance.cell_id:
        raise SameCellError(instance.name, target.name)
    return same_again(session, instance, cells=(target.id,), avoid_cells=())


def _one_pool(instances: Sequence[Instance]) -> Pool:
    """Return the pool of them all: one plan is made in one pool."""
    first = instances[0]
    other = next((each for each in instances if each.pool_id != first.pool_id), None)
    if other is not None:
        state, needed = f"in pool {other.pool.name!r}", f"in pool {first.pool.name!r} as the others"
        raise InvalidStateError("instance", other.name, state, "migrate", needed)
    return first.pool


def _add_run(
    session: Session,
    operation: str,
    actor: str,
    instances: Sequence[Instance],
    parameters: dict[str, Any] | None = None,
) -> Run:
    resources = [
        runs.Resource(
            ResourceKind.INSTANCE,
            each.id,
            each.name,
            each.cell_id,
            each.cell.name if each.cell else None,
        )
        for each in instances
    ]
    run = runs.add_run(session, operation, actor, resources, parameters)
    for each in instances:
        each.run_id = run.id
    session.flush()
    return run
