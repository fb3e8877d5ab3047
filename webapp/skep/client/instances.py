"""Instances: what users own. Changes to many of them are one request and one run."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from skep.client.placement.explanations import Explanation
from skep.client.placement.wanted import NewInstances
from skep.client.runs import Run, run_of
from skep.client.transport import Model, Transport, read, segment

# The Core reads the log on the Cell, and gives up after a minute.
_LOG_S = 75.0


class Reason(Model):
    """Why an instance is in the state it is in."""

    code: str = ""
    msg: str | None = None


class Instance(Model):
    """One instance. `run` is the id of the run that works on it now."""

    id: str
    name: str
    state: str
    cell: str | None = None
    pool: str | None = None
    image: str | None = None
    flavor: str | None = None
    cores: int = 0
    memory_mib: int = 0
    disk_gib: int | None = None
    owner: str | None = None
    reservation: str | None = None
    reason: Reason | None = None
    run: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    generation: int | None = None


class Creation(Model):
    """What an accepted request for instances started; `shortfalls` tell what was left out."""

    run: Run
    reservation: str | None = None
    instances: list[Instance] = Field(default_factory=list)
    shortfalls: list[str] = Field(default_factory=list)


class Instances:
    """The instances of the zone."""

    path: ClassVar[str] = "/instances"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None, **filters: str | None) -> Iterator[Instance]:
        """Yield instances; filters are `pool`, `cell`, `state`, `q` and `reservation`."""
        for item in self._transport.items(self.path, filters, limit):
            yield read(Instance, item, self.path)

    def get(self, name: str) -> Instance:
        """Return one instance by name or id."""
        path = self._path(name)
        return read(Instance, self._transport.get(path), path)

    def create(self, wanted: NewInstances, idempotency_key: str | None = None) -> Creation:
        """Ask for instances; they are placed when this returns, and made by the run."""
        answer = self._transport.post(self.path, wanted.body(), idempotency_key)
        return read(Creation, answer, self.path)

    def start(self, names: Sequence[str]) -> Run:
        """Start instances."""
        return self._change("start", names)

    def stop(self, names: Sequence[str], *, force: bool = False) -> Run:
        """Shut instances down; `force` cuts the power."""
        return self._change("stop", names, force=force)

    def reboot(self, names: Sequence[str]) -> Run:
        """Reboot instances."""
        return self._change("reboot", names)

    def delete(self, names: Sequence[str]) -> Run:
        """Delete instances and their volumes."""
        return self._change("delete", names)

    def migrate(self, names: Sequence[str], cell: str | None = None) -> Run:
        """Live-migrate instances to a Cell, or each to the one where it fits best."""
        return self._change("migrate", names, **({"cell": cell} if cell else {}))

    def log(self, name: str, max_bytes: int = 65536) -> str:
        """Return the last bytes of the serial log. A guest wrote them: show them inert."""
        query, path = {"max_bytes": max_bytes}, self._path(name, "/log")
        with self._transport.request("GET", path, query=query, timeout_s=_LOG_S) as response:
            return response.content.decode("utf-8", "replace")

    def explanation(self, name: str, limit: int | None = None) -> Explanation:
        """Return what the scheduler thought of the first `limit` Cells."""
        path = self._path(name, "/explanation")
        return read(Explanation, self._transport.get(path, {"limit": limit}), path)

    def explanation_text(self, name: str, limit: int | None = None) -> str:
        """Return the explanation as a person reads it. Names in it are others': show it inert."""
        path, plain = self._path(name, "/explanation"), {"Accept": "text/plain"}
        with self._transport.request(
            "GET", path, query={"limit": limit}, headers=plain
        ) as response:
            return response.content.decode("utf-8", "replace")

    def _change(self, verb: str, names: Sequence[str], **extra: str | bool) -> Run:
        path = f"{self.path}/{verb}"
        return run_of(self._transport.post(path, {"instances": [*names], **extra}), path)

    def _path(self, name: str, action: str = "") -> str:
        return f"{self.path}/{segment('instance', name)}{action}"
