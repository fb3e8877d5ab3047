"""What makes one of many equal disks into one Cell: a tar archive that its first boot unpacks."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from tests.lab.ground.files import File, identity_files
from tests.lab.ground.network import CORE_ADDRESS, PREFIX_LENGTH

if TYPE_CHECKING:
    from tests.lab.cell import Cell

NETWORK = """\
[Match]
Name=eth0

[Network]
Address={address}/{length}
Gateway={core}
LinkLocalAddressing=no
"""


def seed(cell: Cell) -> bytes:
    """The archive for a Cell."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in _files(cell):
            content = file.content.encode()
            member = tarfile.TarInfo(file.path)
            member.size, member.mode = len(content), file.mode
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _files(cell: Cell) -> list[File]:
    network = NETWORK.format(address=cell.address, length=PREFIX_LENGTH, core=CORE_ADDRESS)
    operator = cell.keys.operator.with_suffix(".pub").read_text()
    return [
        *identity_files(cell),
        File("etc/systemd/network/10-lab.network", network),
        File("root/.ssh/authorized_keys", operator, 0o600),
    ]
