"""A pool's Cells as the scheduler reads them, from the store."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.scheduler import CellRow, Fleet
from skep.core.store.capacity import Promise, no_promise, promises
from skep.core.store.models import Cell, ImageCopy, Instance, Pool
from skep.domain.states import CellState, KvmState


def pool_fleet(session: Session, pool: Pool) -> Fleet:
    """Return the pool's Cells with what is promised on them, by name."""
    promised, counts = promises(session), _counts(session)
    images = _images(session)
    cells = session.scalars(select(Cell).where(Cell.pool_id == pool.id).order_by(Cell.name))
    return Fleet(
        _row(
            cell,
            promised.get(cell.id, no_promise()),
            counts.get(cell.id, 0),
            images.get(cell.id, frozenset()),
        )
        for cell in cells
    )


def _counts(session: Session) -> dict[str, int]:
    query = select(Instance.cell_id, func.count()).group_by(Instance.cell_id)
    return {str(cell): int(count) for cell, count in session.execute(query)}


def _images(session: Session) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for image, cell in session.execute(select(ImageCopy.image_id, ImageCopy.cell_id)):
        found.setdefault(str(cell), set()).add(str(image))
    return {cell: frozenset(images) for cell, images in found.items()}


def _row(cell: Cell, promised: Promise, instances: int, images: frozenset[str]) -> CellRow:
    return CellRow(
        id=cell.id,
        name=cell.name,
        pool=cell.pool.name if cell.pool else "",
        enabled=cell.enabled,
        online=cell.state == CellState.ONLINE,
        conflict=cell.conflict,
        cpus=cell.cpus,
        memory_mib=cell.memory_mib,
        disk_gib=cell.disk_gib,
        promised_cores=promised["cores"],
        promised_memory_mib=promised["memory_mib"],
        promised_disk_gib=promised["disk_gib"],
        instances=instances,
        load1=cell.load1,
        memory_used_mib=cell.memory_used_mib,
        disk_used_gib=cell.disk_used_gib,
        kvm=cell.kvm == KvmState.USABLE,
        images=images,
    )
