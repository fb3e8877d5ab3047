# SPDX-License-Identifier: Apache-2.0
"""A snapshot as wanted: the checked form of one item. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

# A letter first: qemu takes a name of digits for the number of a snapshot, and libvirt refuses a
# leading dot. libvirt names a file after it.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_DESCRIPTION_MAX = 1024


@dataclass(frozen=True)
class SnapshotSpec:
    """One item; a `memory` of None takes what is there, and disks alone where nothing is."""

    uuid: str
    domain: str
    name: str
    state: str
    memory: bool | None = None
    description: str | None = None
    start: bool = False
    children: bool = False


def parse(item: Mapping[str, Any], uuid: str) -> SnapshotSpec:
    """Return the checked item of the domain with this uuid."""
    return SnapshotSpec(
        uuid=uuid,
        domain=item["domain"] or uuid,
        name=check_snapshot(item["name"]),
        state=item["state"],
        memory=item["memory"],
        description=_description(item["description"]),
        start=item["start"],
        children=item["children"],
    )


def check_snapshot(name: str) -> str:
    """Return the snapshot's name, or raise InvalidItemError."""
    if _NAME.fullmatch(name) is None:
        raise InvalidItemError("name", name, "a letter, then up to 63 of A-Z a-z 0-9 . _ -")
    return name


def _description(text: str | None) -> str | None:
    """XML 1.0 has no place for control characters, and libvirt keeps snapshots as XML."""
    if text is None:
        return None
    if len(text) > _DESCRIPTION_MAX or text != text.strip():
        rule = f"at most {_DESCRIPTION_MAX} characters, no space at either end"
        raise InvalidItemError("description", text[:80], rule)
    if any(unicodedata.category(each) in {"Cc", "Cs", "Cn"} for each in text.replace("\n", "")):
        raise InvalidItemError("description", text[:80], "printable characters and line ends only")
    return text
