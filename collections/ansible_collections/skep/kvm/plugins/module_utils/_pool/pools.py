# SPDX-License-Identifier: Apache-2.0
"""The storage pools of a Cell by name, whatever they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._items import Item
from ansible_collections.skep.kvm.plugins.module_utils._pool import libvirt_pools, lvm_pools
from ansible_collections.skep.kvm.plugins.module_utils._pool.errors import PoolNotFoundError
from ansible_collections.skep.kvm.plugins.module_utils._pool.libvirt_pools import LibvirtPools
from ansible_collections.skep.kvm.plugins.module_utils._pool.lvm_place import LvmPlace
from ansible_collections.skep.kvm.plugins.module_utils._pool.plan import CurrentPool
from ansible_collections.skep.kvm.plugins.module_utils._reading import Reading
from ansible_collections.skep.kvm.plugins.module_utils._storage.directory import DirectoryPlace
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import PoolUnusableError
from ansible_collections.skep.kvm.plugins.module_utils._storage.place import Place
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage

_CAPACITY = ("capacity_bytes", "allocated_bytes", "available_bytes")


@dataclass(frozen=True)
class Pools:
    """The pools of one libvirt and of the Cell's volume groups."""

    usage: LibvirtUsage

    @property
    def libvirt(self) -> LibvirtPools:
        """Those that are directories."""
        return LibvirtPools(self.usage.ask())

    def names(self) -> List[str]:
        """Return the names of all pools."""
        return sorted({*self.libvirt.names(), *lvm_pools.all_pools()})

    def read(self, name: str) -> CurrentPool | None:
        """Return the pool, None when there is none."""
        found = self.libvirt.read(name)
        if found is not None:
            return found
        pool = lvm_pools.all_pools().get(name)
        return pool.current() if pool else None

    def place(self, name: str) -> Place:
        """Return where the pool's volumes lie; it must be there and active."""
        found = self.libvirt.read(name)
        if found is not None:
            if not found.is_active:
                raise PoolUnusableError(name, "it is not active; start it with storage_pool")
            return DirectoryPlace(Path(str(found.settings["path"])))
        pool = lvm_pools.all_pools().get(name)
        if pool is None:
            raise PoolNotFoundError(name)
        thin = pool.thin.name if pool.thin else ""
        return LvmPlace(pool.group.name, thin, pool.group.extent_bytes)

    def place_or(self, directory: Path) -> Callable[[Optional[str]], Place]:
        """Return what gives the place of a pool's name, looked up once, and of None this directory.

        A pool does not move while one call works on its volumes.
        """
        known: Dict[Optional[str], Place] = {None: DirectoryPlace(directory)}

        def place_of(name: Optional[str]) -> Place:
            if name not in known:
                known[name] = self.place(str(name))
            return known[name]

        return place_of

    def directories(self) -> Tuple[Path, ...]:
        """Return the directories of the pools that are active."""
        found = (self.libvirt.read(name) for name in self.libvirt.names())
        return tuple(Path(str(each.settings["path"])) for each in found if each and each.is_active)

    def describe(self, name: str) -> Dict[str, Any] | None:
        """Return the pool as data, with its capacity; null where that cannot be known now."""
        mounted = self.libvirt.read(name)
        if mounted is not None:
            has = libvirt_pools.capacity(mounted.settings) if mounted.is_active else {}
            return _shown(name, mounted, has)
        pool = lvm_pools.all_pools().get(name)
        return _shown(name, pool.current(), pool.capacity()) if pool else None

    def reading(self) -> Reading:
        """Return the question for each pool."""

        def ask(item: Item) -> Mapping[str, Any]:
            found = self.describe(item["name"])
            if found is None:
                raise PoolNotFoundError(item["name"])
            return {"pool": found}

        return Reading(lambda item: str(item["name"]), ask)


def _shown(name: str, current: CurrentPool, has: Mapping[str, Any]) -> Dict[str, Any]:
    shown: Dict[str, Any] = {"name": name, "type": current.type, **current.settings}
    shown.update(active=current.is_active, autostart=current.autostart)
    return {**shown, **dict.fromkeys(_CAPACITY), **has}
