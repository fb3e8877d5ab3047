"""The files that give a Cell a name, an identity and an SSH server of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.ground.network import CORE_ADDRESS

if TYPE_CHECKING:
    from tests.lab.cell import Cell

SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
"""


@dataclass(frozen=True)
class File:
    """A file's content and mode; the path is relative to the root."""

    path: str
    content: str
    mode: int = 0o644


def identity_files(cell: Cell) -> list[File]:
    """Everything in which a Cell of any kind differs from the others of its lab."""
    key = cell.keys.host(cell.name)
    return [
        File("etc/hostname", f"{cell.name}\n"),
        File("etc/hosts", hosts(cell)),
        File("etc/machine-id", cell.uuid.replace("-", "") + "\n", 0o444),
        File("etc/ssh/sshd_config.d/lab.conf", SSHD),
        File("etc/ssh/ssh_host_ed25519_key", key.read_text(), 0o600),
        File("etc/ssh/ssh_host_ed25519_key.pub", key.with_suffix(".pub").read_text()),
    ]


def hosts(cell: Cell) -> str:
    """The text of /etc/hosts on a Cell: itself, the Core and all Cells."""
    lines = [("127.0.0.1", "localhost"), (CORE_ADDRESS, "core")]
    lines += [(other.address, other.name) for other in cell.lab.cells]
    return "".join(f"{address} {name}\n" for address, name in lines)
