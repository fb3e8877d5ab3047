"""Reservations: requests for instances that were answered as a whole, and how they fare."""

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.scheduler import Group
from skep.core.services import runs
from skep.core.services.execution.effects import touch
from skep.core.services.placement.plans import Committed, Question, commit_plan, leaving
from skep.core.services.placement.request import same_again
from skep.core.services.placement.reserve import add_creation, started
from skep.core.services.records import Record, Tally, reservation_record
from skep.core.store.base import reading, utc_now
from skep.core.store.lookup import get_reservation as find_reservation
from skep.core.store.models import Cell, Instance, Outcome, Reservation, Run
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import BusyError, InvalidStateError
from skep.domain.states import InstanceState, ResourceKind, RunState

_KEYS = {"created_at": Reservation.created_at, "name": Reservation.name, "id": Reservation.id}
_CREATION = "instances_create"


def list_reservations(page: Page) -> Listing:
    """Return one page of reservations, newest first unless sorted otherwise."""
    wanted = page if page.sort else Page(page.limit, page.cursor, "-created_at")
    with reading() as session:
        query = select(Reservation)
        listing = fetch(session, query, wanted, _KEYS, lambda each: {"reservation": each})
        found = [each["reservation"] for each in listing.items]
        tallies = _tallies(session, [each.id for each in found])
        records = [reservation_record(each, tallies.get(each.id, ())) for each in found]
    return replace(listing, items=records)


def get_reservation(identity: str) -> Record:
    """Return one reservation with its instances and the runs that made them."""
    with reading() as session:
        reservation = find_reservation(session, identity)
        making = _creations(session, reservation)
        members = _members(session, reservation)
        return {
            **_summary(session, reservation),
            "instances": sorted(members, key=lambda each: _by_number(each["name"])),
            "runs": [run.id for run in making],
        }


def cancel_reservation(identity: str) -> Record:
    """Ask the runs that make this reservation's instances to end; return those runs.

    Raises:
        InvalidStateError: nothing of it is being made.
    """
    with reading() as session:
        reservation = find_reservation(session, identity)
        making = [
            run for run in _creations(session, reservation) if not RunState(run.state).is_final
        ]
        if not making:
            state = str(_summary(session, reservation)["state"])
            raise InvalidStateError("reservation", reservation.name, state, "cancel", "pending")
        ids = [run.id for run in making]
    return {"runs": [runs.cancel_run(each) for each in ids]}


def retry_reservation(identity: str, actor: str) -> Record:
    """Place the failed instances anew and make them by a new run.

    One whose leftovers could not be removed keeps its Cell: its domain may be there.

    Raises:
        InvalidStateError: none of them has failed.
        NoValidCellError: there is no room for all of them.
    """
    failed: dict[str, Instance] = {}

    def ask(session: Session) -> Question:
        reservation = find_reservation(session, identity)
        failed.clear()
        failed.update({each.name: each for each in _failed(session, reservation)})
        groups = [_again(session, each) for each in failed.values()]
        held = [leaving(session, each, freed=True) for each in failed.values() if each.cell_id]
        return Question(next(iter(failed.values())).pool, groups, held)

    def write(session: Session, made: Committed) -> str:
        resources = []
        for each in made.plan.assignments:
            instance = failed[each.instance]
            instance.cell_id, instance.plan_id = each.cell_id, made.id
            instance.reason_code = instance.reason_msg = None
            session.flush()
            session.refresh(instance, ["cell"])
            place = (each.cell_id, each.cell)
            resources.append(
                runs.Resource(ResourceKind.INSTANCE, instance.id, instance.name, *place)
            )
        run_id = add_creation(session, actor, resources)
        for instance in failed.values():
            instance.run_id = run_id
            touch(session, instance, InstanceState.SCHEDULED, utc_now())
        return run_id

    return started(identity, commit_plan(ask, write))


def _summary(session: Session, reservation: Reservation) -> Record:
    tallies = _tallies(session, [reservation.id])
    return reservation_record(reservation, tallies.get(reservation.id, ()))


def _tallies(session: Session, reservations: Sequence[str]) -> dict[str, list[Tally]]:
    kind = (Instance.state, Instance.reason_code, Instance.run_id.is_not(None))
    query = (
        select(Instance.reservation_id, *kind, func.count())
        .where(Instance.reservation_id.in_(reservations))
        .group_by(Instance.reservation_id, *kind)
    )
    found: dict[str, list[Tally]] = {}
    for reservation, state, reason, is_busy, count in session.execute(query):
        found.setdefault(str(reservation), []).append(Tally(state, reason, bool(is_busy), count))
    return found


def _members(session: Session, reservation: Reservation) -> list[Record]:
    """Return what a reservation shows of each instance."""
    kept = (Instance.id, Instance.name, Instance.state, Instance.reason_code, Instance.reason_msg)
    query = select(*kept, Cell.name).outerjoin(Cell, Instance.cell_id == Cell.id)
    rows = session.execute(query.where(Instance.reservation_id == reservation.id))
    return [
        {
            "id": identity,
            "name": name,
            "state": state,
            "cell": cell,
            "reason": None if code is None else {"code": code, "msg": msg},
        }
        for identity, name, state, code, msg, cell in rows
    ]


def _by_number(name: str) -> list[tuple[int, str]]:
    """Return a key that puts web-2 before web-10."""
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)]


def _creations(session: Session, reservation: Reservation) -> list[Run]:
    """Return the runs that made its instances, oldest first."""
    members = select(Instance.id).where(Instance.reservation_id == reservation.id)
    ids = select(Outcome.run_id).where(Outcome.resource_id.in_(members))
    query = select(Run).where(Run.operation == _CREATION, Run.id.in_(ids))
    return list(session.scalars(query.order_by(Run.created_at)))


def _failed(session: Session, reservation: Reservation) -> list[Instance]:
    query = select(Instance).where(Instance.reservation_id == reservation.id)
    query = query.where(Instance.state == InstanceState.FAILED)
    failed = sorted(session.scalars(query), key=lambda each: _by_number(each.name))
    for each in failed:
        if each.run_id is not None:
            raise BusyError(each.name, each.run_id)
    if not failed:
        state = str(_summary(session, reservation)["state"])
        needed = "to have failed instances"
        raise InvalidStateError("reservation", reservation.name, state, "retry", needed)
    return failed


def _again(session: Session, instance: Instance) -> Group:
    if instance.cell_id is None:
        return same_again(session, instance)
    return same_again(session, instance, cells=(instance.cell_id,), avoid_cells=())
