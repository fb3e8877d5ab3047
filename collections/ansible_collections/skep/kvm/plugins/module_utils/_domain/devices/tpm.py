# SPDX-License-Identifier: Apache-2.0
"""The virtual TPM 2.0, emulated by swtpm. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add, remove_all


def write(devices: ET.Element, wanted: bool) -> None:  # noqa: FBT001  a field's value
    """Set or remove it."""
    if not wanted:
        remove_all(devices, "tpm")
    elif not read(devices):
        element = add(devices, "tpm", {"model": "tpm-crb"})
        add(element, "backend", {"type": "emulator", "version": "2.0"})


def read(devices: ET.Element) -> bool:
    """Whether there is one."""
    return devices.find("tpm") is not None
