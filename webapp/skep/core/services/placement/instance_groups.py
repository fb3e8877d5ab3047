"""Instance groups: instances that are placed with regard to each other."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from skep.core.services import events
from skep.core.services.records import Record, instance_group_record
from skep.core.store.base import reading, writing
from skep.core.store.lookup import get_instance_group as find_group
from skep.core.store.models import Instance, InstanceGroup, InstanceGroupMember
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import InUseError, NameTakenError
from skep.domain.names import check_label
from skep.domain.states import GroupPolicy, ResourceKind

_KEYS = {
    "name": InstanceGroup.name,
    "policy": InstanceGroup.policy,
    "created_at": InstanceGroup.created_at,
    "id": InstanceGroup.id,
}


def list_instance_groups(page: Page) -> Listing:
    """Return one page of instance groups, by name unless sorted otherwise."""
    with reading() as session:
        listing = fetch(
            session,
            select(InstanceGroup),
            page,
            _KEYS,
            lambda group: instance_group_record(group, ()),
        )
        members = _members(session, [str(each["id"]) for each in listing.items])
        for each in listing.items:
            each["instances"] = members.get(each["id"], [])
        return listing


def get_instance_group(ref: str) -> Record:
    """Return one instance group, by name or id."""
    with reading() as session:
        return _record(session, find_group(session, ref))


def create_instance_group(name: str, policy: GroupPolicy, max_per_cell: int | None) -> Record:
    """Add a group without members.

    Raises:
        InvalidNameError, NameTakenError: the name is not usable.
    """
    check_label("instance group", name)
    try:
        with writing() as session:
            group = InstanceGroup(name=name, policy=policy, max_per_cell=max_per_cell)
            session.add(group)
            session.flush()
            record = instance_group_record(group, ())
            events.record(session, ResourceKind.INSTANCE_GROUP, group.id, record)
            return record
    except IntegrityError as error:
        raise NameTakenError("instance group", name) from error


def delete_instance_group(ref: str) -> None:
    """Remove a group without members.

    Raises:
        InUseError: instances are in it.
    """
    with writing() as session:
        group = find_group(session, ref)
        members = _members(session, [group.id]).get(group.id, [])
        if members:
            raise InUseError("instance group", group.name, len(members), "instances")
        gone = {**instance_group_record(group, ()), "state": "deleted"}
        events.record(session, ResourceKind.INSTANCE_GROUP, group.id, gone)
        session.delete(group)


def _record(session: Session, group: InstanceGroup) -> Record:
    return instance_group_record(group, _members(session, [group.id]).get(group.id, []))


def _members(session: Session, groups: Collection[str]) -> dict[str, list[str]]:
    """Return the names of each group's instances, in order; groups without any are left out."""
    query = (
        select(InstanceGroupMember.group_id, Instance.name)
        .join(Instance, Instance.id == InstanceGroupMember.instance_id)
        .where(InstanceGroupMember.group_id.in_(groups))
        .order_by(Instance.name)
    )
    found: dict[str, list[str]] = {}
    for group, name in session.execute(query):
        found.setdefault(str(group), []).append(str(name))
    return found
