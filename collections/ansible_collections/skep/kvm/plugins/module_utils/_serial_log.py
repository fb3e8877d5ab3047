# SPDX-License-Identifier: Apache-2.0
"""Reads the end of a domain's serial log, across the files that virtlogd rotated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List


def read_tail(log: Path, max_bytes: int) -> Dict[str, Any]:
    """Return the last `max_bytes`; bytes that are no UTF-8 become U+FFFD.

    A domain that never started has no log: the content is empty and the size zero.
    """
    paths = _newest_first(log)
    chunks: List[bytes] = []
    room = max_bytes
    total = 0
    for path in paths:
        size, chunk = _end_of(path, room)
        total += size
        room -= len(chunk)
        chunks.append(chunk)
    content = b"".join(reversed(chunks)).decode("utf-8", "replace")
    return {"content": content, "size_bytes": total, "truncated": total > max_bytes}


def _newest_first(log: Path) -> List[Path]:
    """Virtlogd renames NAME to NAME.0, NAME.0 to NAME.1 and so on."""
    rotated = [each for each in log.parent.glob(f"{log.name}.*") if each.suffix[1:].isdigit()]
    rotated.sort(key=lambda each: int(each.suffix[1:]))
    return [log, *rotated]


def _end_of(path: Path, max_bytes: int) -> tuple[int, bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0, b""
    with os.fdopen(descriptor, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - max_bytes))
        return size, file.read(max_bytes)
