"""How good is this Cell for one more instance? Higher is better; each answer lies in 0..1."""

from collections.abc import Callable

from skep.core.scheduler.fleet import CellView, Policy

Weigher = Callable[[CellView, Policy], float]


def free_memory(cell: CellView, policy: Policy) -> float:
    """Share of promisable memory that is left."""
    return _left(cell.memory_mib * policy.memory_overcommit, cell.promised_memory_mib)


def free_cores(cell: CellView, policy: Policy) -> float:
    """Share of promisable cores that is left."""
    return _left(cell.cpus * policy.cores_overcommit, cell.promised_cores)


def free_disk(cell: CellView, policy: Policy) -> float:
    """Share of promisable disk that is left."""
    return _left(cell.disk_gib * policy.disk_overcommit, cell.promised_disk_gib)


def idle_cpu(cell: CellView, _policy: Policy) -> float:
    """Share of the processors that the one-minute load leaves idle."""
    return _left(float(cell.cpus), cell.load1)


def unused_memory(cell: CellView, _policy: Policy) -> float:
    """Share of real memory that nothing uses right now."""
    return _left(float(cell.memory_mib), cell.memory_used_mib)


def _left(capacity: float, taken: float) -> float:
    return min(max(1.0 - taken / capacity, 0.0), 1.0) if capacity > 0 else 0.0


# Promises weigh more than the load of the moment: load lags behind what was just placed.
WEIGHERS: tuple[tuple[str, float, Weigher], ...] = (
    ("free_memory", 2.0, free_memory),
    ("free_cores", 1.0, free_cores),
    ("free_disk", 0.5, free_disk),
    ("idle_cpu", 1.0, idle_cpu),
    ("unused_memory", 0.5, unused_memory),
)
