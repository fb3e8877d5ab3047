#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Return the snapshots of domains on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_info
short_description: Return the snapshots of domains on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - Returns the tree of snapshots of each domain, parents before their children.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
  items:
    description: The domains. All domains of the Cell if not given.
    type: list
    elements: dict
    suboptions:
      uuid:
        description:
          - The uuid of the instance. One of O(items[].uuid) and O(items[].domain) is required.
        type: str
      domain:
        description: The name of the domain.
        type: str
"""

EXAMPLES = r"""
- name: See all snapshots of a Cell
  skep.kvm.snapshot_info:
  register: found

- name: See those of one domain
  skep.kvm.snapshot_info:
    items:
      - domain: web-1
"""

RETURN = r"""
results:
  description: One entry for each domain.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The uuid, or the name where only that was given.
      type: str
      returned: always
    ok:
      description: Whether the domain could be read.
      type: bool
      returned: always
    changed:
      description: Always false.
      type: bool
      returned: always
    code:
      description:
        - Why not, for programs. One of V(domain_not_found), V(invalid_item), V(libvirt_error).
      type: str
      returned: always
    msg:
      description: Why not, for people.
      type: str
      returned: always
    snapshots:
      description: The snapshots, parents before their children.
      type: list
      elements: dict
      returned: when the domain could be read
      contains:
        name:
          description: The name.
          type: str
          returned: always
        parent:
          description: The snapshot that it came from; null for a root.
          type: str
          returned: always
        current:
          description: Whether the domain was last made or reverted to it.
          type: bool
          returned: always
        memory:
          description: Whether it holds the memory of the guest.
          type: bool
          returned: always
        state:
          description: The state to revert to. One of V(running), V(paused), V(shutoff).
          type: str
          returned: always
        description:
          description: The text for people.
          type: str
          returned: always
        created_s:
          description: When it was made, in seconds since 1970.
          type: int
          returned: always
        disks:
          description: The devices that it holds.
          type: list
          elements: str
          returned: always
        external:
          description: Whether somebody made it with files of its own, outside of this collection.
          type: bool
          returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.reading import (
    all_domains,
    snapshot_lists,
)

ITEM = {"uuid": {"type": "str"}, "domain": {"type": "str"}}
ARGUMENT_SPEC = {
    "items": {
        "type": "list",
        "elements": "dict",
        "options": ITEM,
        "required_one_of": [("uuid", "domain")],
    },
    "uri": {"type": "str", "default": "qemu:///system"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        with Hypervisor.connect(module.params["uri"]) as host:
            items = module.params["items"]
            items = all_domains(host) if items is None else items
            results = ensure_all(snapshot_lists(host), items, check_mode=True)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "domain", results)


if __name__ == "__main__":
    main()
