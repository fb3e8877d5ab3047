# SPDX-License-Identifier: Apache-2.0
"""What a Cell can do, out of what libvirt and `ip` say. Pure.

None stands for what nobody answered; it is not the same as an empty list.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any, Dict, Iterable, List, Mapping, Sequence

MAX_NAMES = 512
MAX_NETWORKS = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,62}")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
_MODES = ("host-model", "host-passthrough", "maximum")
# QEMU brings SeaBIOS for these; libvirt lists only firmware that has a descriptor file.
_WITH_BIOS = ("i686", "x86_64")
_LAST_VLAN = 4094


def architecture(host_xml: str) -> str | None:
    """Return the host's own architecture."""
    return _parse(host_xml).findtext("host/cpu/arch")


def machines(host_xml: str, domain_type: str) -> List[str]:
    """Return the machine types of the host's own architecture: families (`pc`) and versions."""
    tree = _parse(host_xml)
    own = tree.findtext("host/cpu/arch")
    found = set()
    for arch in tree.iterfind("guest/arch"):
        if arch.get("name") != own:
            continue
        # Some emulators list other machines for one type of domain than for the rest.
        of_type = arch.findall(f"domain[@type='{domain_type}']/machine")
        found.update(each.text for each in of_type or arch.findall("machine") if each.text)
    return _bounded(found, _NAME, MAX_NAMES)


def cpu_models(domain_xml: str) -> List[str]:
    """Return the CPU models that this host can give a guest, and the modes (`host-model`)."""
    cpu = _parse(domain_xml).find("cpu")
    if cpu is None:
        return []
    found = {each.text for each in cpu.iterfind("mode[@name='custom']/model[@usable='yes']")}
    for mode in cpu.iterfind("mode[@supported='yes']"):
        found.update({mode.get("name")} & set(_MODES))
    return _bounded(filter(None, found), _NAME, MAX_NAMES)


def firmwares(domain_xmls: Iterable[str]) -> List[str]:
    """Return `bios` and `uefi`, each if one of these machines can start with it."""
    found = set()
    for xml in domain_xmls:
        tree = _parse(xml)
        offered = {each.text for each in tree.iterfind("os/enum[@name='firmware']/value")}
        if "efi" in offered:
            found.add("uefi")
        if "bios" in offered or tree.findtext("arch") in _WITH_BIOS:
            found.add("bios")
    return sorted(found)


def networks(links: Sequence[Mapping[str, Any]]) -> List[str]:
    """Return the names of the bridges."""
    found = (str(each.get("ifname")) for each in links if _kind(each) == "bridge")
    return _bounded(found, _INTERFACE, MAX_NETWORKS)


def vlans(links: Sequence[Mapping[str, Any]]) -> List[int]:
    """Return the ids of the VLAN interfaces."""
    every = (each["linkinfo"].get("info_data") or {} for each in links if _kind(each) == "vlan")
    ids = {each.get("id") for each in every}
    return sorted(each for each in ids if isinstance(each, int) and 1 <= each <= _LAST_VLAN)


def links(text: str) -> List[Dict[str, Any]]:
    """Read what `ip -j -d link` prints; ValueError if it is something else."""
    found = json.loads(text or "[]")
    if not isinstance(found, list):
        raise ValueError("no list")  # noqa: TRY004 - one kind of error for whatever is printed
    return [each for each in found if isinstance(each, dict)]


def _kind(link: Mapping[str, Any]) -> object:
    info = link.get("linkinfo")
    return info.get("info_kind") if isinstance(info, dict) else None


def _bounded(names: Iterable[str], allowed: re.Pattern[str], most: int) -> List[str]:
    """Sort, and leave out what the Core would refuse to store."""
    return sorted({each for each in names if allowed.fullmatch(each)})[:most]


def _parse(xml: str) -> ET.Element:
    # libvirt wrote this text; expat caps entity expansion besides.
    return ET.fromstring(xml)  # noqa: S314
