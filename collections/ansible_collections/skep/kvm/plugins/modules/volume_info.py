#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Return the volumes of a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume_info
short_description: Return the volumes of a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - Returns size, format, use and snapshots of volumes.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
  names:
    description: The names of the volumes. All volumes of the pool if not given.
    type: list
    elements: str
  pool:
    description: The pool of M(skep.kvm.storage_pool) to look into, in place of O(directory).
    type: str
  directory:
    description: Where volumes lie that are in no pool.
    type: path
    default: /var/lib/skep/volumes
"""

EXAMPLES = r"""
- name: See all volumes outside of pools
  skep.kvm.volume_info:
  register: found

- name: See one volume of a pool
  skep.kvm.volume_info:
    pool: fast
    names:
      - 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vdb
"""

RETURN = r"""
results:
  description: One entry for each volume.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The volume's name.
      type: str
      returned: always
    ok:
      description: Whether the volume could be read.
      type: bool
      returned: always
    changed:
      description: Always false.
      type: bool
      returned: always
    path:
      description: The file or device.
      type: str
      returned: when the volume could be read
    format:
      description: V(qcow2) or V(raw).
      type: str
      returned: when the volume could be read
    size_bytes:
      description: What the guest sees.
      type: int
      returned: when the volume could be read
    allocated_bytes:
      description: What it takes of the Cell, snapshots included.
      type: int
      returned: when the volume could be read
    backing:
      description: The image that it lies on; null for none.
      type: str
      returned: when the volume could be read
    snapshots:
      description: How many snapshots lie inside.
      type: int
      returned: when the volume could be read
    domain:
      description: The domain that has it; null for none.
      type: str
      returned: when the volume could be read
    in_use:
      description: Whether that domain runs on it now.
      type: bool
      returned: when the volume could be read
    code:
      description:
        - Why not, for programs. One of V(volume_not_found), V(volume_broken), V(invalid_item),
          V(libvirt_error), V(host_error).
      type: str
      returned: always
    msg:
      description: Why not, for people.
      type: str
      returned: always
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish
from ansible_collections.skep.kvm.plugins.module_utils._pool.pools import Pools
from ansible_collections.skep.kvm.plugins.module_utils._storage.reading import volume_facts
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage

ARGUMENT_SPEC = {
    "names": {"type": "list", "elements": "str"},
    "pool": {"type": "str"},
    "uri": {"type": "str", "default": "qemu:///system"},
    "directory": {"type": "path", "default": "/var/lib/skep/volumes"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    try:
        with LibvirtUsage(params["uri"]) as usage:
            place = Pools(usage).place_or(Path(params["directory"]))(params["pool"])
            names = place.names() if params["names"] is None else params["names"]
            items = [{"name": each} for each in names]
            results = ensure_all(volume_facts(place, usage), items, check_mode=True)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "volume", results)


if __name__ == "__main__":
    main()
