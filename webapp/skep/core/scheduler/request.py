"""What is asked for: groups of instances, each with a size and its conditions. Frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from skep.core.scheduler.query import Query


@dataclass(frozen=True)
class Flavor:
    """The size of one instance."""

    cores: int
    memory_mib: int
    disk_gib: int

    def words(self) -> str:
        """Return the size as a person writes it."""
        cores = f"{self.cores} core{'s' if self.cores != 1 else ''}"
        return f"{cores}, {self.memory_mib} MiB memory, {self.disk_gib} GiB disk"


@dataclass(frozen=True)
class Needs:
    """What a Cell must be able to do, and what it must have or must not have.

    Labels are written `key=value`. None and empty sets ask for nothing.
    """

    kvm: bool = False
    architecture: str | None = None
    cpu_model: str | None = None
    firmware: str | None = None
    machine: str | None = None
    networks: frozenset[str] = frozenset()
    vlans: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()
    tags_forbidden: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    labels_forbidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Group:
    """Instances of one size under one set of conditions; planned in the order of their names.

    The affinity fields hold keys (ids of instance groups); members are counted from
    `Request.members` and from what the same request has planned already. `member_limits` says how
    many members of one of those keys a Cell may have at most. `pinned` and `avoided`
    hold ids of Cells; an empty `pinned` allows all. `min_count` None asks for all or nothing.
    """

    names: tuple[str, ...]
    flavor: Flavor
    needs: Needs = Needs()
    image: str | None = None
    owner: str | None = None
    affinity: frozenset[str] = frozenset()
    anti_affinity: frozenset[str] = frozenset()
    soft_affinity: frozenset[str] = frozenset()
    soft_anti_affinity: frozenset[str] = frozenset()
    max_per_cell: int | None = None
    member_limits: Mapping[str, int] = field(default_factory=dict)
    pinned: frozenset[str] = frozenset()
    avoided: frozenset[str] = frozenset()
    query: Query | None = None
    min_count: int | None = None

    @property
    def needed(self) -> int:
        """How many must be placed for the request to succeed."""
        return len(self.names) if self.min_count is None else self.min_count

    @cached_property
    def keys(self) -> frozenset[str]:
        """What each of its instances is counted under: its groups and its owner."""
        groups = self.affinity | self.anti_affinity | self.soft_affinity | self.soft_anti_affinity
        groups |= self.member_limits.keys()
        return groups if self.owner is None else groups | {owner_key(self.owner)}


@dataclass(frozen=True)
class Request:
    """Groups to be planned as a whole in one pool; `pool` None allows every pool.

    `seed` decides between Cells of equal score. `members` says how many members of a key
    (an instance group's id, or `owner_key(owner)`) are on which Cell (by id) already, recorded
    but not yet running ones included. `turn_after` is the Cell that a round-robin chose last.
    """

    groups: tuple[Group, ...]
    pool: str | None = "default"
    seed: int = 0
    members: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    turn_after: str | None = None


def owner_key(owner: str) -> str:
    """Return the key under which an owner's instances are counted in `Request.members`."""
    return f"owner:{owner}"
