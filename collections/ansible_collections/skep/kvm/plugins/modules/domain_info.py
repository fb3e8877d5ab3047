#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Return what libvirt has of domains."""

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_info
short_description: Return what libvirt has of domains
version_added: 0.2.0
author:
  - The Skep engineers (@skep-project)
description:
  - Returns each domain's state and its definition in the words of M(skep.kvm.domain), so that it
    can be changed there and given back.
  - What that module has no word for (disks on the network, host devices) is not told, and that
    module leaves it alone.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
  domains:
    description: Uuids or names. All domains of the Cell if not given.
    type: list
    elements: str
  volume_directory:
    description: Where volumes lie.
    type: path
    default: /var/lib/skep/volumes
  image_directory:
    description: Where media images lie.
    type: path
    default: /var/lib/skep/images
"""

EXAMPLES = r"""
- name: Look at all domains
  skep.kvm.domain_info:
  register: found

- name: Look at two
  skep.kvm.domain_info:
    domains:
      - web-1
      - 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22

- name: Look at the domain of libvirt's test driver
  skep.kvm.domain_info:
    uri: test:///default
    domains: [test]
"""

RETURN = r"""
domains:
  description: The domains, by name.
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
    is_migrating:
      description: Whether a migration holds it.
      type: bool
      returned: always
    is_instance:
      description: Whether M(skep.kvm.domain) defined it, or changed it since.
      type: bool
      returned: always
    definition:
      description: What its next start uses, as the options of an item of M(skep.kvm.domain).
      type: dict
      returned: always
    pending:
      description: Fields in which the running domain is not yet as defined.
      type: list
      elements: str
      returned: always
    graphics:
      description:
        - Where its screen listens now, as C(type), C(address) and C(port), or C(socket).
          Null where it has none or is off.
      type: dict
      returned: always
missing:
  description: Those of O(domains) that do not exist on this Cell.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._domain.description import look
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor

ARGUMENT_SPEC = {
    "domains": {"type": "list", "elements": "str"},
    "uri": {"type": "str", "default": "qemu:///system"},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
    "image_directory": {"type": "path", "default": "/var/lib/skep/images"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    directories = Directories(volumes=params["volume_directory"], images=params["image_directory"])
    try:
        with Hypervisor.connect(params["uri"]) as host:
            found = look(host, params["domains"], directories)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
