#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Write the seeds from which cloud-init sets up instances."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cloud_seed
short_description: Write the seeds from which cloud-init sets up instances
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A seed is an ISO image of the kind NoCloud, named after its instance. A guest that has it in a
    drive finds its name, keys and network there when it first boots.
  - The same data give the same bytes. An instance that runs sees a new seed when it is inserted
    again or at its next start.
  - User-data may hold secrets. They are in no result, no diff and no log, only as a checksum, and
    the file can be read by root alone until libvirt gives it to its domain.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
requirements:
  - xorriso on the Cell
options:
  items:
    description: The seeds.
    type: list
    elements: dict
    required: true
    suboptions:
      uuid:
        description: The uuid of the instance. It is the seed's instance-id too.
        type: str
        required: true
      state:
        description:
          - V(present) writes the seed unless it is there with the same content.
          - V(absent) removes it, and fails with code V(seed_in_use) while a domain has it.
        type: str
        choices: [present, absent]
        default: present
      hostname:
        description: The name that the guest gives itself.
        type: str
      user_data:
        description:
          - Text for cloud-init, with the first line by which it knows what it is, such as
            C(#cloud-config) or C(#!/bin/sh). At most 1 MiB. Nothing is done with it on the Cell
            but write it.
        type: str
      meta_data:
        description: More keys of the meta-data.
        type: dict
      network_config:
        description: The network in cloud-init's own form, version 1 or 2.
        type: dict
  directory:
    description: Where seeds lie.
    type: path
    default: /var/lib/skep/seeds
"""

EXAMPLES = r"""
- name: Give an instance its name, a user with a key, and an address
  skep.kvm.cloud_seed:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        hostname: web-1
        user_data: |
          #cloud-config
          users:
            - name: admin
              sudo: ALL=(ALL) NOPASSWD:ALL
              ssh_authorized_keys:
                - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample admin
        network_config:
          version: 2
          ethernets:
            enp1s0:
              addresses: [192.0.2.10/24]
              gateway4: 192.0.2.1

- name: Write user-data from a variable
  skep.kvm.cloud_seed:
    items:
      - uuid: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22
        user_data: "{{ '#cloud-config\n' ~ (web_cloud_config | to_json) }}"

- name: Remove a seed
  skep.kvm.cloud_seed:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
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
      description: The uuid of the instance.
      type: str
      returned: always
    ok:
      description: Whether the seed is as wanted.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    path:
      description: Where the seed lies; null when there is none.
      type: str
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(seed_in_use), V(invalid_item), V(disk_full),
          V(libvirt_error), V(libvirt_unavailable), V(host_error), V(busy).
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

from pathlib import Path

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._item_spec import ItemModule, ensure_each
from ansible_collections.skep.kvm.plugins.module_utils._items import finish
from ansible_collections.skep.kvm.plugins.module_utils._seed import SeedStore
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage

ITEM = {
    "uuid": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "hostname": {"type": "str"},
    "user_data": {"type": "str", "no_log": True},
    "meta_data": {"type": "dict"},
    "network_config": {"type": "dict"},
}
ARGUMENT_SPEC = {
    "items": {"type": "list", "elements": "dict", "required": True, "options": ITEM},
    "uri": {"type": "str", "default": "qemu:///system"},
    "directory": {"type": "path", "default": "/var/lib/skep/seeds"},
}


def main() -> None:
    """Run the module."""
    module = ItemModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    try:
        with LibvirtUsage(params["uri"]) as usage:
            # Only a removal must know who has a seed.
            if any(each["state"] == "absent" for each in params["items"]):
                usage.ask()
            store = SeedStore(Path(params["directory"]), usage)
            results = ensure_each(module, store)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "seed", results)


if __name__ == "__main__":
    main()
