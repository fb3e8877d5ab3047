"""One Cell as it is fed into the fleet."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CellRow:
    """What is known of one Cell. `promised_*` counts instances that are recorded, running or not.

    `recent_cores` are promised cores that load figures do not show yet, as of the unix time
    `recent_at`; `Fleet.promise` keeps both. `max_instances` 0 means no limit of its own.
    `io_load` is the number of disk-heavy operations in flight (creations, migrations);
    `failures` the operations that failed here lately, decayed by whoever counts them.
    `facts` is any JSON document; queries read it as `$cell.KEY.KEY`.
    """

    id: str
    name: str
    pool: str = "default"
    enabled: bool = True
    online: bool = True
    conflict: str | None = None
    cpus: int = 0
    memory_mib: int = 0
    disk_gib: int = 0
    reserved_cores: int = 0
    reserved_memory_mib: int = 0
    reserved_disk_gib: int = 0
    promised_cores: int = 0
    promised_memory_mib: int = 0
    promised_disk_gib: int = 0
    instances: int = 0
    max_instances: int = 0
    load1: float = 0.0
    memory_used_mib: int = 0
    disk_used_gib: int = 0
    io_load: int = 0
    failures: float = 0.0
    recent_cores: float = 0.0
    recent_at: float = 0.0
    kvm: bool = False
    architecture: str = "x86_64"
    cpu_models: frozenset[str] = frozenset()
    firmwares: frozenset[str] = frozenset({"bios"})
    machines: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    vlans: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    images: frozenset[str] = frozenset()
    facts: Mapping[str, object] = field(default_factory=dict)


INTEGERS = (
    "cpus",
    "memory_mib",
    "disk_gib",
    "reserved_cores",
    "reserved_memory_mib",
    "reserved_disk_gib",
    "promised_cores",
    "promised_memory_mib",
    "promised_disk_gib",
    "instances",
    "max_instances",
    "memory_used_mib",
    "disk_used_gib",
    "io_load",
)
FLOATS = ("load1", "failures", "recent_cores", "recent_at")
FLAGS = ("enabled", "online", "kvm")
NUMBERS = frozenset((*INTEGERS, *FLOATS, *FLAGS))
# Announcements, promises and runs change these (and `images`) all the time; the others of a Cell
# stay for days.
VARYING = (
    "promised_cores",
    "promised_memory_mib",
    "promised_disk_gib",
    "instances",
    "memory_used_mib",
    "disk_used_gib",
    "io_load",
    "load1",
    "failures",
    "recent_cores",
    "recent_at",
    "online",
)
SELDOM = tuple(name for name in (*INTEGERS, *FLOATS, *FLAGS) if name not in VARYING)
