# SPDX-License-Identifier: Apache-2.0
"""What snapshot_info asks."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._errors import DomainNotFoundError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import Item
from ansible_collections.skep.kvm.plugins.module_utils._reading import Reading
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.resource import (
    describe,
    find_uuid,
)


def all_domains(host: Hypervisor) -> List[Dict[str, Any]]:
    """Return an item for each domain of the Cell."""
    return [{"uuid": each.uuid, "domain": each.name} for each in host.domains()]


def snapshot_lists(host: Hypervisor) -> Reading:
    """Return the question for each domain's snapshots."""

    def ask(item: Item) -> Mapping[str, Any]:
        uuid = find_uuid(host, item)
        if host.find(uuid) is None:
            raise DomainNotFoundError(uuid)
        return {"snapshots": describe(host, uuid)}

    return Reading(lambda item: str(item["uuid"] or item["domain"]), ask)
