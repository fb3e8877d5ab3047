"""The disk that all full Cells start from: Debian as a person would install it for a Cell.

Built once with mmdebstrap and mke2fs, without mounts of ours, and kept by its recipe's checksum.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import lzma
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.ground.errors import LabError, command

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE = Path("/var/cache/skep-lab")
FILES = Path(__file__).with_name("files")
SUITE = "bookworm"
DISK_GIB = 10
_XZ = b"\xfd7zXZ\x00"
BUILD_TIMEOUT_S = 1800
PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "libvirt-clients",
    "libvirt-daemon-driver-qemu",
    "libvirt-daemon-system",
    "linux-image-amd64",
    "lvm2",
    "nfs-common",
    "nfs-kernel-server",  # a Cell of the lab serves its own NFS pool
    "openssh-server",
    "ovmf",
    "procps",
    "python3",
    "python3-apt",
    "python3-cryptography",
    "python3-libvirt",
    "python3-netifaces",
    "qemu-system-x86",
    "qemu-utils",
    "sudo",
    "swtpm",
    "swtpm-tools",
    "systemd-sysv",
    "thin-provisioning-tools",
    "udev",
    "xorriso",
)


@dataclass(frozen=True)
class Image:
    """The files of one build; disk is only ever a backing file."""

    directory: Path

    @property
    def disk(self) -> Path:
        """A raw ext4 file system without partitions."""
        return self.directory / "disk.raw"

    @property
    def kernel(self) -> Path:
        """Its kernel, unpacked: under emulation that saves four seconds of every boot."""
        return self.directory / "vmlinux"

    @property
    def initrd(self) -> Path:
        """The initial RAM disk of that kernel."""
        return self.directory / "initrd.img"


def image() -> Image:
    """The image of today's recipe, built now when there is none."""
    sources = _sources()
    parts = [*(path.read_bytes() for path in sorted([*FILES.iterdir(), *sources]))]
    recipe = hashlib.sha256(repr((PACKAGES, SUITE, DISK_GIB, parts)).encode()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    made = Image(CACHE / f"full-{recipe}")
    with _only_one(CACHE / "lock"):
        if not made.directory.is_dir():
            _build(made.directory, sources)
    return made


def _build(target: Path, sources: list[Path]) -> None:
    with tempfile.TemporaryDirectory(prefix=".build-", dir=CACHE) as scratch:
        root, draft = Path(scratch) / "root", Image(Path(scratch) / "image")
        draft.directory.mkdir()
        command(_debootstrap(root, sources), timeout_s=BUILD_TIMEOUT_S)
        packed = next((root / "boot").glob("vmlinuz-*")).read_bytes()
        draft.kernel.write_bytes(_unpacked(packed))
        shutil.copy(root / "boot" / "initrd.lab", draft.initrd)
        make = ["mke2fs", "-q", "-t", "ext4", "-L", "cell", "-d", str(root), str(draft.disk)]
        command([*make, f"{DISK_GIB}G"], timeout_s=BUILD_TIMEOUT_S)
        draft.disk.chmod(0o444)
        draft.directory.rename(target)


def _debootstrap(root: Path, sources: list[Path]) -> list[str]:
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--aptopt=APT::Install-Recommends false",
        f"--include={','.join(PACKAGES)}",
        f'--customize-hook={FILES / "customize"} "$1"',
        SUITE,
        str(root),
        *map(str, sources),
    ]


def _unpacked(kernel: bytes) -> bytes:
    """The ELF file inside a bzImage (Linux' x86 boot protocol 2.08), or kernel when not in xz."""
    payload, length = struct.unpack_from("<II", kernel, 0x248)
    start = (kernel[0x1F1] + 1) * 512 + payload
    content = kernel[start : start + length]
    if not content.startswith(_XZ):
        return kernel
    return lzma.LZMADecompressor().decompress(content)


def _sources() -> list[Path]:
    """This host's own sources of Debian packages, so that a Cell comes from the same mirror."""
    wanted = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]
    found = [path for path in wanted if path.exists() and path.read_text().strip()]
    if shutil.which("mmdebstrap") is None or not found:
        raise LabError("full Cells need the package mmdebstrap and a host with Debian's sources")
    return found


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
