# SPDX-License-Identifier: Apache-2.0
"""Decides what a storage pool needs. Pure: reads no libvirt, no LVM and no file."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, List, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan
from ansible_collections.skep.kvm.plugins.module_utils._pool.errors import (
    DeviceRefusedError,
    PoolDiffersError,
    PoolInUseError,
    PoolNotEmptyError,
)
from ansible_collections.skep.kvm.plugins.module_utils._pool.spec import PoolSpec
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import PoolUnusableError

MOUNTED = ("dir", "nfs")


class Step(Enum):
    """One order to libvirt or LVM; a plan lists them in sequence."""

    STOP = "stop"
    FORGET = "forget"
    MAKE_GROUP = "make group"
    EXTEND_GROUP = "extend group"
    MAKE_THIN = "make thin pool"
    EXTEND_THIN = "extend thin pool"
    DEFINE = "define"
    START = "start"
    AUTOSTART = "autostart"
    PURGE = "purge"


@dataclass(frozen=True)
class CurrentPool:
    """What is there: a type of None is no pool of this name, whatever else there is.

    Attributes:
        settings: what cannot change while the pool holds something, by the item's field names.
        user: a path in it and the domain that has it.
        content: what lies in it; read only for a purge.
        has_group, has_thin: whether the group and the thin pool are there, known as ours or not.
        new_devices: those wanted that the group has not.
        refused: a device that is not free, and why.
    """

    type: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_active: bool = False
    autostart: bool = False
    user: Tuple[str, str] | None = None
    content: Tuple[str, ...] = ()
    has_group: bool = False
    has_thin: bool = False
    size_bytes: int = 0
    new_devices: Tuple[str, ...] = ()
    refused: Tuple[str, str] | None = None


@dataclass(frozen=True)
class PoolPlan(Plan):
    """A plan that carries the devices to take."""

    devices: Tuple[str, ...] = ()


def plan(spec: PoolSpec, current: CurrentPool) -> PoolPlan:
    """Return the steps from what is there to what is wanted.

    Raises:
        DeviceRefusedError: a device is not free.
        PoolDiffersError: the pool has another type or place, or would shrink.
        PoolInUseError: a domain has something in what would go away.
        PoolNotEmptyError: something would be destroyed.
        PoolUnusableError: the volume group does not exist.
    """
    if spec.state == "absent":
        return _plan_absent(spec, current)
    if spec.type is None:
        raise InvalidItemError("type", None, "needed for state present")
    if current.type is not None and current.type != spec.type:
        raise PoolDiffersError(spec.name, "type", current.type, spec.type)
    steps = _mounted(spec, current) if spec.type in MOUNTED else _lvm(spec, current)
    if current.type is not None and not steps and current.autostart == spec.autostart:
        return PoolPlan()
    # What libvirt has just been told of does not start by itself.
    starts = current.autostart and not (spec.type in MOUNTED and Step.DEFINE in steps)
    if starts != spec.autostart:
        steps.append(Step.AUTOSTART)
    before, after = _with_sizes(spec, current, _before(current), _after(spec))
    return PoolPlan(tuple(steps), before, after, devices=current.new_devices)


def settings_of(spec: PoolSpec) -> Mapping[str, Any]:
    """Return what makes the pool the one it is."""
    if spec.type == "dir":
        return {"path": spec.path}
    if spec.type == "nfs":
        server = {"host": spec.host, "export": spec.export, "nfs_version": spec.nfs_version}
        return {"path": spec.path, **server}
    if spec.type == "lvm":
        return {"volume_group": spec.volume_group}
    return {"volume_group": spec.volume_group, "thin_pool": spec.thin_pool}


def _with_sizes(
    spec: PoolSpec, current: CurrentPool, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Show what grows, by devices or by size."""
    if current.new_devices:
        after = {**after, "new_devices": list(current.new_devices)}
    if spec.size_bytes is not None:
        after = {**after, "size_bytes": spec.size_bytes}
        before = {**before, "size_bytes": current.size_bytes} if current.has_thin else before
    return before, after


def _after(spec: PoolSpec) -> Mapping[str, Any]:
    after = {"state": "present", "type": spec.type, **settings_of(spec)}
    return {**after, "autostart": spec.autostart}


def _before(current: CurrentPool) -> Mapping[str, Any]:
    if current.type is None:
        return {"state": "absent"}
    before = {"state": "present", "type": current.type, **current.settings}
    return {**before, "autostart": current.autostart}


def _plan_absent(spec: PoolSpec, current: CurrentPool) -> PoolPlan:
    if current.type is None:
        return PoolPlan()
    if current.user is not None:
        raise PoolInUseError(spec.name, *current.user)
    if spec.purge and current.content:
        raise PoolNotEmptyError(spec.name, len(current.content), current.content[0])
    stop = [Step.STOP] if current.is_active and current.type in MOUNTED else []
    purge = [Step.PURGE] if spec.purge else []
    after = {"state": "absent", **({"content": "destroyed"} if spec.purge else {})}
    return PoolPlan((*stop, Step.FORGET, *purge), _before(current), after)


def _mounted(spec: PoolSpec, current: CurrentPool) -> List[Step]:
    if current.type is None:
        return [Step.DEFINE, Step.START]
    if current.settings == settings_of(spec):
        return [] if current.is_active else [Step.START]
    if current.settings["path"] != spec.path:
        raise PoolDiffersError(spec.name, "path", current.settings["path"], spec.path)
    if current.user is not None:
        raise PoolInUseError(spec.name, *current.user)
    stop = [Step.STOP] if current.is_active else []
    return [*stop, Step.FORGET, Step.DEFINE, Step.START]


def _lvm(spec: PoolSpec, current: CurrentPool) -> List[Step]:
    for name, wanted in settings_of(spec).items():
        if current.type is not None and current.settings[name] != wanted:
            raise PoolDiffersError(spec.name, name, current.settings[name], wanted)
    if current.refused is not None:
        raise DeviceRefusedError(*current.refused)
    if not current.has_group and not spec.devices:
        reason = f"volume group {spec.volume_group!r} does not exist; give it devices"
        raise PoolUnusableError(spec.name, reason)
    steps: List[Step] = []
    if not current.has_group:
        steps.append(Step.MAKE_GROUP)
    elif current.new_devices:
        steps.append(Step.EXTEND_GROUP)
    if spec.type == "lvm_thin":
        steps += _thin(spec, current)
    return steps if current.type is not None else [*steps, Step.DEFINE]


def _thin(spec: PoolSpec, current: CurrentPool) -> List[Step]:
    if not current.has_thin:
        return [Step.MAKE_THIN]
    if spec.size_bytes is None or spec.size_bytes == current.size_bytes:
        return []
    if spec.size_bytes < current.size_bytes:
        raise PoolDiffersError(spec.name, "size_bytes", current.size_bytes, spec.size_bytes)
    return [Step.EXTEND_THIN]
