"""Placing instances that are there already: those that are retried, and those that migrate."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core.scheduler import Flavor, Group, owner_key
from skep.core.services.placement.plans import Leaving
from skep.core.services.placement.request import GroupRequest, PlacementRequest, find_wanted
from skep.core.store.lookup import get_reservation
from skep.core.store.models import Instance, InstanceGroup, InstanceGroupMember


def same_again(session: Session, instance: Instance, **changes: Any) -> Group:  # noqa: ANN401
    """Return what was asked for when the instance was reserved, for it alone, changed so."""
    reservation = get_reservation(session, instance.reservation_id)
    groups = [GroupRequest(**each) for each in reservation.request.get("groups", ())]
    size = {name: getattr(instance, name) for name in ("cores", "memory_mib", "disk_gib")}
    plain = GroupRequest(instance.name, instance.image_id)
    asked = next((each for each in groups if instance.name in each.names()), plain)
    wanted = replace(asked, name=instance.name, count=1, min_count=None, **{**size, **changes})
    request = PlacementRequest(instance.pool_id, (wanted,))
    return find_wanted(session, request, instance.owner).groups[0]


def leaving(session: Session, instance: Instance, *, freed: bool) -> Leaving:
    """Return an instance that is about to leave its Cell; `freed` when it holds nothing there."""
    member, group = InstanceGroupMember, InstanceGroup
    query = select(group.name).join(member, member.group_id == group.id)
    groups = session.scalars(query.where(member.instance_id == instance.id))
    keys = frozenset({*groups, owner_key(instance.owner)})
    flavor = Flavor(instance.cores, instance.memory_mib, instance.disk_gib) if freed else None
    return Leaving(str(instance.cell_id), keys, flavor)
