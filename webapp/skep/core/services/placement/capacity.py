"""How many more instances of a size a pool takes: now, and after losing any one Cell."""

from sqlalchemy import select

from skep.core.scheduler import Flavor, Group, Needs, capacity
from skep.core.services.placement.flavors import needs_of
from skep.core.services.placement.fleet import resident_fleet
from skep.core.services.placement.plans import make_request
from skep.core.services.placement.request import pool_policy
from skep.core.services.records import Record
from skep.core.store.base import reading, utc_now
from skep.core.store.lookup import get_flavor, get_pool
from skep.core.store.models import Flavor as FlavorRow


def capacities(
    pool: str, flavor: str | None = None, size: Flavor | None = None, disk_gib: int = 1
) -> Record:
    """Return what fits of one size, of one flavor, or of each flavor.

    `disk_gib` stands for the disk of a flavor whose disk is as large as the image's.

    Raises:
        NotFoundError: no such pool or flavor.
    """
    with reading() as session:
        found = get_pool(session, pool)
        kinds: list[tuple[str | None, Flavor, Needs]]
        if size is not None:
            kinds = [(None, size, Needs())]
        elif flavor is not None:
            kinds = [_kind(get_flavor(session, flavor), disk_gib)]
        else:
            query = select(FlavorRow).order_by(FlavorRow.cores, FlavorRow.memory_mib)
            kinds = [_kind(each, disk_gib) for each in session.scalars(query)]
    policy, now = pool_policy(found), utc_now().timestamp()
    resident = resident_fleet()
    items = []
    with resident.known(found.id) as known:
        for name, amounts, needs in kinds:
            request = make_request(found, [Group((), amounts, needs)], known, seed=0)
            fits = capacity(request, known.fleet, policy, now, resident.catalogue)
            cells = [{"cell": cell, "count": count} for cell, count in fits.cells]
            items.append({"flavor": name, **vars(amounts), **vars(fits), "cells": cells})
    return {"pool": found.name, "items": items}


def _kind(flavor: FlavorRow, disk_gib: int) -> tuple[str | None, Flavor, Needs]:
    disk = disk_gib if flavor.disk_gib is None else flavor.disk_gib
    return flavor.name, Flavor(flavor.cores, flavor.memory_mib, disk), needs_of(flavor.needs)
