#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Make, extend and give up storage pools of a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_pool
short_description: Make, extend and give up storage pools of a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A storage pool is where volumes lie that name it. It is a directory, an NFS export, an LVM
    volume group or a thin pool in one.
  - Directories and NFS exports are pools of libvirt, which mounts them, without set-user-id,
    devices and programs, and does so again at boot.
  - Volume groups and thin pools carry their name as a tag in LVM's own metadata.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
requirements:
  - nfs-common on the Cell for O(items[].type=nfs)
  - lvm2 on the Cell for O(items[].type=lvm), and thin-provisioning-tools for
    O(items[].type=lvm_thin)
options:
  items:
    description: The pools.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name. Up to 63 of C(a-z 0-9 _ . -), a letter or digit first.
        type: str
        required: true
      state:
        description:
          - V(present) makes the pool, or takes over what is there, and starts it.
          - V(absent) forgets it and unmounts it, and fails with code V(pool_in_use) while a domain
            has something in it. What lies in it stays, so that V(present) brings it back.
        type: str
        choices: [present, absent]
        default: present
      type:
        description: What it is. Required for O(items[].state=present).
        type: str
        choices: [dir, nfs, lvm, lvm_thin]
      path:
        description:
          - The directory, or where an NFS export is mounted. It is made where it is missing.
            Directories of the system are refused. C(/var/lib/skep/pools/NAME) if not given.
        type: str
      host:
        description: The NFS server. Required for O(items[].type=nfs).
        type: str
      export:
        description: The path that the server exports. Required for O(items[].type=nfs).
        type: str
      nfs_version:
        description: The version of NFS. If not given, server and Cell find the best.
        type: str
        choices: ["3", "4", "4.1", "4.2"]
      volume_group:
        description:
          - The volume group. Required for O(items[].type=lvm) and O(items[].type=lvm_thin).
        type: str
      thin_pool:
        description: The thin pool in it. O(items[].name) if not given.
        type: str
      devices:
        description:
          - Block devices that the group is to have. It is made of them, or extended by those it
            has not. A device that holds anything already is refused with code
            V(device_refused).
        type: list
        elements: str
      size_bytes:
        description:
          - Size of a thin pool, rounded up to extents. All that is free in the group if not given.
            It can grow and never shrinks.
        type: int
      autostart:
        description: Whether to start it at boot.
        type: bool
        default: true
      purge:
        description:
          - For O(items[].state=absent), whether to give up the directory, the mount point, the thin
            pool, or the group with its devices. Fails with code V(pool_not_empty) while anything
            lies in it. What an NFS server holds is never touched.
        type: bool
        default: false
"""

EXAMPLES = r"""
- name: Make a pool of a directory, and mount one from a server
  skep.kvm.storage_pool:
    items:
      - name: local
        type: dir
        path: /srv/skep/local
      - name: shared
        type: nfs
        host: nas.example.org
        export: /volumes/skep
        nfs_version: "4.2"

- name: Make a volume group of two disks, with a thin pool of 500 GiB in it
  skep.kvm.storage_pool:
    items:
      - name: fast
        type: lvm_thin
        volume_group: vg0
        devices:
          - /dev/disk/by-id/nvme-one
          - /dev/disk/by-id/nvme-two
        size_bytes: 536870912000

- name: Unmount a pool and forget it
  skep.kvm.storage_pool:
    items:
      - name: shared
        state: absent
"""

RETURN = r"""
results:
  description: One entry for each item, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The name.
      type: str
      returned: always
    ok:
      description: Whether the pool is as wanted.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    pool:
      description:
        - The pool as M(skep.kvm.storage_pool_info) returns it; null when there is none.
      type: dict
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(device_refused), V(pool_differs), V(pool_in_use),
          V(pool_not_empty), V(pool_unreachable), V(pool_unusable), V(invalid_item),
          V(libvirt_error), V(host_error), V(busy).
      type: str
      returned: always
    msg:
      description: Why not, for people.
      type: str
      returned: always
    diff:
      description: What changed, as C(before) and C(after).
      type: dict
      returned: always
"""

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._item_spec import ItemModule, ensure_each
from ansible_collections.skep.kvm.plugins.module_utils._items import finish
from ansible_collections.skep.kvm.plugins.module_utils._pool.pools import Pools
from ansible_collections.skep.kvm.plugins.module_utils._pool.resource import PoolStore
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage

ITEM = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "type": {"type": "str", "choices": ["dir", "nfs", "lvm", "lvm_thin"]},
    "path": {"type": "str"},
    "host": {"type": "str"},
    "export": {"type": "str"},
    "nfs_version": {"type": "str", "choices": ["3", "4", "4.1", "4.2"]},
    "volume_group": {"type": "str"},
    "thin_pool": {"type": "str"},
    "devices": {"type": "list", "elements": "str"},
    "size_bytes": {"type": "int"},
    "autostart": {"type": "bool", "default": True},
    "purge": {"type": "bool", "default": False},
}
ARGUMENT_SPEC = {
    "items": {"type": "list", "elements": "dict", "required": True, "options": ITEM},
    "uri": {"type": "str", "default": "qemu:///system"},
}


def main() -> None:
    """Run the module."""
    module = ItemModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        with LibvirtUsage(module.params["uri"]) as usage:
            usage.ask()
            store = PoolStore(Pools(usage), usage)
            # One after the other: two items may want one device.
            results = ensure_each(module, store, workers=1)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "pool", results)


if __name__ == "__main__":
    main()
