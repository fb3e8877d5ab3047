"""What users ask placement for, and what it means to the scheduler."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core import scheduler
from skep.core.scheduler import Policy, parse_query, policy_named
from skep.core.services.placement.flavors import needs_of
from skep.core.store.lookup import (
    get_cell,
    get_flavor,
    get_image,
    get_instance_group,
    get_pool,
    get_reservation,
)
from skep.core.store.models import Cell, Flavor, Image, Instance, InstanceGroup, Pool
from skep.domain.errors import InvalidStateError, NameTakenError
from skep.domain.names import check_instance_name, numbered
from skep.domain.states import ImageKind, ImageState

_DEFAULT_CORES, _DEFAULT_MEMORY_MIB = 1, 512
_GROUP_POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


@dataclass(frozen=True)
class GroupRequest:
    """Instances of one size: NAME, or NAME-1 ... NAME-count.

    Sizes that are None are the flavor's; without a flavor 1 core, 512 MiB and the image's size.
    """

    name: str
    image: str
    count: int = 1
    flavor: str | None = None
    cores: int | None = None
    memory_mib: int | None = None
    disk_gib: int | None = None
    needs: Mapping[str, Any] = field(default_factory=dict)
    instance_groups: Sequence[str] = ()
    max_per_cell: int | None = None
    cells: Sequence[str] = ()
    avoid_cells: Sequence[str] = ()
    query: list[Any] | None = None
    min_count: int | None = None

    def names(self) -> tuple[str, ...]:
        """Return the instances' names, checked."""
        names = numbered(self.name, self.count)
        check_instance_name(names[-1])  # the longest; the others differ in digits only
        return names


@dataclass(frozen=True)
class PlacementRequest:
    """Groups that are placed as a whole in one pool."""

    pool: str
    groups: tuple[GroupRequest, ...]
    name: str | None = None


@dataclass(frozen=True)
class Wanted:
    """A request with everything it names found in the store."""

    pool: Pool
    groups: tuple[scheduler.Group, ...]
    images: tuple[Image, ...]
    flavors: tuple[str | None, ...]
    resolved: tuple[GroupRequest, ...]
    """The same request with ids for names and a flavor's figures for its name: to ask it again."""

    def document(self) -> dict[str, Any]:
        """Return the request as JSON."""
        return {"groups": [asdict(each) for each in self.resolved]}

    @property
    def names(self) -> list[str]:
        """Every instance's name."""
        return [name for group in self.groups for name in group.names]


def find_wanted(session: Session, request: PlacementRequest, owner: str) -> Wanted:
    """Find what the request names.

    Raises:
        NotFoundError, InvalidNameError, InvalidStateError, QueryError: something is not there,
            or can't be used like this.
        NameTakenError: one name is asked for twice.
    """
    pool = get_pool(session, request.pool)
    found = [_group(session, each, owner) for each in request.groups]
    wanted = Wanted(
        pool=pool,
        groups=tuple(group for group, _, _ in found),
        images=tuple(image for _, image, _ in found),
        flavors=tuple(each.flavor for each in request.groups),
        resolved=tuple(resolved for _, _, resolved in found),
    )
    _check_distinct(wanted.names)
    return wanted


def same_again(session: Session, instance: Instance, **changes: Any) -> scheduler.Group:  # noqa: ANN401
    """Return what was asked for when the instance was reserved, for it alone, changed so."""
    reservation = get_reservation(session, instance.reservation_id)
    groups = [GroupRequest(**each) for each in reservation.request.get("groups", ())]
    size = {name: getattr(instance, name) for name in ("cores", "memory_mib", "disk_gib")}
    plain = GroupRequest(instance.name, instance.image_id)
    asked = next((each for each in groups if instance.name in each.names()), plain)
    wanted = replace(asked, name=instance.name, count=1, min_count=None, **{**size, **changes})
    request = PlacementRequest(instance.pool_id, (wanted,))
    return find_wanted(session, request, instance.owner).groups[0]


