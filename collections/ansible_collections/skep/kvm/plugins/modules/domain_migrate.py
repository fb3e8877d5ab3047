#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Migrate domains from this Cell to another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_migrate
short_description: Migrate domains from this Cell to another
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - Runs on the source. Both libvirts are asked before and after. Nothing is removed from the
    source without proof that the target alone runs the domain. RV(results[].runs_on) says where
    it runs, whatever became of the migration.
  - One migration at a time, since two share the same line.
  - The image, and volumes of the same size, must be on the target already; see M(skep.kvm.volume).
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
options:
  items:
    description: The migrations.
    type: list
    elements: dict
    required: true
    suboptions:
      uuid:
        description: The uuid of the instance.
        type: str
        required: true
      target:
        description: Name of the target Cell, for messages.
        type: str
        required: true
      target_uri:
        description: The target's libvirt, as the source's libvirt reaches it.
        type: str
        required: true
      target_address:
        description: The target's address for memory and disks. Its host name if not given.
        type: str
      copy_storage:
        description: Copy what the volumes hold beyond the image. V(false) for shared storage.
        type: bool
        default: true
      timeout_s:
        description: When to abort. The domain then goes on running on the source.
        type: int
        default: 300
      bandwidth_mib_s:
        description: Limit in MiB/s. V(0) is none.
        type: int
        default: 0
      downtime_ms:
        description:
          - How long the guest may stand still at the switch-over. V(0) is QEMU's own, 300 ms. The
            shorter, the longer the migration of a busy guest takes.
        type: int
        default: 0
      auto_converge:
        description: Slow the guest's CPUs down when it changes memory faster than it is copied.
        type: bool
        default: true
      post_copy:
        description:
          - Let the guest go on at the target once its memory was copied a first time, and fetch
            the rest as it is needed. This ends for every guest.
          - From then on the guest is lost when either Cell or the line fails, and
            O(items[].timeout_s) aborts nothing. So leave it V(false) for guests that matter more
            than the migration.
        type: bool
        default: false
      offline:
        description:
          - Move a domain that is off, too. Its definition moves; its disks do not, so it needs
            O(items[].copy_storage=false). UEFI variables and the state of a TPM stay behind.
        type: bool
        default: false
  remove_source_volumes:
    description:
      - Delete the source's volumes once the target runs the domain.
      - Only where O(items[].copy_storage) is set.
    type: bool
    default: true
  volume_directory:
    description: Where volumes lie, the same on both Cells.
    type: path
    default: /var/lib/skep/volumes
  serial_log_directory:
    description: Where serial consoles are logged, the same on both Cells.
    type: path
    default: /var/log/skep/serial
"""

EXAMPLES = r"""
- name: Move a domain to cell-2 while it runs
  skep.kvm.domain_migrate:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        target: cell-2
        target_uri: qemu+tls://cell-2/system
        target_address: 10.0.0.12
        bandwidth_mib_s: 100

- name: Move a large guest on shared storage, with a short standstill
  skep.kvm.domain_migrate:
    items:
      - uuid: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22
        target: cell-2
        target_uri: qemu+tls://cell-2/system
        copy_storage: false
        downtime_ms: 100
        timeout_s: 1800

- name: Move the definition of a domain that is off
  skep.kvm.domain_migrate:
    items:
      - uuid: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22
        target: cell-2
        target_uri: qemu+tls://cell-2/system
        copy_storage: false
        offline: true
"""

RETURN = r"""
results:
  description: One entry for each item, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The uuid.
      type: str
      returned: always
    ok:
      description:
        - Whether the target runs the domain, or has its definition where it is off, and the
          source is clean.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    runs_on:
      description: One of V(source), V(target), V(both), V(none), V(unknown).
      type: str
      returned: when the item is valid
    defined_on:
      description: Which side has the domain, running or off. Values as RV(results[].runs_on).
      type: str
      returned: when the item is valid
    code:
      description:
        - Why not, for programs. One of V(domain_not_found), V(invalid_state),
          V(migration_failed), V(migration_timeout), V(migration_unverified),
          V(libvirt_unavailable), V(libvirt_error), V(volume_in_use), V(invalid_item), V(busy).
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

from ansible_collections.skep.kvm.plugins.module_utils._domain.migration import Migrations
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish
from ansible_collections.skep.kvm.plugins.module_utils._items_module import ItemsModule

ITEM = {
    "uuid": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "target_uri": {"type": "str", "required": True},
    "target_address": {"type": "str"},
    "copy_storage": {"type": "bool", "default": True},
    "timeout_s": {"type": "int", "default": 300},
    "bandwidth_mib_s": {"type": "int", "default": 0},
    "downtime_ms": {"type": "int", "default": 0},
    "auto_converge": {"type": "bool", "default": True},
    "post_copy": {"type": "bool", "default": False},
    "offline": {"type": "bool", "default": False},
}
ARGUMENT_SPEC = {
    "items": {"type": "list", "elements": "dict", "required": True, "options": ITEM},
    "uri": {"type": "str", "default": "qemu:///system"},
    "remove_source_volumes": {"type": "bool", "default": True},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
    "serial_log_directory": {"type": "path", "default": "/var/log/skep/serial"},
}


def main() -> None:
    """Run the module."""
    module = ItemsModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    directories = Directories(params["volume_directory"], params["serial_log_directory"])
    try:
        with Hypervisor.connect(params["uri"]) as host:
            moves = Migrations(host, directories, params["remove_source_volumes"])
            results = ensure_all(moves, params["items"], check_mode=module.check_mode, workers=1)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "migration", module.with_rejected(results))


if __name__ == "__main__":
    main()
