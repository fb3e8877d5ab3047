#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Create, grow and delete volumes on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume
short_description: Create, grow and delete volumes on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A volume is a writable qcow2 file, either empty or an overlay of an image.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
  - In check mode, an image that is not on the Cell yet is no failure, since an earlier task may
    be about to place it.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
options:
  items:
    description: The volumes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The uuid of the instance, a dash, and V(vda) to V(vdz).
        type: str
        required: true
      state:
        description: Whether the volume is to be there.
        type: str
        choices: [present, absent]
        default: present
      size_bytes:
        description:
          - What the guest sees, rounded up to 512. The size of the image if not given.
          - A volume can grow while its domain is off. It never shrinks.
        type: int
      backing_image:
        description: Checksum of the image to lie on. An existing volume never changes its image.
        type: str
      in_use:
        description: What O(items[].state=absent) does while a domain has the volume.
        type: str
        choices: [fail, keep]
        default: fail
  directory:
    description: Where volumes lie.
    type: path
    default: /var/lib/skep/volumes
  image_directory:
    description: Where images lie.
    type: path
    default: /var/lib/skep/images
"""

EXAMPLES = r"""
- name: Create the disk of an instance as an overlay of an image, 10 GiB large
  skep.kvm.volume:
    items:
      - name: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vda
        backing_image: "{{ image_sha256 }}"
        size_bytes: 10737418240

- name: Delete volumes that no domain has
  skep.kvm.volume:
    items:
      - name: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vda
        state: absent
        in_use: keep
"""

RETURN = r"""
results:
  description: One entry for each item, in their order.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The volume's name.
      type: str
      returned: always
    ok:
      description: Whether the volume is as wanted.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    size_bytes:
      description: What the guest sees; null when there is no volume.
      type: int
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(image_not_placed), V(volume_shrink), V(volume_in_use),
          V(volume_backing_differs), V(volume_broken), V(invalid_item), V(disk_full),
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

import contextlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._items import ensure_all, finish
from ansible_collections.skep.kvm.plugins.module_utils._volume import VolumeStore

ITEM = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "size_bytes": {"type": "int"},
    "backing_image": {"type": "str"},
    "in_use": {"type": "str", "choices": ["fail", "keep"], "default": "fail"},
}
ARGUMENT_SPEC = {
    "items": {"type": "list", "elements": "dict", "required": True, "options": ITEM},
    "uri": {"type": "str", "default": "qemu:///system"},
    "directory": {"type": "path", "default": "/var/lib/skep/volumes"},
    "image_directory": {"type": "path", "default": "/var/lib/skep/images"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    try:
        with contextlib.ExitStack() as stack:
            users = {}
            # Only a removal asks who uses a volume.
            if any(each["state"] == "absent" for each in params["items"]):
                users = stack.enter_context(Hypervisor.connect(params["uri"])).files_in_use()
            store = VolumeStore(
                Path(params["directory"]), Path(params["image_directory"]), lambda: users
            )
            results = ensure_all(store, params["items"], check_mode=module.check_mode)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "volume", results)


if __name__ == "__main__":
    main()
