#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Make, revert to and delete snapshots of domains on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Make, revert to and delete snapshots of domains on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A snapshot keeps all writable disks of a domain as they are at one moment, and with
    O(items[].memory) the memory of its guest too. The domain may be running, paused or off.
  - It lies inside the qcow2 files of the volumes, so that their paths never change. A disk that is
    raw or a block device is refused with code V(snapshot_unsupported).
  - Snapshots form a tree. A new one is the child of the one that the domain was last made or
    reverted to.
  - A snapshot of the disks of a running domain is what a power cut would leave. The guest goes on
    meanwhile. A snapshot with memory stops the guest while its memory is written.
  - A domain that has snapshots cannot be migrated, since libvirt refuses that.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
attributes:
  idempotent:
    support: partial
    details:
      - O(items[].state=reverted) reverts each time, since nobody knows what the guest has written
        since.
options:
  items:
    description: The snapshots. Items of one domain are taken in their order.
    type: list
    elements: dict
    required: true
    suboptions:
      uuid:
        description:
          - The uuid of the instance. One of O(items[].uuid) and O(items[].domain) is required.
        type: str
      domain:
        description: The name of the domain.
        type: str
      name:
        description:
          - The name of the snapshot. A letter, then up to 63 of C(A-Z a-z 0-9 . _ -). A name of
            digits alone would be taken for a number by QEMU.
        type: str
        required: true
      state:
        description:
          - V(present) makes the snapshot unless the domain has one of this name.
          - V(reverted) takes disks, definition and, if kept, memory back to it. What was written
            since and is in no snapshot is lost.
          - V(absent) merges it into what came after it. The guest keeps all it has, and running
            guests go on.
        type: str
        choices: [present, reverted, absent]
        default: present
      memory:
        description:
          - Whether to keep the memory of the guest too. If not given, a new snapshot is of the
            disks alone, and one that exists is accepted as it is.
          - Needs a domain that is running or paused.
        type: bool
      description:
        description: A text for people. A snapshot that exists gets it too.
        type: str
      start:
        description:
          - For O(items[].state=reverted), whether to start a domain that is off. A domain that
            runs is started anew after a revert to a snapshot without memory in any case.
        type: bool
        default: false
      children:
        description: For O(items[].state=absent), whether to delete all that came from it as well.
        type: bool
        default: false
"""

EXAMPLES = r"""
- name: Keep disks and memory of two guests before an upgrade
  skep.kvm.snapshot:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        name: before-upgrade
        memory: true
        description: Debian 12 with all updates
      - domain: web-2
        name: before-upgrade
        memory: true

- name: Go back, to the very instruction
  skep.kvm.snapshot:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        name: before-upgrade
        state: reverted

- name: Delete a snapshot and keep what the guest has written since
  skep.kvm.snapshot:
    items:
      - domain: web-2
        name: before-upgrade
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
      description: The uuid or name of the domain, a dash, and the name of the snapshot.
      type: str
      returned: always
    ok:
      description: Whether the snapshot is as wanted.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    state:
      description:
        - The domain's state at the end. One of V(running), V(paused), V(shutoff), V(absent).
      type: str
      returned: when the item could be read
    snapshot:
      description:
        - The snapshot as M(skep.kvm.snapshot_info) returns it; null when there is none.
      type: dict
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(domain_not_found), V(snapshot_not_found),
          V(snapshot_differs), V(snapshot_unsupported), V(invalid_state), V(invalid_item),
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
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._item_spec import ItemModule, ensure_each
from ansible_collections.skep.kvm.plugins.module_utils._items import finish
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.resource import (
    Snapshots,
    workers_for,
)

ITEM = {
    "uuid": {"type": "str"},
    "domain": {"type": "str"},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "reverted", "absent"], "default": "present"},
    "memory": {"type": "bool"},
    "description": {"type": "str"},
    "start": {"type": "bool", "default": False},
    "children": {"type": "bool", "default": False},
}
ARGUMENT_SPEC = {
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ITEM,
        "required_one_of": [("uuid", "domain")],
    },
    "uri": {"type": "str", "default": "qemu:///system"},
}


def main() -> None:
    """Run the module."""
    module = ItemModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    workers = workers_for(module.params["items"])
    try:
        with Hypervisor.connect(module.params["uri"]) as host:
            results = ensure_each(module, Snapshots(host), workers=workers)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "snapshot", results)


if __name__ == "__main__":
    main()
