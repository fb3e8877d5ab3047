"""Pools: sets of Cells with one placement policy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from skep.core.scheduler import policy_named
from skep.core.scheduler.policy import UnknownPolicyError
from skep.core.services import events
from skep.core.services.placement.fleet import resident_fleet
from skep.core.services.records import pool_record
from skep.core.store.base import reading, writing
from skep.core.store.changes import change
from skep.core.store.lookup import get_pool as find_pool
from skep.core.store.models import Cell, Instance, Pool
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import InUseError, NameTakenError
from skep.domain.names import check_label
from skep.domain.states import ResourceKind

DEFAULT_POOL = "default"

_KEYS = {"name": Pool.name, "created_at": Pool.created_at, "id": Pool.id}


@dataclass(frozen=True)
class PoolRequest:
    """How much may be promised, as a multiple of what the Cells have, and by which policy.

    `multipliers` change those of the named policy; limits are per Cell, None means none.
    """

    name: str
    cores_overcommit: float = 3.0
    memory_overcommit: float = 1.0
    disk_overcommit: float = 1.0
    policy: str = "spread"
    multipliers: Mapping[str, float] = field(default_factory=dict)
    load_limit: float | None = None
    io_limit: int | None = None
    max_instances: int | None = None


def list_pools(page: Page) -> Listing:
    """Return one page of pools with how much each holds."""
    with reading() as session:
        cells, instances = _members(session, Cell), _members(session, Instance)
        return fetch(
            session,
            select(Pool),
            page,
            _KEYS,
            lambda pool: pool_record(pool, cells.get(pool.id, 0), instances.get(pool.id, 0)),
        )


def get_pool(name: str) -> dict[str, Any]:
    """Return one pool, by name or id."""
    with reading() as session:
        return _record(session, find_pool(session, name))


def create_pool(request: PoolRequest) -> dict[str, Any]:
    """Add an empty pool.

    Raises:
        InvalidNameError, NameTakenError: the name is not usable.
        UnknownPolicyError: there is no such policy or weigher.
    """
    check_label("pool", request.name)
    check_policy(request.policy, request.multipliers)
    try:
        with writing() as session:
            pool = Pool(**vars(request))
            session.add(pool)
            session.flush()
            record = pool_record(pool, 0, 0)
            events.record(session, ResourceKind.POOL, pool.id, record)
            return record
    except IntegrityError as error:
        raise NameTakenError("pool", request.name) from error


def update_pool(ref: str, changes: Mapping[str, Any], seen: int | None = None) -> dict[str, Any]:
    """Change the policy, limits or overcommits of a pool; what is placed stays where it is.

    Raises:
        UnknownPolicyError: there is no such policy or weigher.
        ConflictError: it is not of the generation `seen`.
    """
    check_policy(changes.get("policy"), changes.get("multipliers", ()))
    with writing() as session:
        pool = find_pool(session, ref)
        changed = change(pool, "pool", changes, seen)
        record = _record(session, pool)
        if changed:
            events.record(session, ResourceKind.POOL, pool.id, record)
        return record


def check_policy(name: str | None, multipliers: Iterable[str]) -> None:
    """Raise UnknownPolicyError unless there are such a policy and such weighers."""
    if name is not None:
        policy_named(name)
    known = resident_fleet().catalogue.weighers
    for each in multipliers:
        if each not in known:
            raise UnknownPolicyError("weigher", each, ", ".join(known))


def ensure_default_pool() -> None:
    """Add the pool `default` unless it is there."""
    try:
        create_pool(PoolRequest(DEFAULT_POOL))
    except NameTakenError:
        return


def delete_pool(name: str) -> None:
    """Remove an empty pool.

    Raises:
        InUseError: Cells or instances are in it.
    """
    with writing() as session:
        pool = find_pool(session, name)
        for model, user in ((Cell, "Cells"), (Instance, "instances")):
            count = _members(session, model).get(pool.id, 0)
            if count:
                raise InUseError("pool", pool.name, count, user)
        gone = {**pool_record(pool, 0, 0), "state": "deleted"}
        events.record(session, ResourceKind.POOL, pool.id, gone)
        session.delete(pool)


def _record(session: Session, pool: Pool) -> dict[str, Any]:
    cells, instances = _members(session, Cell), _members(session, Instance)
    return pool_record(pool, cells.get(pool.id, 0), instances.get(pool.id, 0))


def _members(session: Session, model: type[Cell] | type[Instance]) -> dict[str, int]:
    rows = session.execute(
        select(model.pool_id, func.count())
        .where(model.pool_id.is_not(None))
        .group_by(model.pool_id)
    )
    return {str(pool_id): int(count) for pool_id, count in rows}
