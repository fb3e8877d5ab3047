# SPDX-License-Identifier: Apache-2.0
"""The snapshots of domains as items that are only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._errors import DomainNotFoundError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.resource import (
    describe,
    find_uuid,
)


@dataclass(frozen=True)
class SnapshotLists:
    """What `snapshot_info` reads: nothing is ever planned."""

    noun: ClassVar[str] = "domain"
    host: Hypervisor

    def items(self) -> List[Dict[str, Any]]:
        """Return an item for each domain of the Cell."""
        return [{"uuid": each.uuid, "domain": each.name} for each in self.host.domains()]

    def identify(self, item: Item) -> str:
        """Return the uuid, or the name where only that was given."""
        return str(item["uuid"] or item["domain"])

    def resolve(self, item: Item) -> str:
        """Return the domain's uuid."""
        return find_uuid(self.host, item)

    def lock_id(self, spec: str) -> str:
        """The uuid, to be named in errors."""
        return spec

    def read(self, spec: str) -> None:
        """Raise DomainNotFoundError where there is no such domain."""
        if self.host.find(spec) is None:
            raise DomainNotFoundError(spec)

    def plan(self, spec: str, current: None) -> Plan:
        """Nothing is to be done."""
        del spec, current
        return Plan()

    def apply(self, spec: str, plan: Plan) -> None:
        """Nothing is ever done."""

    def observe(self, spec: str) -> Mapping[str, Any]:
        """Return the domain's snapshots."""
        return {"snapshots": describe(self.host, spec)}
