#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Return the storage pools of a Cell with their capacity."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_pool_info
short_description: Return the storage pools of a Cell with their capacity
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - Returns each pool that M(skep.kvm.storage_pool) has made, and those directories and NFS mounts
    that others have defined in libvirt.
  - An NFS server that does not answer delays this by seconds, not minutes. Its pool then has no
    capacity.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
  names:
    description: The names of the pools. All pools if not given.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: See how full all pools are
  skep.kvm.storage_pool_info:
  register: found

- name: See one of them
  skep.kvm.storage_pool_info:
    names:
      - fast
"""

RETURN = r"""
results:
  description: One entry for each pool.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The name.
      type: str
      returned: always
    ok:
      description: Whether there is such a pool.
      type: bool
      returned: always
    changed:
      description: Always false.
      type: bool
      returned: always
    code:
      description: Why not, for programs. One of V(pool_not_found), V(libvirt_error), V(host_error).
      type: str
      returned: always
    msg:
      description: Why not, for people.
      type: str
      returned: always
    pool:
      description: The pool.
      type: dict
      returned: when there is one
      contains:
        name:
          description: The name.
          type: str
          returned: always
        type:
          description: One of V(dir), V(nfs), V(lvm), V(lvm_thin).
          type: str
          returned: always
        active:
          description: Whether volumes can be used.
          type: bool
          returned: always
        autostart:
          description: Whether it is started at boot.
          type: bool
          returned: always
        path:
          description: The directory.
          type: str
          returned: for types dir and nfs
        host:
          description: The server.
          type: str
          returned: for type nfs
        export:
          description: What the server exports.
          type: str
          returned: for type nfs
        nfs_version:
          description: The version of NFS that was asked for.
          type: str
          returned: for type nfs
        volume_group:
          description: The volume group.
          type: str
          returned: for types lvm and lvm_thin
        thin_pool:
          description: The thin pool.
          type: str
          returned: for type lvm_thin
        capacity_bytes:
          description: Its size; null when that cannot be known now.
          type: int
          returned: always
        allocated_bytes:
          description: What is used of it.
          type: int
          returned: always
        available_bytes:
          description: What is free.
          type: int
          returned: always
        provisioned_bytes:
          description: The sizes of all thin volumes, which may be more than there is.
          type: int
          returned: for type lvm_thin
        metadata_percent:
          description: How full the metadata are. A thin pool stops at 100 whatever is free.
          type: float
          returned: for type lvm_thin
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish
from ansible_collections.skep.kvm.plugins.module_utils._pool.pools import Pools
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage

ARGUMENT_SPEC = {
    "names": {"type": "list", "elements": "str"},
    "uri": {"type": "str", "default": "qemu:///system"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    names = module.params["names"]
    try:
        with LibvirtUsage(module.params["uri"]) as usage:
            pools = Pools(usage)
            items = [{"name": each} for each in (pools.names() if names is None else names)]
            results = ensure_all(pools.reading(), items, check_mode=True)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "pool", results)


if __name__ == "__main__":
    main()
