"""What this host has and how busy it is, from /proc and the file system."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_GIB = 2**30
_KIB_PER_MIB = 1024
_HOST_KEY = re.compile(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}")


@dataclass(frozen=True)
class Host:
    """Reads one host; the paths are arguments so that tests can bring their own."""

    data_dir: Path = Path("/var/lib/skep")
    proc: Path = Path("/proc")
    ssh_host_key_file: Path = Path("/etc/ssh/ssh_host_ed25519_key.pub")

    def capacity(self) -> dict[str, int]:
        """CPUs, memory and disk for volumes, whole units, rounded down."""
        memory = memory_mib((self.proc / "meminfo").read_text(encoding="ascii"))
        return {
            "cpus": os.cpu_count() or 1,
            "memory_mib": memory[0],
            "disk_gib": self._disk_bytes()[0] // _GIB,
        }

    def load(self, domains: int) -> dict[str, Any]:
        """How much of that is in use now, with the number of running domains."""
        memory = memory_mib((self.proc / "meminfo").read_text(encoding="ascii"))
        return {
            "load1": float((self.proc / "loadavg").read_text(encoding="ascii").split()[0]),
            "memory_used_mib": memory[0] - memory[1],
            "disk_used_gib": self._disk_bytes()[1] // _GIB,
            "domains": domains,
        }

    def ssh_host_key(self) -> str | None:
        """The Ed25519 host key to pin, without its comment."""
        try:
            text = self.ssh_host_key_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        match = _HOST_KEY.match(text)
        return match.group() if match else None

    def kernel(self) -> str:
        """Release of the running kernel."""
        return version_text(os.uname().release)

    def kernel_boot_id(self) -> str:
        """Changes with every boot of this host."""
        path = self.proc / "sys/kernel/random/boot_id"
        return path.read_text(encoding="ascii").strip()

    def _disk_bytes(self) -> tuple[int, int]:
        """Total and used bytes of the file system that holds volumes."""
        place = self.data_dir
        while not place.exists():
            place = place.parent
        disk = os.statvfs(place)
        total = disk.f_blocks * disk.f_frsize
        return total, total - disk.f_bavail * disk.f_frsize


def memory_mib(meminfo: str) -> tuple[int, int]:
    """Total and available memory from the text of /proc/meminfo, which counts KiB."""
    kib = dict(re.findall(r"^(MemTotal|MemAvailable): +([0-9]+) kB$", meminfo, re.MULTILINE))
    return int(kib["MemTotal"]) // _KIB_PER_MIB, int(kib["MemAvailable"]) // _KIB_PER_MIB


def version_text(text: str) -> str:
    """The text with only the characters that an announced version may have."""
    return re.sub(r"[^A-Za-z0-9.+~:_-]", "-", text)[:64] or "unknown"


def version_of(number: int) -> str:
    """The version behind a number of libvirt: 9000000 is 9.0.0."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
