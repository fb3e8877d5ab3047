"""What the scheduler reads: Cells with their promises, a policy, a request. Plain frozen values."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Flavor:
    """The size of one instance."""

    cores: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True)
class Policy:
    """A pool's overcommit ratios: how much may be promised per unit of real capacity."""

    cores_overcommit: float = 3.0
    memory_overcommit: float = 1.0
    disk_overcommit: float = 1.0


@dataclass(frozen=True)
class CellView:
    """One Cell of the pool as the store knows it, with what is promised to instances on it."""

    id: str
    name: str
    enabled: bool
    online: bool
    conflict: str | None
    cpus: int
    memory_mib: int
    disk_gib: int
    load1: float
    memory_used_mib: int
    promised_cores: int
    promised_memory_mib: int
    promised_disk_gib: int

    def with_one_more(self, flavor: Flavor) -> "CellView":
        """Return this Cell after one more instance was promised to it (virtual depletion)."""
        return replace(
            self,
            promised_cores=self.promised_cores + flavor.cores,
            promised_memory_mib=self.promised_memory_mib + flavor.memory_mib,
            promised_disk_gib=self.promised_disk_gib + flavor.disk_gib,
        )
