"""The scheduler's view of a pool, read from the store."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from skep.core.scheduler.fleet import CellView
from skep.core.store.capacity import Promise, no_promise, promises
from skep.core.store.models import Cell, Pool
from skep.domain.states import CellState


def pool_view(session: Session, pool: Pool) -> list[CellView]:
    """Return the pool's Cells as the scheduler reads them, by name."""
    promised = promises(session)
    cells = session.scalars(select(Cell).where(Cell.pool_id == pool.id).order_by(Cell.name))
    return [_view(cell, promised.get(cell.id, no_promise())) for cell in cells]


def _view(cell: Cell, promised: Promise) -> CellView:
    return CellView(
        id=cell.id,
        name=cell.name,
        enabled=cell.enabled,
        online=cell.state == CellState.ONLINE,
        conflict=cell.conflict,
        cpus=cell.cpus,
        memory_mib=cell.memory_mib,
        disk_gib=cell.disk_gib,
        load1=cell.load1,
        memory_used_mib=cell.memory_used_mib,
        promised_cores=promised["cores"],
        promised_memory_mib=promised["memory_mib"],
        promised_disk_gib=promised["disk_gib"],
    )
