#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

"""Place images on a Cell or remove them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Place images on a Cell or remove them
version_added: 0.1.0
author:
  - The Skep engineers (@skep-project)
description:
  - An image is a read-only file named after its SHA-256 checksum. Volumes are overlays of a disk
    image; a media image is inserted into a drive.
  - Every item is tried. The module fails when at least one item failed, and always returns the
    result of each.
  - An image that lies in place is trusted, since it was verified when it was placed.
    O(items[].verify) reads it again.
  - A disk image that names a backing file or a data file, holds snapshots, is encrypted or would
    show a guest more than 16 TiB is refused with code V(unsafe_image), and no program opens it.
extends_documentation_fragment:
  - skep.kvm.attributes
  - skep.kvm.libvirt
options:
  items:
    description: The images.
    type: list
    elements: dict
    required: true
    suboptions:
      sha256:
        description: Checksum of the file, and its name.
        type: str
        required: true
      state:
        description:
          - V(present) downloads the image unless it lies in place.
          - V(absent) removes it, and fails with code V(image_in_use) while volumes lie on it or a
            domain has it in a drive.
        type: str
        choices: [present, absent]
        default: present
      kind:
        description:
          - V(disk) is a qcow2 file that stands alone, placed as C(<sha256>.qcow2).
          - V(media) is an ISO image, placed as C(<sha256>.iso).
        type: str
        choices: [disk, media]
        default: disk
      verify:
        description:
          - Whether to read the whole file that lies in place. One with another content is
            downloaded again.
        type: bool
        default: false
      size_bytes:
        description: Size of the file. Required for O(items[].state=present).
        type: int
      url:
        description:
          - Where to download it. Required for O(items[].state=present).
          - V(https) only where O(token) is given.
        type: str
  directory:
    description: Where images lie.
    type: path
    default: /var/lib/skep/images
  volume_directory:
    description:
      - Where the volumes lie that may use an image, besides the pools of
        M(skep.kvm.storage_pool).
    type: path
    default: /var/lib/skep/volumes
  ca_pem:
    description: The certificates, in PEM form, that the server's one must come from.
    type: str
  token:
    description: Sent to the server as a bearer token.
    type: str
"""

EXAMPLES = r"""
- name: Place an image
  skep.kvm.image:
    items:
      - sha256: "{{ image_sha256 }}"
        size_bytes: 3997696
        url: https://10.0.0.1:5870/api/v1/images/debian-12/content
    ca_pem: "{{ lookup('ansible.builtin.file', 'ca.pem') }}"
    token: "{{ image_token }}"

- name: Place an ISO image, and make sure that it is still what it was
  skep.kvm.image:
    items:
      - sha256: "{{ iso_sha256 }}"
        size_bytes: 659554304
        url: https://10.0.0.1:5870/api/v1/images/debian-12-netinst/content
        kind: media
        verify: true
    ca_pem: "{{ lookup('ansible.builtin.file', 'ca.pem') }}"
    token: "{{ image_token }}"

- name: Remove an image that no volume uses
  skep.kvm.image:
    items:
      - sha256: "{{ image_sha256 }}"
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
      description: The checksum.
      type: str
      returned: always
    ok:
      description: Whether the image is as wanted.
      type: bool
      returned: always
    changed:
      description: Whether something was changed.
      type: bool
      returned: always
    path:
      description: Where the image lies; null when there is none.
      type: str
      returned: when the item could be read
    code:
      description:
        - Why not, for programs. One of V(download_failed), V(checksum_mismatch), V(unsafe_image),
          V(image_in_use), V(invalid_item), V(disk_full), V(libvirt_error), V(host_error),
          V(busy).
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
from ansible_collections.skep.kvm.plugins.module_utils._storage.image import ImageStore
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import LibvirtUsage

ITEM = {
    "sha256": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "kind": {"type": "str", "choices": ["disk", "media"], "default": "disk"},
    "verify": {"type": "bool", "default": False},
    "size_bytes": {"type": "int"},
    "url": {"type": "str"},
}
ARGUMENT_SPEC = {
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": ITEM,
        "required_if": [("state", "present", ("size_bytes", "url"))],
    },
    "uri": {"type": "str", "default": "qemu:///system"},
    "directory": {"type": "path", "default": "/var/lib/skep/images"},
    "volume_directory": {"type": "path", "default": "/var/lib/skep/volumes"},
    "ca_pem": {"type": "str"},
    "token": {"type": "str", "no_log": True},
}


def main() -> None:
    """Run the module."""
    module = ItemModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    volumes = Path(params["volume_directory"])
    try:
        with LibvirtUsage(params["uri"]) as usage:
            # Only a removal must know who uses an image.
            if any(each["state"] == "absent" for each in params["items"]):
                usage.ask()
            store = ImageStore(
                directory=Path(params["directory"]),
                volume_directories=lambda: (volumes, *Pools(usage).directories()),
                user_of=usage.of,
                ca_pem=params["ca_pem"],
                token=params["token"],
            )
            results = ensure_each(module, store)
    except CellError as error:
        module.fail_json(msg=str(error), code=error.code, results=[])
    finish(module, "image", results)


if __name__ == "__main__":
    main()
