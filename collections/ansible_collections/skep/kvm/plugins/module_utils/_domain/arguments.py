# SPDX-License-Identifier: Apache-2.0
"""The argument spec of the module `domain`, as data. What an option means: its documentation."""

from __future__ import annotations

from typing import Any, Dict

Spec = Dict[str, Any]

STATES = ["present", "running", "shutoff", "restarted", "reset", "paused", "resumed", "absent"]


def _text(**more: Any) -> Spec:  # noqa: ANN401  an option's properties
    return {"type": "str", **more}


def _number(**more: Any) -> Spec:  # noqa: ANN401  as above
    return {"type": "int", **more}


def _list_of(options: Spec) -> Spec:
    return {"type": "list", "elements": "dict", "options": options}


def _group(options: Spec) -> Spec:
    return {"type": "dict", "options": options}


def _choice(*choices: str, **more: Any) -> Spec:  # noqa: ANN401  as above
    return {"type": "str", "choices": list(choices), **more}


_IOTUNE = {
    "read_mib_s": _number(),
    "write_mib_s": _number(),
    "total_mib_s": _number(),
    "read_iops": _number(),
    "write_iops": _number(),
    "total_iops": _number(),
}
_DISK = {
    "volume": _text(),
    "path": {"type": "path"},
    "device": _text(),
    "bus": _choice("virtio", "scsi", "sata", "ide", default="virtio"),
    "format": _choice("qcow2", "raw"),
    "cache": _choice(
        "default", "none", "writeback", "writethrough", "directsync", "unsafe", default="default"
    ),
    "discard": _choice("unmap", "ignore", default="unmap"),
    "boot_order": _number(default=0),
    "iotune": _group(_IOTUNE),
}
_CDROM = {
    "device": _text(required=True),
    "bus": _choice("sata", "ide", "scsi"),
    "image": _text(),
    "path": {"type": "path"},
    "boot_order": _number(default=0),
}
_NIC = {
    "bridge": _text(required=True),
    "mac": _text(required=True),
    "model": _choice("virtio", "e1000", "e1000e", "rtl8139", default="virtio"),
    "backend": _choice("linux", "openvswitch", default="linux"),
    "vlan": _number(),
    "inbound_mib_s": _number(default=0),
    "outbound_mib_s": _number(default=0),
    "boot_order": _number(default=0),
}
_TOPOLOGY = {name: _number(default=1) for name in ("sockets", "cores", "threads")}
_FEATURE = {
    "name": _text(required=True),
    "policy": _choice("require", "disable", "optional", "force", "forbid", default="require"),
}
_CPU = {
    "mode": _choice("host-model", "host-passthrough", "maximum", "custom"),
    "model": _text(),
    "vendor": _text(),
    "features": _list_of(_FEATURE),
    "baseline": _text(),
}
_GRAPHICS = {
    "type": _choice("none", "vnc", default="vnc"),
    "listen": _choice("localhost", "socket", default="localhost"),
    "video": _choice("vga", "virtio", "qxl", "cirrus", default="vga"),
}
DEFINITION: Spec = {
    "memory_mib": _number(),
    "memory_max_mib": _number(),
    "vcpus": _number(),
    "vcpus_max": _number(),
    "topology": _group(_TOPOLOGY),
    "cpu": _group(_CPU),
    "cpu_shares": _number(),
    "cpu_quota_percent": _number(),
    "domain_type": _choice("kvm", "qemu"),
    "machine": _text(),
    "firmware": _choice("bios", "uefi", "uefi_secure"),
    "boot": {"type": "list", "elements": "str", "choices": ["disk", "cdrom", "network"]},
    "disks": _list_of(_DISK),
    "cdroms": _list_of(_CDROM),
    "nics": _list_of(_NIC),
    "graphics": _group(_GRAPHICS),
    "serial": _choice("logged", "plain", "none"),
    "guest_agent": {"type": "bool"},
    "rng": {"type": "bool"},
    "watchdog": _choice("none", "reset", "poweroff", "shutdown", "pause", "inject-nmi"),
    "tablet": {"type": "bool"},
    "tpm": {"type": "bool"},
    "autostart": {"type": "bool"},
    "labels": {"type": "dict"},
}
ITEM: Spec = {
    "uuid": _text(),
    "name": _text(),
    "state": _choice(*STATES, default="running"),
    **DEFINITION,
    "force": {"type": "bool", "default": False},
    "timeout_s": _number(default=60),
    "on_timeout": _choice("fail", "force", default="fail"),
}
