"""Reserving: a request placed as a whole, recorded with its plan, and the run that makes it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from skep.core.services import runs
from skep.core.services.placement.plans import Committed, Question, commit_plan
from skep.core.services.placement.request import PlacementRequest, Wanted, find_wanted
from skep.core.services.records import Record, instance_record, run_record
from skep.core.store.base import insert_many, new_id, reading, utc_now
from skep.core.store.lookup import get_run
from skep.core.store.models import Instance, InstanceGroupMember, Reservation
from skep.domain.errors import NameTakenError
from skep.domain.states import InstanceState, ResourceKind


def reserve(request: PlacementRequest, actor: str) -> Record:
    """Place and record the instances, and start the run that makes them.

    Raises:
        InvalidNameError, NameTakenError, NotFoundError, InvalidStateError, QueryError: the request
            is at odds with the store.
        NoValidCellError: the pool can't take as many as asked for at least; nothing is recorded.
        PlacementConflictError: other Cores kept placing in this pool.
    """
    found: list[Wanted] = []

    def ask(session: Session) -> Question:
        wanted = find_wanted(session, request, actor)
        _check_free(session, wanted.names)
        found[:] = [wanted]
        return Question(wanted.pool, wanted.groups)

    def write(session: Session, made: Committed) -> tuple[str, str, list[str]]:
        name = request.name or request.groups[0].name
        reservation = Reservation(
            id=new_id(),
            name=name,
            count=len(made.plan.assignments),
            actor=actor,
            pool_id=found[0].pool.id,
            request=found[0].document(),
        )
        session.add(reservation)
        session.flush()
        shortfalls = [each.words() for each in made.plan.shortfalls]
        return reservation.id, _write(session, reservation, found[0], made), shortfalls

    try:
        return started(*commit_plan(ask, write))
    except IntegrityError as error:  # another Core has just taken one of the names
        raise NameTakenError("instance", found[0].names[0]) from error


def started(reservation_id: str, run_id: str, shortfalls: Sequence[str] = ()) -> Record:
    """Start the run of a reservation and return what the API answers."""
    with reading() as session:
        run = get_run(session, run_id)
        found = session.scalars(select(Instance).where(Instance.run_id == run_id))
        by_id = {each.id: each for each in found}
        answer = {
            "run": run_record(run),
            "reservation": reservation_id,
            "instances": [instance_record(by_id[each.resource_id]) for each in run.outcomes],
            "shortfalls": list(shortfalls),
        }
    runs.start(run_id)
    return answer


def add_creation(session: Session, actor: str, placed: Sequence[runs.Resource]) -> str:
    """Write the run that makes these instances; return its id."""
    return runs.add_run(session, "instances_create", actor, placed).id


def _check_free(session: Session, names: Sequence[str]) -> None:
    taken = session.scalars(select(Instance.name).where(Instance.name.in_(names))).first()
    if taken is not None:
        raise NameTakenError("instance", taken)


def _write(session: Session, reservation: Reservation, wanted: Wanted, made: Committed) -> str:
    """Write instances, their groups and the run; many rows at once, since there may be many."""
    ids = [new_id() for _ in made.plan.assignments]
    resources = [
        runs.Resource(ResourceKind.INSTANCE, identity, each.instance, each.cell_id, each.cell)
        for identity, each in zip(ids, made.plan.assignments, strict=True)
    ]
    run_id = add_creation(session, reservation.actor, resources)
    rows = _rows(reservation, wanted, made)
    placed = [{**row, "id": each, "run_id": run_id} for each, row in zip(ids, rows, strict=True)]
    insert_many(session, Instance, placed)
    members = [
        {"instance_id": identity, "group_id": group}
        for identity, each in zip(ids, made.plan.assignments, strict=True)
        for group in wanted.resolved[each.group].instance_groups
    ]
    insert_many(session, InstanceGroupMember, members)
    return run_id


def _rows(reservation: Reservation, wanted: Wanted, made: Committed) -> list[dict[str, Any]]:
    now = utc_now()
    shared = {
        "state": InstanceState.SCHEDULED,
        "pool_id": wanted.pool.id,
        "plan_id": made.id,
        "owner": reservation.actor,
        "reservation_id": reservation.id,
        "generation": 1,
        "created_at": now,
        "updated_at": now,
    }
    sizes = [
        {"image_id": image.id, "flavor": flavor, **vars(group.flavor)}
        for image, flavor, group in zip(wanted.images, wanted.flavors, wanted.groups, strict=True)
    ]
    return [
        {**shared, **sizes[each.group], "name": each.instance, "cell_id": each.cell_id}
        for each in made.plan.assignments
    ]
