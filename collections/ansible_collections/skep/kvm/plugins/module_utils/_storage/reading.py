# SPDX-License-Identifier: Apache-2.0
"""What volume_info asks."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._items import Item
from ansible_collections.skep.kvm.plugins.module_utils._reading import Reading
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import VolumeNotFoundError
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Found, Place
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage, User


def volume_facts(place: Place, usage: LibvirtUsage) -> Reading:
    """Return the question for each volume of a place."""

    def ask(item: Item) -> Mapping[str, Any]:
        found = place.find(files.check_volume(item["name"]))
        if found is None:
            raise VolumeNotFoundError(item["name"])
        return _shown(found, place.allocated_bytes(found), usage.of(str(found.path)))

    return Reading(lambda item: str(item["name"]), ask)


def _shown(found: Found, allocated_bytes: int, user: User | None) -> Mapping[str, Any]:
    return {
        "path": str(found.path),
        "format": found.kind,
        "size_bytes": found.size_bytes,
        "allocated_bytes": allocated_bytes,
        "backing": found.backing,
        "snapshots": found.snapshots,
        "domain": None if user is None else user.name,
        "in_use": user is not None and user.is_active,
    }
