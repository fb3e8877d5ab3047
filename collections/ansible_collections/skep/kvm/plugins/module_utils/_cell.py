# SPDX-License-Identifier: Apache-2.0
"""What is on a Cell: its size, abilities, domains, images and volumes. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils import _capabilities as parsed
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    HostError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import qcow2
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.links import read_links
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain

_EMULATED = "qemu"
_BLOCK = 512  # st_blocks counts these whatever the file system's block is


@dataclass
class Cell:
    """One Cell to look at; `warnings` says what could not be found out."""

    host: Hypervisor
    domain_type: str
    images: Path
    volumes: Path
    warnings: List[str] = field(default_factory=list)


def describe(cell: Cell, subset: List[str]) -> Dict[str, Any]:
    """Return what the Core compares with its store, or those parts of it."""
    return {part: _PARTS[part](cell) for part in sorted(set(subset))}


def _domains(cell: Cell) -> List[Dict[str, Any]]:
    found = (_domain(each) for each in cell.host.domains())
    return [each for each in found if each is not None]


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


def _volumes(cell: Cell) -> List[Dict[str, Any]]:
    found = (_volume(each) for each in sorted(cell.volumes.glob("*.qcow2")))
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


def _abilities(cell: Cell) -> Dict[str, Any]:
    host_xml = cell.host.capabilities()
    domain_type, usual = _of_domains(cell)
    links = _links(cell)
    machines = parsed.machines(host_xml, domain_type)
    # The firmware that there is for one machine need not be there for the other.
    q35 = cell.host.domain_capabilities(domain_type, "q35") if "q35" in machines else None
    return {
        "architecture": parsed.architecture(host_xml),
        "domain_type": domain_type,
        "cpu_models": parsed.cpu_models(usual) if usual else None,
        "firmwares": parsed.firmwares(filter(None, (usual, q35))) if usual else None,
        "machines": machines,
        "networks": None if links is None else parsed.networks(links),
        "vlans": None if links is None else parsed.vlans(links),
    }


def _of_domains(cell: Cell) -> Tuple[str, str | None]:
    """Ask for the wanted type of domain, then for emulation, which every host has."""
    for domain_type in (cell.domain_type, _EMULATED):
        found = cell.host.domain_capabilities(domain_type)
        if found is not None:
            return domain_type, found
    cell.warnings.append("CPU models and firmware are unknown: libvirt cannot say them here")
    return _EMULATED, None


def _links(cell: Cell) -> List[Dict[str, Any]] | None:
    try:
        return parsed.links(read_links())
    except (HostError, ValueError) as error:
        cell.warnings.append(f"networks and VLANs are unknown: {error}")
        return None


_PARTS: Mapping[str, Callable[[Cell], Any]] = {
    "cell": lambda cell: dict(cell.host.facts()),
    "capabilities": _abilities,
    "domains": _domains,
    "images": lambda cell: sorted(each.stem for each in cell.images.glob("*.qcow2")),
    "volumes": _volumes,
}