def pool_policy(pool: Pool) -> Policy:
    """Return the policy that the pool's operator chose."""
    return policy_named(pool.policy).changed(
        pool.multipliers,
        cores_overcommit=pool.cores_overcommit,
        memory_overcommit=pool.memory_overcommit,
        disk_overcommit=pool.disk_overcommit,
        load_limit=pool.load_limit,
        io_limit=pool.io_limit,
        max_instances=pool.max_instances,
    )


def _group(
    session: Session, request: GroupRequest, owner: str
) -> tuple[scheduler.Group, Image, GroupRequest]:
    image = _usable(get_image(session, request.image))
    flavor = None if request.flavor is None else get_flavor(session, request.flavor)
    kept = [get_instance_group(session, ref) for ref in request.instance_groups]
    size = _size(request, flavor, image)
    needs = needs_of(flavor.needs if flavor else {}, request.needs)
    resolved = replace(
        request,
        image=image.id,
        flavor=None,
        **asdict(size),
        needs={name: _listed(value) for name, value in asdict(needs).items()},
        instance_groups=tuple(each.id for each in kept),
        cells=_cell_ids(session, request.cells),
        avoid_cells=_cell_ids(session, request.avoid_cells),
    )
    group = scheduler.Group(
        names=request.names(),
        flavor=size,
        needs=needs,
        image=image.id,
        owner=owner,
        max_per_cell=request.max_per_cell,
        pinned=frozenset(resolved.cells),
        avoided=frozenset(resolved.avoid_cells),
        query=parse_query(request.query),
        min_count=request.min_count,
    )
    return _kept_together(group, kept), image, resolved


def _kept_together(group: scheduler.Group, kept: Sequence[InstanceGroup]) -> scheduler.Group:
    """Return the group as a member of these instance groups."""
    keys: dict[str, frozenset[str]] = dict.fromkeys(_GROUP_POLICIES, frozenset())
    for each in kept:
        keys[each.policy] |= {each.name}
    return replace(
        group,
        affinity=keys["affinity"],
        anti_affinity=keys["anti-affinity"],
        soft_affinity=keys["soft-affinity"],
        soft_anti_affinity=keys["soft-anti-affinity"],
        member_limits={each.name: each.max_per_cell for each in kept if each.max_per_cell},
    )


def _listed(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def _usable(image: Image) -> Image:
    if image.state != ImageState.READY or image.kind != ImageKind.DISK:
        state = f"{image.state} ({image.kind})"
        raise InvalidStateError("image", image.name, state, "create", "a ready disk image")
    return image


def _size(request: GroupRequest, flavor: Flavor | None, image: Image) -> scheduler.Flavor:
    cores, memory = request.cores, request.memory_mib
    disk = request.disk_gib
    if flavor is not None:
        cores = flavor.cores if cores is None else cores
        memory = flavor.memory_mib if memory is None else memory
        disk = flavor.disk_gib if disk is None else disk
    return scheduler.Flavor(
        _DEFAULT_CORES if cores is None else cores,
        _DEFAULT_MEMORY_MIB if memory is None else memory,
        _disk_gib(disk, image),
    )


def _disk_gib(wanted: int | None, image: Image) -> int:
    smallest = max(1, math.ceil((image.virtual_size_bytes or 0) / 2**30))
    if wanted is None:
        return smallest
    if wanted < smallest:
        size = f"{smallest} GiB"
        raise InvalidStateError("image", image.name, size, "create", f"<= {wanted} GiB")
    return wanted


def _cell_ids(session: Session, refs: Sequence[str]) -> tuple[str, ...]:
    if not refs:
        return ()
    rows = session.execute(select(Cell.name, Cell.id).where(Cell.name.in_(refs))).all()
    counts = Counter(str(name) for name, _ in rows)
    known = {str(name): str(identity) for name, identity in rows if counts[name] == 1}
    return tuple(known.get(ref) or get_cell(session, ref).id for ref in refs)


def _check_distinct(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise NameTakenError("instance", name)
        seen.add(name)
