"""Cells: the hypervisor hosts, known, accepted or only heard."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from skep.client.runs import Run, run_of
from skep.client.transport import Model, Transport, read, segment
from skep.domain.states import CellState, KvmState


class Capacity(Model):
    """What a Cell has."""

    cpus: int = 0
    memory_mib: int = 0
    disk_gib: int = 0


class Load(Model):
    """What a Cell uses, as it last said itself."""

    load1: float = 0.0
    memory_used_mib: int = 0
    disk_used_gib: int = 0
    domains: int = 0


class Promised(Model):
    """What the instances placed on a Cell were promised."""

    cores: int = 0
    memory_mib: int = 0
    disk_gib: int = 0


class Reserved(Promised):
    """What is kept for the host itself, out of what it has."""


class Cell(Model):
    """One Cell. `capacity` and `load` are None until it was heard; `max_instances` is a limit."""

    id: str
    name: str
    fingerprint: str = ""
    state: str = CellState.DISCOVERED
    enabled: bool = True
    pool: str | None = None
    address: str | None = None
    addresses: list[str] = Field(default_factory=list)
    kvm: str = KvmState.UNKNOWN
    capacity: Capacity | None = None
    load: Load | None = None
    promised: Promised | None = None
    reserved: Reserved | None = None
    max_instances: int | None = None
    tags: list[str] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    capabilities: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, Any] = Field(default_factory=dict)
    conflict: Any = None
    last_seen_at: datetime | None = None
    started_at: datetime | None = None
    generation: int | None = None


class Cells:
    """The Cells that the Core knows."""

    path: ClassVar[str] = "/cells"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, state: str | None = None, pool: str | None = None, limit: int | None = None
    ) -> Iterator[Cell]:
        """Yield Cells, discovered ones too."""
        for item in self._transport.items(self.path, {"state": state, "pool": pool}, limit):
            yield read(Cell, item, self.path)

    def get(self, name: str) -> Cell:
        """Return one Cell by name or id."""
        path = self._path(name)
        return read(Cell, self._transport.get(path), path)

    def accept(self, name: str, pool: str) -> Run:
        """Make a discovered Cell a member of a pool. Use its id: that is bound to its key."""
        path = self._path(name, "/accept")
        return run_of(self._transport.post(path, {"pool": pool}), path)

    def enable(self, name: str) -> Cell:
        """Let the scheduler place instances on the Cell again."""
        path = self._path(name, "/enable")
        return read(Cell, self._transport.post(path, {}), path)

    def disable(self, name: str) -> Cell:
        """Keep new instances away from the Cell; those on it stay."""
        path = self._path(name, "/disable")
        return read(Cell, self._transport.post(path, {}), path)

    def update(self, name: str, **changes: object) -> Cell:
        """Change `reserved`, `max_instances`, `tags` or `labels`; instances on it stay."""
        path = self._path(name)
        return read(Cell, self._transport.patch(path, changes), path)

    def refresh(self, name: str) -> Run:
        """Ask the Cell anew what it is capable of."""
        path = self._path(name, "/refresh")
        return run_of(self._transport.post(path, {}), path)

    def remove(self, name: str) -> Run:
        """End the membership of a Cell that carries no instance."""
        path = self._path(name)
        return run_of(self._transport.delete(path), path)

    def _path(self, name: str, action: str = "") -> str:
        return f"{self.path}/{segment('cell', name)}{action}"
