"""Instances: create, list, change the power state, delete, migrate, read the serial log."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core.runner.playbook import PlaybookRun, run_playbook
from skep.core.runner.results import TaskResult
from skep.core.scheduler import Flavor, Group
from skep.core.services import runs
from skep.core.services.execution import work
from skep.core.services.execution.operations import cell_host
from skep.core.services.placement.placements import Placed, assign
from skep.core.services.records import Record, instance_record, run_record
from skep.core.store.base import new_id, reading, utc_now, writing
from skep.core.store.lookup import get_cell, get_image, get_pool
from skep.core.store.lookup import get_instance as find_instance
from skep.core.store.models import Cell, Image, Instance, Pool, Reservation, Run
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import (
    BusyError,
    CellFailedError,
    InvalidStateError,
    NameTakenError,
    SameCellError,
)
from skep.domain.names import check_instance_name
from skep.domain.states import CellState, ImageKind, ImageState, InstanceState, ResourceKind

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


@dataclass(frozen=True)
class InstanceRequest:
    """What a user asks for; `disk_gib` None means the image's own size."""

    name: str
    image: str
    count: int = 1
    cores: int = 1
    memory_mib: int = 512
    disk_gib: int | None = None
    pool: str = "default"

    def names(self) -> list[str]:
        """Return NAME, or NAME-1 ... NAME-N, each checked."""
        if self.count == 1:
            return [check_instance_name(self.name)]
        return [check_instance_name(f"{self.name}-{n}") for n in range(1, self.count + 1)]


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


def explain_instance(ref: str) -> Record:
    """Return why the instance is on its Cell: how each Cell did when it was placed."""
    with reading() as session:
        return dict(find_instance(session, ref).explanation)


def create_instances(request: InstanceRequest, actor: str) -> Record:
    """Place and record the instances, and start the run that makes them.

    Raises:
        InvalidNameError, NameTakenError, NotFoundError, InvalidStateError: the request is at odds
            with the store.
        NoValidCellError: the pool can't take all of them; nothing is recorded then.
    """
    names = request.names()
    with writing() as session:
        pool, image = get_pool(session, request.pool), _usable(get_image(session, request.image))
        _check_free(session, names)
        flavor = Flavor(request.cores, request.memory_mib, _disk_gib(request, image))
        group = Group(tuple(names), flavor, image=image.id, owner=actor)
        plan = assign(session, group, pool, utc_now())
        reservation = Reservation(name=request.name, count=request.count, actor=actor)
        session.add(reservation)
        session.flush()
        instances = [_new_instance(each, flavor, (pool, image, reservation)) for each in plan]
        session.add_all(instances)
        session.flush()
        run = _add_run(session, "instances_create", actor, instances)
        answer = {
            "run": run_record(run),
            "reservation": reservation.id,
            "instances": [instance_record(each) for each in instances],
        }
    runs.start(run.id)
    return answer


def change_instances(
    operation: str, refs: Sequence[str], actor: str, *, force: bool = False
) -> Record:
    """Start, stop, reboot or delete instances as one run."""
    with writing() as session:
        instances = _idle(session, refs, operation)
        run = _add_run(session, f"instances_{operation}", actor, instances, {"force": force})
        record = run_record(run)
    runs.start(run.id)
    return record


def migrate_instances(refs: Sequence[str], cell: str, actor: str) -> Record:
    """Migrate running instances to another Cell of their pool as one run.

    Raises:
        NoValidCellError: the target can't take them, with the filter and the numbers.
    """
    with writing() as session:
        instances = _idle(session, refs, "migrate")
        target = get_cell(session, cell)
        if target.state != CellState.ONLINE:
            raise InvalidStateError("cell", target.name, target.state, "migrate", "online")
        for instance in instances:
            _check_target(session, instance, target)
        run = _add_run(session, "instances_migrate", actor, instances, {"cell_id": target.id})
        record = run_record(run)
    runs.start(run.id)
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


def _usable(image: Image) -> Image:
    if image.state != ImageState.READY or image.kind != ImageKind.DISK:
        state = f"{image.state} ({image.kind})"
        raise InvalidStateError("image", image.name, state, "create", "a ready disk image")
    return image


def _disk_gib(request: InstanceRequest, image: Image) -> int:
    smallest = max(1, math.ceil((image.virtual_size_bytes or 0) / 2**30))
    if request.disk_gib is None:
        return smallest
    if request.disk_gib < smallest:
        size = f"{smallest} GiB"
        raise InvalidStateError("image", image.name, size, "create", f"<= {request.disk_gib} GiB")
    return request.disk_gib


def _check_free(session: Session, names: Sequence[str]) -> None:
    taken = session.scalars(select(Instance.name).where(Instance.name.in_(names))).first()
    if taken is not None:
        raise NameTakenError("instance", taken)


def _new_instance(
    placed: Placed,
    flavor: Flavor,
    owner: tuple[Pool, Image, Reservation],
) -> Instance:
    pool, image, reservation = owner
    return Instance(
        id=new_id(),
        name=placed.instance,
        state=InstanceState.SCHEDULED,
        pool_id=pool.id,
        cell_id=placed.cell_id,
        image_id=image.id,
        reservation_id=reservation.id,
        cores=flavor.cores,
        memory_mib=flavor.memory_mib,
        disk_gib=flavor.disk_gib,
        explanation=dict(placed.explanation),
    )


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


def _check_target(session: Session, instance: Instance, target: Cell) -> None:
    if target.id == instance.cell_id:
        raise SameCellError(instance.name, target.name)
    flavor = Flavor(instance.cores, instance.memory_mib, instance.disk_gib)
    group = Group((instance.name,), flavor, pinned=frozenset({target.id}))
    assign(session, group, instance.pool, utc_now())


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
