"""What is promised on each Cell, and what else placement counts there. A few queries for all."""

import math
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from skep.core.store.models import (
    ImageCopy,
    Instance,
    InstanceGroup,
    InstanceGroupMember,
    Outcome,
    Run,
)
from skep.domain.states import OutcomeState

Promise = dict[str, int]
# A Cell that failed is trusted again as time goes by: after this long a failure counts e^-1.
_FAILURE_FADES = timedelta(minutes=30)
_MOVES_DISKS = ("instances_create", "instances_migrate")


def promises(session: Session, cells: Collection[str] | None = None) -> dict[str, Promise]:
    """Return {cell id: {cores, memory_mib, disk_gib}} over all instances.

    Whatever their state: a stopped instance must be able to start again where its disk is, and
    a migrating one is promised on both of its Cells.
    """
    held = _held(cells).subquery()
    sums = [func.sum(held.c[name]) for name in ("cores", "memory_mib", "disk_gib")]
    rows = session.execute(select(held.c.cell, *sums).group_by(held.c.cell))
    return {
        str(cell): {"cores": int(cores), "memory_mib": int(memory), "disk_gib": int(disk)}
        for cell, cores, memory, disk in rows
    }


def no_promise() -> Promise:
    """Return the promise of a Cell without instances."""
    return {"cores": 0, "memory_mib": 0, "disk_gib": 0}


def image_copies(session: Session, cells: Collection[str] | None = None) -> dict[str, set[str]]:
    """Return {cell id: ids of the images that may be there}."""
    found: dict[str, set[str]] = defaultdict(set)
    query = select(ImageCopy.cell_id, ImageCopy.image_id)
    for cell, image in session.execute(_among(query, ImageCopy.cell_id, cells)):
        found[str(cell)].add(str(image))
    return found


def disk_work(session: Session, cells: Collection[str] | None = None) -> dict[str, int]:
    """Return {cell id: creations and migrations under way}."""
    query = (
        select(Instance.cell_id, func.count())
        .join(Run, Instance.run_id == Run.id)
        .where(Run.operation.in_(_MOVES_DISKS), Instance.cell_id.is_not(None))
        .group_by(Instance.cell_id)
    )
    rows = session.execute(_among(query, Instance.cell_id, cells))
    return {str(cell): int(count) for cell, count in rows}


def failures(
    session: Session, now: datetime, cells: Collection[str] | None = None
) -> dict[str, float]:
    """Return {cell id: operations that failed there lately}, each fading with time."""
    query = (
        select(Outcome.cell_id, Run.created_at)
        .join(Run, Outcome.run_id == Run.id)
        .where(Outcome.state == OutcomeState.FAILED, Outcome.cell_id.is_not(None))
        .where(Run.created_at > now - 6 * _FAILURE_FADES)
    )
    found: dict[str, float] = defaultdict(float)
    for cell, at in session.execute(_among(query, Outcome.cell_id, cells)):
        found[str(cell)] += math.exp(-max((now - at) / _FAILURE_FADES, 0.0))
    return found


def companies(
    session: Session, cells: Collection[str] | None = None
) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """Return {cell id: ({owner: instances}, {instance group: instances})}."""
    found: dict[str, tuple[dict[str, int], dict[str, int]]] = defaultdict(lambda: ({}, {}))
    held = _held(cells).subquery()
    owners = select(held.c.cell, held.c.owner, func.count()).group_by(held.c.cell, held.c.owner)
    for cell, owner, count in session.execute(owners):
        found[str(cell)][0][str(owner)] = int(count)
    member, group = InstanceGroupMember, InstanceGroup
    groups = (
        select(held.c.cell, group.name, func.count())
        .join(member, member.instance_id == held.c.id)
        .join(group, group.id == member.group_id)
        .group_by(held.c.cell, group.name)
    )
    for cell, name, count in session.execute(groups):
        found[str(cell)][1][str(name)] = int(count)
    return found


def _held(cells: Collection[str] | None) -> Any:  # noqa: ANN401 - a compound select
    """Select (cell, id, owner, cores, memory_mib, disk_gib) of all that Cells are promised."""
    facts = (Instance.id, Instance.owner, Instance.cores, Instance.memory_mib, Instance.disk_gib)
    parts = [
        _among(select(place.label("cell"), *facts).where(place.is_not(None)), place, cells)
        for place in (Instance.cell_id, Instance.target_id)
    ]
    return union_all(*parts)


def _among(query: Any, column: Any, cells: Collection[str] | None) -> Any:  # noqa: ANN401 - any select
    return query if cells is None else query.where(column.in_(cells))
