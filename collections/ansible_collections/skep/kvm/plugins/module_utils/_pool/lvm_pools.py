# SPDX-License-Identifier: Apache-2.0
"""Volume groups and thin pools as storage pools.

A tag in LVM's own metadata says that one is a pool and under which name, so the record travels with
the disks. libvirt's pools of type `logical` know no thin volumes and remember nothing more.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._pool import lvm
from ansible_collections.skep.kvm.plugins.module_utils._pool.plan import CurrentPool
from ansible_collections.skep.kvm.plugins.module_utils._pool.spec import PoolSpec

TAG = "skep.pool."


@dataclass(frozen=True)
class LvmPool:
    """A pool that its tag was found of; without a thin pool it is the whole group."""

    name: str
    group: lvm.VolumeGroup
    thin: lvm.LogicalVolume | None = None

    def current(self) -> CurrentPool:
        """Return it as the plan sees it."""
        settings = {"volume_group": self.group.name}
        if self.thin is not None:
            settings["thin_pool"] = self.thin.name
        return CurrentPool(
            type="lvm_thin" if self.thin else "lvm",
            settings=settings,
            is_active=True,
            autostart=(self.thin or self.group).autostart,
            has_group=True,
            has_thin=self.thin is not None,
            size_bytes=(self.thin or self.group).size_bytes,
        )

    def capacity(self) -> Dict[str, float]:
        """Return what it has; of a thin pool also how full it is and what was promised."""
        if self.thin is None:
            size, free = self.group.size_bytes, self.group.free_bytes
            return {
                "capacity_bytes": size,
                "allocated_bytes": size - free,
                "available_bytes": free,
            }
        used = round(self.thin.size_bytes * self.thin.data_percent / 100)
        inside = (each for each in volumes(self.group.name) if each.pool == self.thin.name)
        return {
            "capacity_bytes": self.thin.size_bytes,
            "allocated_bytes": used,
            "available_bytes": self.thin.size_bytes - used,
            "provisioned_bytes": sum(each.size_bytes for each in inside),
            "metadata_percent": self.thin.metadata_percent,
        }


def volumes(group: str) -> List[lvm.LogicalVolume]:
    """Return the logical volumes of a group that are for use, thin pools left out."""
    return [each for each in lvm.logical_volumes(group) if not each.is_thin_pool]


def all_pools() -> Dict[str, LvmPool]:
    """Return the pools of this Cell's volume groups by name."""
    found: Dict[str, LvmPool] = {}
    for group in lvm.volume_groups():
        for name in _names(group.tags):
            found[name] = LvmPool(name, group)
        for each in lvm.logical_volumes(group.name):
            if each.is_thin_pool:
                found.update({name: LvmPool(name, group, each) for name in _names(each.tags)})
    return found


def look(spec: PoolSpec) -> CurrentPool:
    """Return what is there of the group and thin pool that a new pool wants."""
    groups = {each.name: each for each in lvm.volume_groups()}
    new, refused = _sort_devices(spec)
    group = groups.get(spec.volume_group)
    if group is None:
        return CurrentPool(autostart=True, new_devices=new, refused=refused)
    inside = {each.name: each for each in lvm.logical_volumes(group.name)}
    thin = inside.get(spec.thin_pool)
    if thin is not None and not thin.is_thin_pool:
        refused = (thin.path, "it is a logical volume and no thin pool")
    return CurrentPool(
        autostart=_starts(spec, group, thin),
        has_group=True,
        has_thin=thin is not None,
        size_bytes=0 if thin is None else thin.size_bytes,
        new_devices=new,
        refused=refused,
    )


def _starts(spec: PoolSpec, group: lvm.VolumeGroup, thin: lvm.LogicalVolume | None) -> bool:
    """Whether the system activates it at boot; it does what is still to be made."""
    if not spec.thin_pool:
        return group.autostart
    return thin is None or thin.autostart


def extent_bytes(group: str) -> int:
    """Return the unit in which a group is given out; LVM's usual one where it is still to come."""
    found = [each.extent_bytes for each in lvm.volume_groups() if each.name == group]
    return found[0] if found else 4 << 20


def make_group(spec: PoolSpec, devices: Tuple[str, ...]) -> None:
    """Make the volume group out of the devices."""
    lvm.order("vgcreate", spec.volume_group, *devices)


def extend_group(spec: PoolSpec, devices: Tuple[str, ...]) -> None:
    """Add the devices to the group."""
    lvm.order("vgextend", spec.volume_group, *devices)


def make_thin(spec: PoolSpec) -> None:
    """Make the thin pool; new blocks are zeroed before a guest sees them."""
    size = ["-l", "100%FREE"] if spec.size_bytes is None else ["-L", f"{spec.size_bytes}b"]
    options = ["--type", "thin-pool", "--zero", "y", "-n", spec.thin_pool]
    lvm.order("lvcreate", *options, *size, spec.volume_group)


def extend_thin(spec: PoolSpec) -> None:
    """Make the thin pool larger."""
    lvm.order("lvextend", "-L", f"{spec.size_bytes}b", _target(spec))


def define(spec: PoolSpec) -> None:
    """Mark it as a pool."""
    lvm.order(_changer(spec), "--addtag", f"{TAG}{spec.name}", _target(spec))


def autostart(spec: PoolSpec) -> None:
    """Let the system activate it at boot, or not."""
    lvm.order(_changer(spec), "--setautoactivation", "ny"[spec.autostart], _target(spec))


def forget(spec: PoolSpec) -> None:
    """Take the mark off; its content stays."""
    lvm.order(_changer(spec), "--deltag", f"{TAG}{spec.name}", _target(spec))


def purge(spec: PoolSpec) -> None:
    """Give up the thin pool, or the group and its devices; LVM refuses while one is used."""
    if spec.thin_pool:
        lvm.order("lvremove", "--yes", _target(spec))
        return
    devices = [
        device for device, group in lvm.physical_volumes().items() if group == spec.volume_group
    ]
    lvm.order("vgremove", spec.volume_group)
    lvm.order("pvremove", *devices)


def _sort_devices(spec: PoolSpec) -> Tuple[Tuple[str, ...], Tuple[str, str] | None]:
    """Return the devices that the group has not, and one that is not free with the reason."""
    if not spec.devices:
        return (), None
    owners = lvm.physical_volumes()
    new: List[str] = []
    for device in spec.devices:
        owner = owners.get(os.path.realpath(device))
        if owner == spec.volume_group:
            continue
        reason = _why_not(device, owner)
        if reason is not None:
            return tuple(new), (device, reason)
        new.append(device)
    return tuple(new), None


def _why_not(device: str, owner: str | None) -> str | None:
    try:
        mode = os.stat(device).st_mode  # noqa: PTH116  a text from the item
    except OSError as error:
        return str(error.strerror)
    if not stat.S_ISBLK(mode):
        return "it is no block device"
    if owner:
        return f"it belongs to volume group {owner}"
    held = [] if owner == "" else lvm.signatures(device)
    return f"it holds {', '.join(held)} already; wipe it first" if held else None


def _names(tags: FrozenSet[str]) -> List[str]:
    return [each[len(TAG) :] for each in tags if each.startswith(TAG)]


def _changer(spec: PoolSpec) -> str:
    return "lvchange" if spec.thin_pool else "vgchange"


def _target(spec: PoolSpec) -> str:
    return f"{spec.volume_group}/{spec.thin_pool}" if spec.thin_pool else spec.volume_group
