# SPDX-License-Identifier: Apache-2.0
"""What is on a Cell: its size, domains, images and volumes. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError
from ansible_collections.skep.kvm.plugins.module_utils._host import qcow2
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain

_BLOCK = 512  # st_blocks counts these whatever the file system's block is


def describe(host: Hypervisor, images: Path, volumes: Path) -> Dict[str, Any]:
    """Return everything that the Core compares with its store."""
    found = (_domain(each) for each in host.domains())
    return {
        "cell": dict(host.facts()),
        "domains": [each for each in found if each is not None],
        "images": sorted(each.stem for each in images.glob("*.qcow2")),
        "volumes": _volumes(volumes),
    }


def _domain(domain: LiveDomain) -> Dict[str, Any] | None:
    """None for a domain that vanished while we looked."""
    try:
        size = domain.size()
    except CellError:
        return None
    return {
        "uuid": domain.uuid,
        "name": domain.name,
        "state": domain.state(),
        "vcpus": size.vcpus,
        "memory_mib": size.memory_mib,
    }


def _volumes(directory: Path) -> List[Dict[str, Any]]:
    found = (_volume(each) for each in sorted(directory.glob("*.qcow2")))
    return [each for each in found if each is not None]


def _volume(path: Path) -> Dict[str, Any] | None:
    """Size None is a file that is no qcow2."""
    try:
        allocated = path.stat().st_blocks * _BLOCK
        header = qcow2.read_header(path)
    except FileNotFoundError:
        return None
    except CellError:
        header = None
    size = header.virtual_size_bytes if header else None
    return {"name": path.stem, "size_bytes": size, "allocated_bytes": allocated}
