"""The files in which a light Cell differs from the host that it runs on."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tests.lab.ground.files import File, identity_files

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

# A namespace has no control groups, no security driver and no mount namespaces to give away, and
# the layered file system keeps no trusted attributes.
QEMU = """\
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
"""


def own_files(cell: Cell) -> list[File]:
    """What makes the host's files those of a bare Cell."""
    return [
        *identity_files(cell),
        File("etc/libvirt/qemu.conf", QEMU, 0o600),
        File("etc/libvirt/libvirtd.conf", f'host_uuid = "{cell.uuid}"\n'),
    ]


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
