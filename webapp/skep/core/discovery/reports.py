"""Reports come in parts; only a whole one says which domains a Cell has. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from skep.domain.announcement import Announcement


@dataclass
class _Report:
    """What has come of one report; parts follow each other, so the first one's number names it."""

    first: tuple[str, int]
    parts: dict[int, list[Any]] = field(default_factory=dict)


class Assembler:
    """Puts reports together, one at a time per Cell; a later one replaces an unfinished one."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._open: OrderedDict[bytes, _Report] = OrderedDict()

    def add(self, announcement: Announcement) -> Announcement | None:
        """The whole report as if it had come in one part, once its last part is here."""
        said = announcement.payload["report"]
        if said["parts"] == 1:
            self._open.pop(announcement.public_key, None)
            return announcement
        report = self._report(announcement)
        report.parts[said["part"]] = said["domains"]
        if len(report.parts) < said["parts"]:
            return None
        del self._open[announcement.public_key]
        domains = [each for part in sorted(report.parts) for each in report.parts[part]]
        whole = {**said, "part": 1, "parts": 1, "domains": domains}
        return replace(announcement, payload={"report": whole})

    def _report(self, announcement: Announcement) -> _Report:
        part = announcement.payload["report"]["part"]
        first = (announcement.boot_id, announcement.sequence - part + 1)
        report = self._open.get(announcement.public_key)
        if report is None or report.first != first:
            report = self._open[announcement.public_key] = _Report(first)
            if len(self._open) > self._most:
                self._open.popitem(last=False)
        return report
