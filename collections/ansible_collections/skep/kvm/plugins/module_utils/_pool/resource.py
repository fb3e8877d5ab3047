# SPDX-License-Identifier: Apache-2.0
"""Storage pools as items: reads libvirt and LVM for the plan and carries the plan out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Callable, ClassVar, Dict, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._items import Item
from ansible_collections.skep.kvm.plugins.module_utils._pool import libvirt_pools, lvm, lvm_pools
from ansible_collections.skep.kvm.plugins.module_utils._pool import spec as specs
from ansible_collections.skep.kvm.plugins.module_utils._pool.plan import (
    MOUNTED,
    CurrentPool,
    PoolPlan,
    Step,
    plan,
)
from ansible_collections.skep.kvm.plugins.module_utils._pool.pools import Pools
from ansible_collections.skep.kvm.plugins.module_utils._pool.spec import PoolSpec
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage


@dataclass(frozen=True)
class PoolStore:
    """The storage pools of a Cell."""

    noun: ClassVar[str] = "pool"
    pools: Pools
    usage: LibvirtUsage

    def identify(self, item: Item) -> str:
        """Return the name as it was given."""
        return str(item["name"])

    def resolve(self, item: Item) -> PoolSpec:
        """Return the checked item, its size as LVM can give it."""
        spec = specs.parse(item)
        if spec.size_bytes is None:
            return spec
        unit = lvm_pools.extent_bytes(spec.volume_group)
        return replace(spec, size_bytes=-(-spec.size_bytes // unit) * unit)

    def lock_id(self, spec: PoolSpec) -> str:
        """One lock for all pools: a volume group or a directory may be wanted by two."""
        del spec
        return "storage-pools"

    def read(self, spec: PoolSpec) -> CurrentPool:
        """Return the pool with what a change has to heed."""
        current = self.pools.read(spec.name)
        if spec.state == "present" and spec.type in MOUNTED and not (current and current.is_active):
            libvirt_pools.check_reachable(spec)
        if current is None:
            return lvm_pools.look(spec) if spec.volume_group else CurrentPool()
        if spec.state == "present" and spec.type not in MOUNTED:
            there = lvm_pools.look(spec)
            current = replace(current, new_devices=there.new_devices, refused=there.refused)
        content = self._content(current) if spec.purge and spec.state == "absent" else ()
        return replace(current, user=self._user(spec, current), content=content)

    def plan(self, spec: PoolSpec, current: CurrentPool) -> PoolPlan:
        """Decide; see plan.py."""
        return plan(spec, current)

    def apply(self, spec: PoolSpec, plan: PoolPlan) -> None:
        """Take the steps in order."""
        current = self.pools.read(spec.name)
        if spec.state == "absent" and current is not None:
            spec = _as_found(spec, current)
        orders = self._orders(spec, plan)
        for step in plan.steps:
            orders[step]()

    def observe(self, spec: PoolSpec) -> Mapping[str, Any]:
        """The pool with its capacity, None when there is none."""
        return {"pool": self.pools.describe(spec.name)}

    def _orders(self, spec: PoolSpec, plan: PoolPlan) -> Dict[Step, Callable[[], None]]:
        if spec.type not in MOUNTED:
            return {
                Step.MAKE_GROUP: lambda: lvm_pools.make_group(spec, plan.devices),
                Step.EXTEND_GROUP: lambda: lvm_pools.extend_group(spec, plan.devices),
                Step.MAKE_THIN: lambda: lvm_pools.make_thin(spec),
                Step.EXTEND_THIN: lambda: lvm_pools.extend_thin(spec),
                Step.DEFINE: lambda: lvm_pools.define(spec),
                Step.AUTOSTART: lambda: lvm_pools.autostart(spec),
                Step.FORGET: lambda: lvm_pools.forget(spec),
                Step.PURGE: lambda: lvm_pools.purge(spec),
            }
        host = self.pools.libvirt
        return {
            Step.DEFINE: lambda: host.define(spec),
            Step.START: lambda: host.start(spec),
            Step.AUTOSTART: lambda: host.autostart(spec),
            Step.STOP: lambda: host.stop(spec),
            Step.FORGET: lambda: host.forget(spec),
            Step.PURGE: lambda: libvirt_pools.remove_directory(spec.path),
        }

    def _user(self, spec: PoolSpec, current: CurrentPool) -> Tuple[str, str] | None:
        """Return a path in the pool and the domain that has it."""
        inside: Callable[[str], bool]
        if current.type in MOUNTED:
            folder = PurePosixPath(str(current.settings["path"]))
            inside = lambda path: folder in PurePosixPath(path).parents  # noqa: E731
        else:
            devices = {str(each) for each in self._devices(spec)}
            inside = devices.__contains__
        users = self.usage.all().items()
        return next(((path, user.name) for path, user in users if inside(path)), None)

    def _devices(self, spec: PoolSpec) -> Tuple[str, ...]:
        place = self.pools.place(spec.name)
        return tuple(str(path) for name in place.names() for path in place.paths(name))

    def _content(self, current: CurrentPool) -> Tuple[str, ...]:
        """Return what a purge would destroy; of NFS it destroys nothing."""
        if current.type == "dir":
            folder = Path(str(current.settings["path"]))
            return tuple(sorted(each.name for each in folder.glob("*")))
        if current.type == "nfs":
            return ()
        thin = current.settings.get("thin_pool")
        inside = lvm.logical_volumes(str(current.settings["volume_group"]))
        return tuple(each.name for each in inside if thin is None or each.pool == thin)


def _as_found(spec: PoolSpec, current: CurrentPool) -> PoolSpec:
    """An item that only names a pool to be gone gets what the pool is."""
    settings = current.settings
    return replace(
        spec,
        type=current.type,
        path=settings.get("path", ""),
        volume_group=settings.get("volume_group", ""),
        thin_pool=settings.get("thin_pool", ""),
    )
