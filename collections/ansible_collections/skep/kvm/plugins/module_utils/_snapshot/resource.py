# SPDX-License-Identifier: Apache-2.0
"""Snapshots as items: reads libvirt for the plan and carries the plan out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, List, Mapping, Sequence

from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import check_name
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    InvalidItemError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import Item
from ansible_collections.skep.kvm.plugins.module_utils._snapshot import spec as specs
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.live import LiveSnapshots
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.plan import (
    CurrentSnapshots,
    SnapshotPlan,
    Step,
    plan,
)
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.spec import SnapshotSpec
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.xml import Facts


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of the domains of one libvirt."""

    noun: ClassVar[str] = "snapshot"
    host: Hypervisor

    def identify(self, item: Item) -> str:
        """Return the domain, a dash and the snapshot's name."""
        return f"{item['uuid'] or item['domain']}-{item['name']}"

    def resolve(self, item: Item) -> SnapshotSpec:
        """Return the checked item; the domain may be named instead of its uuid."""
        return specs.parse(item, find_uuid(self.host, item))

    def lock_id(self, spec: SnapshotSpec) -> str:
        """The lock of the instance, shared with its domain and volumes."""
        return spec.uuid or "domain-without-uuid"

    def read(self, spec: SnapshotSpec) -> CurrentSnapshots:
        """Return the domain's state and its snapshots."""
        domain = self.host.find(spec.uuid) if spec.uuid else None
        if domain is None:
            return CurrentSnapshots()
        live = LiveSnapshots(self.host, spec.uuid)
        return CurrentSnapshots(
            state=domain.state(),
            is_migrating=domain.is_migrating(),
            disks=tuple(live.disks()),
            snapshots=live.all(),
            current=live.current(),
        )

    def plan(self, spec: SnapshotSpec, current: CurrentSnapshots) -> SnapshotPlan:
        """Decide; see plan.py."""
        return plan(spec, current)

    def apply(self, spec: SnapshotSpec, plan: SnapshotPlan) -> None:
        """Take the one step of the plan."""
        live = LiveSnapshots(self.host, spec.uuid)
        text = spec.description or ""
        (step,) = plan.steps
        if step is Step.CREATE:
            live.create(spec.name, text, memory=plan.memory)
        elif step is Step.CREATE_LIVE:
            live.create_live(spec.name, text)
        elif step is Step.DESCRIBE:
            live.describe(spec.name, text)
        elif step is Step.REVERT:
            live.revert(spec.name, runs=plan.runs)
        else:
            live.delete(spec.name, children=spec.children)

    def observe(self, spec: SnapshotSpec) -> Mapping[str, Any]:
        """The domain's state and the snapshot, None when there is none."""
        domain = self.host.find(spec.uuid) if spec.uuid else None
        if domain is None:
            return {"state": "absent", "snapshot": None}
        shown = {each["name"]: each for each in describe(self.host, spec.uuid)}
        return {"state": domain.state(), "snapshot": shown.get(spec.name)}


def describe(host: Hypervisor, uuid: str) -> List[Dict[str, Any]]:
    """Return the snapshots of a domain as data, parents before their children."""
    live = LiveSnapshots(host, uuid)
    current = live.current()
    return [_shown(each, is_current=each.name == current) for each in live.all().values()]


def workers_for(items: Sequence[Item]) -> int | None:
    """One after the other unless each item surely has a domain of its own: parents come first."""
    uuids = [each.get("uuid") for each in items]
    return None if None not in uuids and len(set(uuids)) == len(uuids) else 1


def find_uuid(host: Hypervisor, item: Item) -> str:
    """Return the uuid that an item gives, or that of the domain it names.

    Nothing is fine where the snapshot is to be absent.
    """
    if item["uuid"]:
        return files.check_uuid(item["uuid"])
    if not item["domain"]:
        raise InvalidItemError("uuid", None, "an item has a uuid or a domain")
    domain = host.find_by_name(check_name(item["domain"]))
    if domain is not None:
        return domain.uuid
    if item.get("state") == "absent":
        return ""
    raise DomainNotFoundError(item["domain"])


def _shown(facts: Facts, *, is_current: bool) -> Dict[str, Any]:
    return {
        "name": facts.name,
        "parent": facts.parent,
        "current": is_current,
        "memory": facts.has_memory,
        "state": facts.state,
        "description": facts.description,
        "created_s": facts.created_s,
        "disks": list(facts.disks),
        "external": facts.is_external,
    }
