"""Bounds on what strangers can cost. Pure: time comes in as an argument."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass
class Bucket:
    """Lets `rate` pass per second, and `burst` at once."""

    rate: float
    burst: float
    _level: float = 0.0
    _at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more may pass. A clock that steps back costs nothing."""
        self._level = max(0.0, self._level - max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._level + 1 > self.burst:
            return False
        self._level += 1
        return True


class Buckets:
    """One bucket per source; forgets the source heard longest ago."""

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate, self._burst, self._most = rate, burst, most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, source: str, now: float) -> bool:
        """Whether this source may send one more."""
        bucket = self._buckets.get(source)
        if bucket is None:
            bucket = self._buckets[source] = Bucket(self._rate, self._burst, _at=now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(source)
        return bucket.take(now)


class Pending:
    """The keys of strangers: so many in all, so many from one source, each until it is silent.

    A newcomer is refused when the table is full, so a flood cannot push out those who wait for an
    operator.
    """

    def __init__(self, most: int, most_per_source: int, silent_s: float) -> None:
        self._most, self._most_per_source, self._silent_s = most, most_per_source, silent_s
        self._keys: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._sources: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def has_room(self, key: bytes, source: str, now: float) -> bool:
        """Whether this key is in the table, or could be."""
        self._forget_silent(now)
        if key in self._keys:
            return True
        is_crowd = self._sources.get(source, 0) >= self._most_per_source
        return len(self._keys) < self._most and not is_crowd

    def hear(self, key: bytes, source: str, now: float) -> None:
        """Note a key whose signature is proven."""
        self._forget(key)
        self._keys[key] = (source, now)
        self._sources[source] = self._sources.get(source, 0) + 1

    def _forget_silent(self, now: float) -> None:
        while self._keys:
            oldest = next(iter(self._keys))
            if now - self._keys[oldest][1] <= self._silent_s:
                return
            self._forget(oldest)

    def _forget(self, key: bytes) -> None:
        source, _ = self._keys.pop(key, ("", 0.0))
        if source:
            self._sources[source] -= 1
            if not self._sources[source]:
                del self._sources[source]
