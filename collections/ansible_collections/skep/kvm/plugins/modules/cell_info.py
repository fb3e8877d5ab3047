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
  - Returns the host's size, and its domains, images and volumes.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
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

- name: Look at the Cell of libvirt's test driver
  skep.kvm.cell_info:
    uri: test:///default
"""

RETURN = r"""
cell:
  description: The host.
  returned: success
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
  returned: success
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
  returned: success
  type: list
  elements: str
volumes:
  description: The volumes.
  returned: success
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

from ansible_collections.skep.kvm.plugins.module_utils._cell import describe
from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor

ARGUMENT_SPEC = {
    "uri": {"type": "str", "default": "qemu:///system"},
    "image_directory": {"type": "path", "default": "/var/lib/skep/images"},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    images = Path(module.params["image_directory"])
    volumes = Path(module.params["volume_directory"])
    try:
        with Hypervisor.connect(module.params["uri"]) as host:
            found = describe(host, images, volumes)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
