#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Return the end of a domain's serial log."""

from __future__ import annotations

DOCUMENTATION = r"""
module: serial_log_info
short_description: Return the end of a domain's serial log
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - The log is what the guest writes to its first serial line. It is kept across restarts.
  - A domain that never started has an empty log.
  - The content comes from the guest, so do not trust it.
extends_documentation_fragment:
  - skep.kvm.attributes.info
  - skep.kvm.libvirt
options:
  uuid:
    description: The uuid of the instance. Exactly one of O(uuid) and O(name) is needed.
    type: str
  name:
    description: The name of the domain.
    type: str
  max_bytes:
    description: How much of the end to return at most, up to 16 MiB.
    type: int
    default: 65536
  serial_log_directory:
    description: Where serial consoles are logged.
    type: path
    default: /var/log/skep/serial
"""

EXAMPLES = r"""
- name: Read the last 4 KiB of a serial log
  skep.kvm.serial_log_info:
    uuid: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11
    max_bytes: 4096
  register: serial_log

- name: The same by name
  skep.kvm.serial_log_info:
    name: web-1
"""

RETURN = r"""
uuid:
  description: The uuid.
  returned: success
  type: str
content:
  description: The end of the log.
  returned: success
  type: str
size_bytes:
  description: Size of the whole log.
  returned: success
  type: int
truncated:
  description: Whether there is more before RV(content).
  returned: success
  type: bool
code:
  description: Why the module failed. V(domain_not_found), V(invalid_item) or V(host_error).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    DomainNotFoundError,
    InvalidItemError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._serial_log import read_tail

MAX_BYTES = 16 << 20
ARGUMENT_SPEC = {
    "uri": {"type": "str", "default": "qemu:///system"},
    "uuid": {"type": "str"},
    "name": {"type": "str"},
    "max_bytes": {"type": "int", "default": 65536},
    "serial_log_directory": {"type": "path", "default": "/var/log/skep/serial"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_one_of=[("uuid", "name")],
        mutually_exclusive=[("uuid", "name")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        uuid = params["uuid"] or _uuid_of(params["uri"], params["name"])
        log = files.serial_log_path(params["serial_log_directory"], uuid)
        with files.translated(f"serial log {log}"):
            found = read_tail(log, _checked(params["max_bytes"]))
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(changed=False, uuid=uuid, **found)


def _checked(max_bytes: int) -> int:
    if not 0 <= max_bytes <= MAX_BYTES:
        raise InvalidItemError("max_bytes", max_bytes, f"0 to {MAX_BYTES}")
    return max_bytes


def _uuid_of(uri: str, name: str) -> str:
    with Hypervisor.connect(uri) as host:
        domain = host.find_by_name(name)
    if domain is None:
        raise DomainNotFoundError(name)
    return domain.uuid


if __name__ == "__main__":
    main()
