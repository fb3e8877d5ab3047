"""May this Cell take one more instance of this size? One function per reason to say no.

Each returns None to accept, or the reason in words with the numbers.
"""

from collections.abc import Callable

from skep.core.scheduler.fleet import CellView, Flavor, Policy

Filter = Callable[[CellView, Flavor, Policy], str | None]


def enabled(cell: CellView, _flavor: Flavor, _policy: Policy) -> str | None:
    """Disabled Cells keep their instances and get no new ones."""
    return None if cell.enabled else "disabled; `skep cell enable` lets it take instances"


def online(cell: CellView, _flavor: Flavor, _policy: Policy) -> str | None:
    """A Cell that is silent can't be trusted with a new instance."""
    return None if cell.online else "offline; no announcement was heard from it"


def unambiguous(cell: CellView, _flavor: Flavor, _policy: Policy) -> str | None:
    """Two hosts that speak with one identity get nothing until an operator sorts them out."""
    return None if cell.conflict is None else f"quarantined: {cell.conflict}"


def memory(cell: CellView, flavor: Flavor, policy: Policy) -> str | None:
    """Promised memory stays below capacity times overcommit."""
    free = int(cell.memory_mib * policy.memory_overcommit) - cell.promised_memory_mib
    return _lack(free, flavor.memory_mib, "MiB memory")


def disk(cell: CellView, flavor: Flavor, policy: Policy) -> str | None:
    """Promised disk stays below capacity times overcommit."""
    free = int(cell.disk_gib * policy.disk_overcommit) - cell.promised_disk_gib
    return _lack(free, flavor.disk_gib, "GiB disk")


def cores(cell: CellView, flavor: Flavor, policy: Policy) -> str | None:
    """Promised cores stay below capacity times overcommit, and one guest below real cores."""
    if flavor.cores > cell.cpus:
        return f"{cell.cpus} cores in all, {flavor.cores} needed by one instance"
    free = int(cell.cpus * policy.cores_overcommit) - cell.promised_cores
    return _lack(free, flavor.cores, "cores")


def _lack(free: int, needed: int, unit: str) -> str | None:
    return None if free >= needed else f"{max(free, 0)} {unit} free, {needed} needed"


FILTERS: tuple[tuple[str, Filter], ...] = (
    ("enabled", enabled),
    ("online", online),
    ("unambiguous", unambiguous),
    ("memory", memory),
    ("disk", disk),
    ("cores", cores),
)
