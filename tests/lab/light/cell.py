"""A light Cell's life: its process, its port, its power."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.lab.cell import Cell
from tests.lab.ground.errors import LabError
from tests.lab.ground.processes import Identity
from tests.lab.light.files import own_files, write_layer

_INIT = Path(__file__).with_name("init.py")


class LightCell(Cell):
    """Network, mount, UTS, IPC and process namespaces over this host's own file system."""

    kind = "light"
    boot_timeout_s = 20

    def create(self) -> None:
        """Prepare the layer that makes this host's files into another host's."""
        layer = self.lab.layers / self.name
        for part in ("upper", "work", "root"):
            (layer / part).mkdir(parents=True)
        write_layer(layer / "upper", own_files(self))
        disk = self.directory / "disk"
        for part in ("skep", "home"):
            (disk / part).mkdir(parents=True)
        shutil.copytree("/var/lib/libvirt", disk / "libvirt", copy_function=_copy_nothing)
        _take_owners(Path("/var/lib/libvirt"), disk / "libvirt")
        ssh = disk / "home" / ".ssh"
        ssh.mkdir(mode=0o700)
        shutil.copy(self.keys.operator.with_suffix(".pub"), ssh / "authorized_keys")

    def boot(self) -> Identity:
        """Start PID 1, plug it in, and let it go on."""
        layer, disk = self.lab.layers / self.name, self.directory / "disk"
        argv = ["/usr/bin/python3", "-I", "-S", str(_INIT), self.name, str(layer), str(disk)]
        with (self.directory / "serial.log").open("ab") as log:
            starter = self.lab.processes.spawn(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                cwd="/",
            )
        assert starter.stdin is not None
        assert starter.stdout is not None
        with starter:
            said = starter.stdout.readline()
            init = Identity.of(int(said)) if said else None
            if init is None:
                raise LabError(f"{self.name}: no process:\n{self.serial_log()[-2000:]}")
            self.lab.network.add_veth(self.name, init.pid, self.address)
            starter.stdin.write("go\n")
        return init

    def reset(self) -> None:
        """Without a reset button of its own: power off and on."""
        self.kill()
        self.start()


def _copy_nothing(_source: str, target: str) -> str:
    """A Cell starts with libvirt's directories and without this host's files in them."""
    return target


def _take_owners(source: Path, target: Path) -> None:
    for directory in (target, *(path for path in target.rglob("*") if path.is_dir())):
        status = (source / directory.relative_to(target)).stat()
        shutil.chown(directory, status.st_uid, status.st_gid)
