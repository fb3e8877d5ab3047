#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Define, start, stop and delete domains on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain
short_description: Define, start, stop and delete domains on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A domain is the libvirt object of an instance.
  - An item with O(items[].memory_mib) describes the whole domain. It is compared with libvirt's
    definition by meaning, so that what libvirt added by itself is no change. A change of a running
    domain is in force from its next start.
  - An item with only O(items[].uuid) or O(items[].name) and O(items[].state) is a power operation.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
  - In check mode, volumes that are not on the Cell yet are no failure, since an earlier task may
    be about to create them.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
attributes:
  idempotent:
    support: partial
    details: O(items[].state=restarted) restarts each time.
options:
  items:
    description: The domains.
    type: list
    elements: dict
    required: true
    suboptions:
      uuid:
        description: The uuid of the instance. A power operation may give O(items[].name) instead.
        type: str
      name:
        description: The name. Any printable text of 1 to 64 characters without V(/).
        type: str
      state:
        description:
          - V(present) defines the domain and leaves its power alone.
          - V(running) starts or resumes it.
          - V(shutoff) shuts it down by ACPI, or powers it off with O(items[].force).
          - V(restarted) shuts it down as V(shutoff) does, and starts it.
          - V(absent) powers it off and deletes it with its serial log. Its volumes stay.
        type: str
        choices: [present, running, shutoff, restarted, absent]
        default: running
      memory_mib:
        description: Memory.
        type: int
      vcpus:
        description: Virtual CPUs.
        type: int
      domain_type:
        description: V(qemu) emulates, for Cells where KVM is not usable.
        type: str
        choices: [kvm, qemu]
        default: kvm
      disks:
        description: All its disks.
        type: list
        elements: dict
        suboptions:
          volume:
            description: Name of the volume. Its last three letters are the device.
            type: str
            required: true
      nics:
        description: All its network cards.
        type: list
        elements: dict
        suboptions:
          bridge:
            description: A bridge of the Cell.
            type: str
            required: true
          mac:
            description: A unicast MAC address.
            type: str
            required: true
      force:
        description: Power off at once rather than shut down.
        type: bool
        default: false
      timeout_s:
        description: How long to wait for a shutdown before code V(shutdown_timeout).
        type: int
        default: 60
  volume_directory:
    description: Where volumes lie.
    type: path
    default: /var/lib/skep/volumes
  serial_log_directory:
    description: Where serial consoles are logged.
    type: path
    default: /var/log/skep/serial
"""

EXAMPLES = r"""
- name: Define a domain and start it
  skep.kvm.domain:
    items:
      - uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
        name: web-1
        state: running
        memory_mib: 512
        vcpus: 1
        domain_type: kvm
        disks:
          - volume: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vda
        nics:
          - bridge: br0
            mac: 52:54:00:12:34:56

- name: Shut one domain down, power another off
  skep.kvm.domain:
    items:
      - name: web-1
        state: shutoff
        timeout_s: 120
      - uuid: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22
        state: shutoff
        force: true

- name: Delete a domain
  skep.kvm.domain:
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
      description: The uuid, or the name where only that was given.
      type: str
      returned: always
    ok:
      description: Whether the domain is as wanted.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    state:
      description: The state at the end. One of V(running), V(paused), V(shutoff), V(absent).
      type: str
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(domain_not_found), V(name_in_use), V(volume_missing),
          V(shutdown_timeout), V(invalid_state), V(invalid_item), V(libvirt_error),
          V(host_error), V(busy).
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._domain.resource import Domains
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import Directories
from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish

STATES = ["present", "running", "shutoff", "restarted", "absent"]
DISK = {"volume": {"type": "str", "required": True}}
NIC = {"bridge": {"type": "str", "required": True}, "mac": {"type": "str", "required": True}}
ITEM = {
    "uuid": {"type": "str"},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": STATES, "default": "running"},
    "memory_mib": {"type": "int"},
    "vcpus": {"type": "int"},
    "domain_type": {"type": "str", "choices": ["kvm", "qemu"], "default": "kvm"},
    "disks": {"type": "list", "elements": "dict", "options": DISK},
    "nics": {"type": "list", "elements": "dict", "options": NIC},
    "force": {"type": "bool", "default": False},
    "timeout_s": {"type": "int", "default": 60},
}
ARGUMENT_SPEC = {
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ITEM,
        "required_one_of": [("uuid", "name")],
        "required_together": [("memory_mib", "vcpus")],
    },
    "uri": {"type": "str", "default": "qemu:///system"},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
    "serial_log_directory": {"type": "path", "default": "/var/log/skep/serial"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    directories = Directories(params["volume_directory"], params["serial_log_directory"])
    try:
        with Hypervisor.connect(params["uri"]) as host:
            domains = Domains(host, directories)
            results = ensure_all(domains, params["items"], check_mode=module.check_mode)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "domain", results)


if __name__ == "__main__":
    main()
