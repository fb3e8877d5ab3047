#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Return what is on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cell_info
short_description: Return what is on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - Returns the host's size and abilities, and its domains, images and volumes.
  - What the scheduler asks of a Cell (CPU models, firmware, machine types, networks, VLANs) is
    read from libvirt and from the host's network interfaces, now. What nobody answers is null and
    named in a warning; it is never guessed.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
  domain_type:
    description:
      - The type of domain whose CPU models and firmware are returned.
      - Where libvirt offers no V(kvm), those of V(qemu) are, and RV(capabilities.domain_type)
        says so. Whether guests start under KVM is known to the Cell's daemon, which starts one.
    type: str
    choices: [kvm, qemu]
    default: kvm
  gather_subset:
    description: What to return.
    type: list
    elements: str
    choices: [capabilities, cell, domains, images, volumes]
    default: [capabilities, cell, domains, images, volumes]
  image_directory:
    description: Where images lie.
    type: path
    default: /var/lib/skep/images
  volume_directory:
    description: Where volumes lie.
    type: path
    default: /var/lib/skep/volumes
"""

EXAMPLES = r"""
- name: Look at a Cell
  skep.kvm.cell_info:
  register: found

- name: Ask what a Cell can do
  skep.kvm.cell_info:
    gather_subset: [capabilities]

- name: Look at the Cell of libvirt's test driver
  skep.kvm.cell_info:
    uri: test:///default
"""

RETURN = r"""
capabilities:
  description: What the Cell can do for a guest.
  returned: success and O(gather_subset) contains V(capabilities)
  type: dict
  contains:
    architecture:
      description: The host's own architecture.
      type: str
      returned: always
    domain_type:
      description: The type of domain that CPU models and firmware are those of.
      type: str
      returned: always
    cpu_models:
      description:
        - The CPU models that this host can give to a guest with all their features.
        - V(host-model), V(host-passthrough) and V(maximum) too, where libvirt supports these
          modes. 512 at most.
      type: list
      elements: str
      returned: always; null if libvirt has no answer
    firmwares:
      description: V(bios) and V(uefi), each if a guest can start with it.
      type: list
      elements: str
      returned: always; null if libvirt has no answer
    machines:
      description: Machine types, families (V(pc), V(q35)) and versions. 512 at most.
      type: list
      elements: str
      returned: always
    networks:
      description: Bridges of the host. 256 at most.
      type: list
      elements: str
      returned: always; null if C(ip) has no answer
    vlans:
      description: Ids of the host's VLAN interfaces.
      type: list
      elements: int
      returned: always; null if C(ip) has no answer
cell:
  description: The host.
  returned: success and O(gather_subset) contains V(cell)
  type: dict
  contains:
    cpus:
      description: Logical CPUs.
      type: int
      returned: always
    memory_mib:
      description: Memory.
      type: int
      returned: always
    libvirt:
      description: Version of libvirt.
      type: str
      returned: always
    qemu:
      description: Version of QEMU.
      type: str
      returned: always
domains:
  description: The domains.
  returned: success and O(gather_subset) contains V(domains)
  type: list
  elements: dict
  contains:
    uuid:
      description: The uuid.
      type: str
      returned: always
    name:
      description: The name.
      type: str
      returned: always
    state:
      description: One of V(running), V(paused), V(shutoff).
      type: str
      returned: always
    vcpus:
      description: Virtual CPUs.
      type: int
      returned: always
    memory_mib:
      description: Memory.
      type: int
      returned: always
images:
  description: Checksums of the images.
  returned: success and O(gather_subset) contains V(images)
  type: list
  elements: str
volumes:
  description: The volumes.
  returned: success and O(gather_subset) contains V(volumes)
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      returned: always
    size_bytes:
      description: What the guest sees; null for a file that is no qcow2.
      type: int
      returned: always
    allocated_bytes:
      description: What the file takes on the Cell.
      type: int
      returned: always
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._cell import Cell, describe
from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor

PARTS = ["capabilities", "cell", "domains", "images", "volumes"]
ARGUMENT_SPEC = {
    "uri": {"type": "str", "default": "qemu:///system"},
    "domain_type": {"type": "str", "choices": ["kvm", "qemu"], "default": "kvm"},
    "gather_subset": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
    "image_directory": {"type": "path", "default": "/var/lib/skep/images"},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wanted = module.params
    images, volumes = Path(wanted["image_directory"]), Path(wanted["volume_directory"])
    try:
        with Hypervisor.connect(wanted["uri"]) as host:
            cell = Cell(host, wanted["domain_type"], images, volumes)
            found = describe(cell, wanted["gather_subset"])
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(changed=False, warnings=cell.warnings, **found)


if __name__ == "__main__":
    main()
