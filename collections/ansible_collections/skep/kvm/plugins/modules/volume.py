#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Create, grow, convert, compact and delete volumes on a Cell."""

from __future__ import annotations

DOCUMENTATION = r"""
module: volume
short_description: Create, grow, convert, compact and delete volumes on a Cell
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - A volume is a writable disk. In a directory it is a qcow2 file, either empty or an overlay of an
    image, or a raw file. In a volume group it is a logical volume.
  - The format is known from the name of the file and never from its content, which a guest writes.
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
          - A volume can grow at any time; the guest of a running domain sees it at once. It never
            shrinks, since that would cut off the end of the guest's file system.
          - At most 16 TiB. In a volume group it is rounded up to whole extents.
        type: int
      backing_image:
        description:
          - Checksum of the image to lie on. An existing volume never changes its image.
          - A raw volume cannot lie on an image. It gets a copy of it when it is created.
        type: str
      format:
        description:
          - A new volume is V(qcow2), or V(raw) in a volume group, unless this says otherwise. An
            existing one is converted, which needs that no domain has it.
          - A volume converted to V(raw) no longer needs its image.
        type: str
        choices: [qcow2, raw]
      compact:
        description:
          - Whether to give unused room back to the Cell. Nothing is done if nothing was written
            since the last time. Needs that no domain runs on the volume.
        type: bool
        default: false
      pool:
        description: The pool of M(skep.kvm.storage_pool) to lie in, in place of O(directory).
        type: str
      in_use:
        description: What O(items[].state=absent) does while a domain has the volume.
        type: str
        choices: [fail, keep]
        default: fail
  directory:
    description: Where volumes lie that name no O(items[].pool).
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

- name: Grow the disk of a running instance, and give it a raw one in a volume group
  skep.kvm.volume:
    items:
      - name: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vda
        backing_image: "{{ image_sha256 }}"
        size_bytes: 21474836480
      - name: 1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11-vdb
        size_bytes: 107374182400
        pool: fast

- name: Convert a volume, and compact another
  skep.kvm.volume:
    items:
      - name: 3c1b6e0e-93f2-4b7c-8a7b-4f6f2f1f9c22-vda
        format: raw
      - name: 7e0c2d4a-5b8f-4a39-9f54-0c1d2e3f4a5b-vda
        backing_image: "{{ image_sha256 }}"
        compact: true

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
    format:
      description: V(qcow2) or V(raw); null when there is no volume.
      type: str
      returned: when the item could be read
    path:
      description: The file or device; null when there is no volume.
      type: str
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(image_not_placed), V(volume_shrink), V(volume_in_use),
          V(volume_backing_differs), V(volume_broken), V(volume_format), V(volume_has_snapshots),
          V(pool_not_found), V(pool_unusable), V(invalid_item), V(disk_full), V(libvirt_error),
          V(libvirt_unavailable), V(host_error), V(busy).
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
from ansible_collections.skep.kvm.plugins.module_utils._pool.pools import Pools
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage
from ansible_collections.skep.kvm.plugins.module_utils._storage.volumes import VolumeStore

ITEM = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "size_bytes": {"type": "int"},
    "backing_image": {"type": "str"},
    "format": {"type": "str", "choices": ["qcow2", "raw"]},
    "compact": {"type": "bool", "default": False},
    "pool": {"type": "str"},
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
    module = ItemModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    try:
        with LibvirtUsage(params["uri"]) as usage:
            # A removal must know who has the volume; all else asks when it has to.
            if any(each["state"] == "absent" for each in params["items"]):
                usage.ask()
            place_of = Pools(usage).place_or(Path(params["directory"]))
            store = VolumeStore(Path(params["image_directory"]), usage, place_of)
            results = ensure_each(module, store)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "volume", results)


if __name__ == "__main__":
    main()
