"""The files in which a light Cell differs from the host that it runs on."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.ground.network import CORE_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cell import Cell

# What Skep or libvirt may have left on the host: a new Cell must not inherit it.
HIDDEN = (
    "etc/skep",
    "etc/sudoers.d/skep",
    "etc/pki/CA",
    "etc/pki/libvirt",
    "etc/libvirt/qemu",
    "opt/skep",
    "usr/lib/skep",
    "var/log/libvirt",
    "var/log/skep",
    "var/lib/supervisor",
)

SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
"""

# A namespace has no control groups, no security driver and no mount namespaces to give away, and
# the layered file system keeps no trusted attributes.
QEMU = """\
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
"""


@dataclass(frozen=True)
class File:
    """A file's content and mode; the path is relative to the root."""

    path: str
    content: str
    mode: int = 0o644


def own_files(cell: Cell) -> list[File]:
    """Everything that gives a Cell a name, an identity and an SSH server of its own."""
    key = cell.keys.host(cell.name)
    return [
        File("etc/hostname", f"{cell.name}\n"),
        File("etc/hosts", hosts(cell)),
        File("etc/machine-id", cell.uuid.replace("-", "") + "\n", 0o444),
        File("etc/ssh/sshd_config.d/lab.conf", SSHD),
        File("etc/ssh/ssh_host_ed25519_key", key.read_text(), 0o600),
        File("etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub").read_text()),
        File("etc/libvirt/qemu.conf", QEMU, 0o600),
        File("etc/libvirt/libvirtd.conf", f'host_uuid = "{cell.uuid}"\n'),
    ]


def hosts(cell: Cell) -> str:
    """The text of /etc/hosts on a Cell: itself, the Core and all Cells."""
    lines = [("127.0.0.1", "localhost"), (CORE_ADDRESS, "core")]
    lines += [(other.address, other.name) for other in cell.lab.cells]
    return "".join(f"{address} {name}\n" for address, name in lines)


def write_layer(upper: Path, files: list[File]) -> None:
    """Fill the upper layer of an overlay: own files, and whiteouts over what must not show."""
    for hidden in HIDDEN:
        path = upper / hidden
        _make_parents(upper, path)
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))
    for file in files:
        path = upper / file.path
        _make_parents(upper, path)
        path.write_text(file.content)
        path.chmod(file.mode)


def _make_parents(upper: Path, path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    for parent in path.relative_to(upper).parents:
        (upper / parent).chmod(0o755)
