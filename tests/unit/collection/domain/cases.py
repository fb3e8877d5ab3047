"""Items that together use every option of a definition and every choice of each."""

from typing import Any

from tests.unit.collection.filled import filled

from ansible_collections.skep.kvm.plugins.module_utils._domain import definition, spec
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.modules.domain import ARGUMENT_SPEC

UUID = "1f9dd1a2-6a3f-4a0e-9d0a-0f1c5b1f7a11"
DIRECTORIES = Directories(disk_prefixes=("/dev/skep", "/srv/disks"))
VDA = {"volume": f"{UUID}-vda"}
VDB = {"volume": f"{UUID}-vdb"}
NIC = {"bridge": "br0", "mac": "52:54:00:12:34:56"}
ISO = "ab" * 32
BASELINE = """
<cpu mode='custom' match='exact'>
  <model fallback='forbid'>Skylake-Client-IBRS</model>
  <vendor>Intel</vendor>
  <feature policy='require' name='ss'/>
  <feature policy='disable' name='hle'/>
</cpu>"""
HOSTILE = "a<name><devices>&xxe;]]> {{ lookup('pipe','id') }} \"' 例"

CASES: dict[str, dict[str, Any]] = {
    "kvm": {"disks": [VDA], "domain_type": "kvm"},
    "qemu": {"disks": [VDA], "rng": True},
    "no-disk": {"memory_mib": 64},
    "hostile-name": {"name": HOSTILE, "disks": [VDA]},
    "two-disks-two-nics": {
        "disks": [VDA, VDB],
        "nics": [NIC, {"bridge": "br1", "mac": "52:54:00:00:00:01"}],
    },
    "room-to-grow": {
        "memory_max_mib": 2048,
        "vcpus_max": 8,
        "topology": {"sockets": 1, "cores": 4, "threads": 2},
    },
    "cpu-named": {
        "cpu": {
            "model": "qemu64",
            "features": [
                {"name": "svm", "policy": "disable"},
                {"name": "aes", "policy": "require"},
                {"name": "pcid", "policy": "optional"},
                {"name": "x2apic", "policy": "force"},
                {"name": "vmx", "policy": "forbid"},
            ],
        }
    },
    "cpu-baseline": {"cpu": {"baseline": BASELINE}},
    "cpu-of-the-host": {"cpu": {"mode": "host-passthrough"}, "domain_type": "kvm"},
    "cpu-model-of-the-host": {"cpu": {"mode": "host-model"}},
    "cpu-custom": {"cpu": {"mode": "custom", "model": "Nehalem", "vendor": "Intel"}},
    "cpu-maximum": {"cpu": {"mode": "maximum"}},
    "cpu-time": {"cpu_shares": 512, "cpu_quota_percent": 50},
    "uefi": {"firmware": "uefi", "disks": [VDA]},
    "uefi-secure-tpm": {"firmware": "uefi_secure", "tpm": True, "disks": [VDA]},
    "bios-on-q35": {"firmware": "bios", "machine": "q35", "rng": False},
    "boot-kinds": {"boot": ["cdrom", "network", "disk"], "disks": [VDA], "nics": [NIC]},
    "boot-orders": {
        "disks": [VDA, {**VDB, "boot_order": 3}],
        "cdroms": [{"device": "sda", "boot_order": 1}],
        "nics": [{**NIC, "boot_order": 2}],
    },
    "disk-buses": {
        "disks": [
            {**VDA, "bus": "virtio"},
            {**VDB, "bus": "scsi"},
            {"volume": f"{UUID}-vdc", "bus": "sata"},
            {"volume": f"{UUID}-vdd", "bus": "ide"},
        ]
    },
    "disk-caches": {
        "disks": [
            {"path": f"/srv/disks/{cache}.img", "device": f"vd{letter}", "cache": cache}
            for letter, cache in zip(
                "abcdef",
                ("default", "none", "writeback", "writethrough", "directsync", "unsafe"),
                strict=True,
            )
        ]
    },
    "disk-block": {
        "disks": [
            {"path": "/dev/skep/data", "device": "vda", "cache": "none", "discard": "ignore"},
            {"path": "/srv/disks/a.raw", "device": "vdb", "format": "raw", "discard": "unmap"},
            {"volume": f"{UUID}-vdc", "format": "qcow2"},
        ]
    },
    "disk-limits": {
        "disks": [
            {**VDA, "iotune": {"read_mib_s": 10, "write_mib_s": 5, "total_iops": 300}},
            {**VDB, "iotune": {"total_mib_s": 7, "read_iops": 100, "write_iops": 50}},
        ]
    },
    "cd-drives": {
        "cdroms": [
            {"device": "hda", "bus": "ide", "image": ISO},
            {"device": "sda", "bus": "sata", "path": "/srv/disks/seed.iso"},
            {"device": "sdb", "bus": "scsi"},
        ]
    },
    "nic-models": {
        "nics": [
            {"bridge": "br0", "mac": f"52:54:00:00:00:{index:02x}", "model": model}
            for index, model in enumerate(("virtio", "e1000", "e1000e", "rtl8139"))
        ]
    },
    "nic-vlan": {
        "nics": [
            {**NIC, "vlan": 249, "backend": "openvswitch", "inbound_mib_s": 10},
            {"bridge": "b", "mac": "52:54:00:00:00:01", "backend": "linux", "outbound_mib_s": 3},
        ]
    },
    "screen-on-a-port": {"graphics": {"type": "vnc", "listen": "localhost", "video": "virtio"}},
    "screen-on-a-socket": {"graphics": {"listen": "socket", "video": "vga"}, "tablet": True},
    "screen-qxl": {"graphics": {"video": "qxl"}},
    "screen-cirrus": {"graphics": {"video": "cirrus"}},
    "no-screen": {"graphics": {"type": "none"}, "serial": "none"},
    "serial-plain": {"serial": "plain", "guest_agent": True},
    "serial-logged": {"serial": "logged", "autostart": True},
    "watchdog-reset": {"watchdog": "reset"},
    "watchdog-poweroff": {"watchdog": "poweroff"},
    "watchdog-shutdown": {"watchdog": "shutdown"},
    "watchdog-pause": {"watchdog": "pause"},
    "watchdog-nmi": {"watchdog": "inject-nmi"},
    "watchdog-none": {"watchdog": "none"},
    "labels": {"labels": {"team": "<storage> & Co.", "tier": "", "a/b.c": "例"}},
}


def item(case: str, **more: Any) -> dict[str, Any]:
    """The item of a case, as a person writes it."""
    plain = {"uuid": UUID, "name": "web-1", "memory_mib": 512, "vcpus": 2, "domain_type": "qemu"}
    return {**plain, **CASES[case], **more}


def parsed(wish: dict[str, Any]) -> spec.DomainSpec:
    return spec.parse(filled(ARGUMENT_SPEC, **wish), UUID, DIRECTORIES)


def created(case: str, **more: Any) -> definition.Definition:
    wanted = parsed(item(case, **more))
    return definition.create(wanted.given, wanted.serial_log)
