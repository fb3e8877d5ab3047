"""What is promised on each Cell. One query."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.store.models import Instance

Promise = dict[str, int]


def promises(session: Session) -> dict[str, Promise]:
    """Return {cell id: {cores, memory_mib, disk_gib}} over all instances, whatever their state.

    A stopped instance keeps its promise: it must be able to start again where its disk is.
    """
    rows = session.execute(
        select(
            Instance.cell_id,
            func.sum(Instance.cores),
            func.sum(Instance.memory_mib),
            func.sum(Instance.disk_gib),
        )
        .where(Instance.cell_id.is_not(None))
        .group_by(Instance.cell_id)
    )
    return {
        str(cell_id): {"cores": int(cores), "memory_mib": int(memory), "disk_gib": int(disk)}
        for cell_id, cores, memory, disk in rows
    }


def no_promise() -> Promise:
    """Return the promise of a Cell without instances."""
    return {"cores": 0, "memory_mib": 0, "disk_gib": 0}
