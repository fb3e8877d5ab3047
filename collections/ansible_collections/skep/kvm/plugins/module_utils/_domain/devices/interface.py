# SPDX-License-Identifier: Apache-2.0
"""Network cards on bridges of the Cell. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain.devices.disk import check_boot_order
from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import add, attribute
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._errors import InvalidItemError

OWNED = frozenset(
    {"mac", "source", "model", "vlan", "virtualport", "bandwidth", "boot", "type", "bridge"}
    | {"order"}
)
_BRIDGE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
# Unicast: the second hexadecimal digit is even.
_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")
_VLAN_MAX = 4094
_KIB_PER_MIB = 1024
_OPEN_VSWITCH = "openvswitch"


@dataclass(frozen=True)
class Nic:
    """A network card; 0 is no VLAN tag, no limit and no place in the boot order."""

    bridge: str
    mac: str
    model: str = "virtio"
    backend: str = "linux"
    vlan: int = 0
    inbound_mib_s: int = 0
    outbound_mib_s: int = 0
    boot_order: int = 0


def parse(item: Mapping[str, Any], directories: Directories) -> Nic:  # noqa: ARG001  as its siblings
    """Return the checked card."""
    return Nic(
        bridge=_checked(_BRIDGE, "bridge", item["bridge"], "1 to 15 of A-Z a-z 0-9 _ . -"),
        mac=_checked(_MAC, "mac", item["mac"].lower(), "a unicast address: 52:54:00:12:34:56"),
        model=item["model"],
        backend=item["backend"],
        vlan=_vlan(item["vlan"]),
        inbound_mib_s=_speed("inbound_mib_s", item["inbound_mib_s"]),
        outbound_mib_s=_speed("outbound_mib_s", item["outbound_mib_s"]),
        boot_order=check_boot_order(item["boot_order"]),
    )


def key(nic: Nic) -> str:
    """What tells it from the domain's other cards."""
    return nic.mac


def render(nic: Nic) -> ET.Element:
    """Return the element."""
    element = ET.Element("interface", {"type": "bridge"})
    add(element, "mac", {"address": nic.mac})
    add(element, "source", {"bridge": nic.bridge})
    if nic.vlan:
        add(add(element, "vlan"), "tag", {"id": str(nic.vlan)})
    if nic.backend == _OPEN_VSWITCH:
        add(element, "virtualport", {"type": _OPEN_VSWITCH})
    add(element, "model", {"type": nic.model})
    limits = {"inbound": nic.inbound_mib_s, "outbound": nic.outbound_mib_s}
    if any(limits.values()):
        bandwidth = add(element, "bandwidth")
        for direction, speed in limits.items():
            if speed:
                add(bandwidth, direction, {"average": str(speed * _KIB_PER_MIB)})
    if nic.boot_order:
        add(element, "boot", {"order": str(nic.boot_order)})
    return element


def read(element: ET.Element) -> Nic | None:
    """Return the card; None for one that is on no bridge."""
    bridge = attribute(element, "source", "bridge")
    if element.get("type") != "bridge" or not bridge:
        return None
    is_ovs = attribute(element, "virtualport", "type") == _OPEN_VSWITCH
    return Nic(
        bridge=bridge,
        mac=attribute(element, "mac", "address").lower(),
        model=attribute(element, "model", "type", "rtl8139"),
        backend=_OPEN_VSWITCH if is_ovs else "linux",
        vlan=int(attribute(element, "vlan/tag", "id", "0")),
        inbound_mib_s=_read_speed(element, "inbound"),
        outbound_mib_s=_read_speed(element, "outbound"),
        boot_order=int(attribute(element, "boot", "order", "0")),
    )


def as_item(nic: Nic, directories: Directories) -> Dict[str, Any]:  # noqa: ARG001  as its siblings
    """Return it as the module's options."""
    return {**vars(nic), "vlan": nic.vlan or None}


def _checked(pattern: re.Pattern[str], field: str, value: str, rule: str) -> str:
    if pattern.fullmatch(value) is None:
        raise InvalidItemError(field, value, rule)
    return value


def _vlan(tag: int | None) -> int:
    if tag is None:
        return 0
    if not 1 <= tag <= _VLAN_MAX:
        raise InvalidItemError("vlan", tag, f"1 to {_VLAN_MAX}")
    return tag


def _speed(field: str, value: int) -> int:
    if value < 0:
        raise InvalidItemError(field, value, "0 or more; 0 is no limit")
    return value


def _read_speed(element: ET.Element, direction: str) -> int:
    return int(attribute(element, f"bandwidth/{direction}", "average", "0")) // _KIB_PER_MIB
