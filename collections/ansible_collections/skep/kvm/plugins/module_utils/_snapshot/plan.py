# SPDX-License-Identifier: Apache-2.0
"""Decides what a snapshot needs. Pure: reads no libvirt and no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, FrozenSet, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
)
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.errors import (
    SnapshotDiffersError,
    SnapshotNotFoundError,
    SnapshotUnsupportedError,
)
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.spec import SnapshotSpec
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.xml import Disk, Facts

_ACTIVE = ("running", "paused")


class Step(Enum):
    """One order to libvirt."""

    CREATE = "create"
    CREATE_LIVE = "create live"
    DESCRIBE = "describe"
    REVERT = "revert"
    DELETE = "delete"


@dataclass(frozen=True)
class CurrentSnapshots:
    """The domain and its snapshots by name; a state of `absent` is no domain."""

    state: str = "absent"
    is_migrating: bool = False
    disks: Tuple[Disk, ...] = ()
    snapshots: Mapping[str, Facts] = field(default_factory=dict)
    current: str | None = None


@dataclass(frozen=True)
class SnapshotPlan(Plan):
    """A plan that knows what kind of snapshot to make, and whether the domain runs afterwards."""

    memory: bool = False
    runs: bool = False


def plan(spec: SnapshotSpec, current: CurrentSnapshots) -> SnapshotPlan:
    """Return the step from what is there to what is wanted.

    Raises:
        DomainNotFoundError: there is no such domain.
        DomainStateError: a migration holds it, or memory is wanted of a domain that is off.
        SnapshotDiffersError: the name belongs to a snapshot of another kind.
        SnapshotNotFoundError: a revert to nothing.
        SnapshotUnsupportedError: a disk has no room for snapshots.
    """
    if current.state == "absent":
        if spec.state == "absent":
            return SnapshotPlan()
        raise DomainNotFoundError(spec.domain)
    if current.is_migrating:
        raise DomainStateError(spec.domain, "migrating", "wait until the migration has ended")
    found = current.snapshots.get(spec.name)
    if spec.state == "absent":
        return _plan_absent(spec, current, found)
    if spec.state == "reverted":
        return _plan_revert(spec, current, found)
    return _plan_new(spec, current) if found is None else _plan_existing(spec, found)


def _plan_absent(
    spec: SnapshotSpec, current: CurrentSnapshots, found: Facts | None
) -> SnapshotPlan:
    if found is None:
        return SnapshotPlan()
    gone = {spec.name, *(descendants(spec.name, current.snapshots) if spec.children else ())}
    after = [name for name in current.snapshots if name not in gone]
    before = {"snapshots": list(current.snapshots)}
    return SnapshotPlan((Step.DELETE,), before, {"snapshots": after})


def _plan_revert(
    spec: SnapshotSpec, current: CurrentSnapshots, found: Facts | None
) -> SnapshotPlan:
    if found is None:
        known = ", ".join(current.snapshots) or "none"
        raise SnapshotNotFoundError(spec.domain, spec.name, known)
    state = found.state if found.has_memory else "shutoff"
    runs = spec.start or (not found.has_memory and current.state in _ACTIVE)
    before = {"state": current.state, "current": current.current}
    after = {"state": "running" if runs else state, "current": spec.name}
    return SnapshotPlan((Step.REVERT,), before, after, runs=runs)


def _plan_new(spec: SnapshotSpec, current: CurrentSnapshots) -> SnapshotPlan:
    is_active = current.state in _ACTIVE
    if spec.memory and not is_active:
        needed = "it has no memory to keep; start it or leave out memory"
        raise DomainStateError(spec.domain, current.state, needed)
    _check_disks(spec, current.disks)
    memory = bool(spec.memory)
    step = Step.CREATE_LIVE if is_active and not memory else Step.CREATE
    after = {"state": "present", "memory": memory, **_description(spec.description or "")}
    return SnapshotPlan((step,), {"state": "absent"}, after, memory=memory)


def _check_disks(spec: SnapshotSpec, disks: Tuple[Disk, ...]) -> None:
    if not disks:
        raise SnapshotUnsupportedError(spec.domain, "it has no disk", "give it a volume first")
    unfit = [f"{each.device} ({each.format})" for each in disks if not each.is_fit]
    if unfit:
        reason = f"{', '.join(unfit)} cannot hold snapshots, only qcow2 files can"
        raise SnapshotUnsupportedError(spec.domain, reason, "convert the volume to qcow2")


def _plan_existing(spec: SnapshotSpec, found: Facts) -> SnapshotPlan:
    if spec.memory is not None and spec.memory != found.has_memory:
        kinds = {True: "with", False: "without"}
        actual, wanted = kinds[found.has_memory], kinds[spec.memory]
        raise SnapshotDiffersError(spec.domain, spec.name, actual, wanted)
    if spec.description is None or spec.description == found.description:
        return SnapshotPlan()
    before, after = _description(found.description), _description(spec.description)
    return SnapshotPlan((Step.DESCRIBE,), before, after)


def _description(text: str) -> Dict[str, Any]:
    return {"description": text}


def descendants(name: str, snapshots: Mapping[str, Facts]) -> FrozenSet[str]:
    """Return all that came from a snapshot."""
    children = {each.name for each in snapshots.values() if each.parent == name}
    return frozenset(children).union(*(descendants(each, snapshots) for each in children))
