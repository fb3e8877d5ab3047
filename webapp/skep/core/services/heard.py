"""What Cells said last, in memory: repeating it costs no transaction."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

LOAD = ("load1", "memory_used_mib", "disk_used_gib", "domains")


class Heard:
    """What each Cell said last, so that saying the same again costs no transaction.

    Thread-safe. Whatever changes a Cell or an instance on it makes the next word count again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[tuple[str, object], object] = {}
        self._parts: dict[str, set[object]] = {}
        self._changes = 0
        self._loads: dict[str, dict[str, Any]] = {}

    def is_old(self, cell_id: str, part: object, said: object) -> bool:
        """Whether the Cell has said the same in this part, and nothing happened since."""
        with self._lock:
            return self._last.get((cell_id, part)) == said

    def mark(self) -> int:
        """Return the moment, as `remember` wants it; ask before reading the store."""
        with self._lock:
            return self._changes

    def remember(self, cell_id: str, part: object, said: object, mark: int) -> None:
        """Note what was taken in, unless anything happened since `mark`."""
        with self._lock:
            if mark != self._changes:
                return
            self._last[cell_id, part] = said
            self._parts.setdefault(cell_id, set()).add(part)

    def forget(self, cells: Iterable[str]) -> None:
        """Take in whatever these Cells say next."""
        with self._lock:
            self._changes += 1
            for cell_id in cells:
                for part in self._parts.pop(cell_id, ()):
                    del self._last[cell_id, part]

    def keep_load(self, cell_id: str, load: Mapping[str, Any], now: datetime) -> None:
        """Note a Cell's load for the next batch."""
        row = {name: load[name] for name in LOAD}
        with self._lock:
            self._loads[cell_id] = {"cell_id": cell_id, "last_seen_at": now, **row}

    def take_loads(self) -> list[dict[str, Any]]:
        """Return the batch and begin another."""
        with self._lock:
            batch, self._loads = self._loads, {}
        return list(batch.values())
