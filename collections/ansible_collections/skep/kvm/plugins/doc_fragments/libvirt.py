# SPDX-License-Identifier: Apache-2.0
"""How modules reach libvirt."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation fragment `skep.kvm.libvirt`."""

    DOCUMENTATION = r"""
options:
  uri:
    description:
      - The libvirt to work on, as seen from the Cell.
    type: str
    default: qemu:///system
requirements:
  - libvirt-python (C(python3-libvirt) of the distribution) on the Cell
notes:
  - When libvirt cannot be reached, the module fails with RV(ignore:code=libvirt_unavailable) and no
    results.
"""
