"""A full Cell's life: a virtual machine under emulation, in which KVM works."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

from tests.lab.cell import Cell
from tests.lab.full.image import image
from tests.lab.full.seed import seed
from tests.lab.ground.errors import LabError, command
from tests.lab.ground.network import mac_address
from tests.lab.ground.processes import Identity

if TYPE_CHECKING:
    from pathlib import Path

MEMORY_MIB = 2048
CORES = 2
# What emulation can do and a Debian kernel, KVM and today's programs want: SVM with nested paging.
PROCESSOR = "qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt"
# No device that Debian would load a driver for and a Cell does not use: emulated time is dear.
MACHINE = "q35,i8042=off,sata=off,smbus=off,usb=off,vmport=off,graphics=off"
COMMAND_LINE = "console=ttyS0 quiet net.ifnames=0 panic=10 mitigations=off nokaslr audit=0"


class FullCell(Cell):
    """A machine of its own, with Debian's kernel, systemd and /dev/kvm."""

    kind = "full"
    boot_timeout_s = 300

    @property
    def qmp(self) -> Path:
        """The socket on which QEMU takes orders."""
        return self.directory / "qmp.sock"

    def create(self) -> None:
        """Make the Cell's own layer over the common disk, and its seed and port."""
        base = image()
        new = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base.disk)]
        command([*new, str(self.directory / "disk.qcow2")])
        (self.directory / "seed.tar").write_bytes(seed(self))
        self.lab.network.add_tap(self.name)

    def boot(self) -> Identity:
        """Start QEMU; it is in the background by the time its own set-up is done."""
        inside = ["nsenter", f"--net={self.lab.network.path}", "--", *self._qemu()]
        command(self.lab.processes.joined(inside))
        process = Identity.of(int((self.directory / "qemu.pid").read_text()))
        if process is None:
            raise LabError(f"{self.name}: QEMU ended at once")
        return process

    def reset(self) -> None:
        """Press the reset button, and wait for SSH."""
        self.order("system_reset", "RESET")
        self.wait_for_ssh()

    def order(self, verb: str, event: str) -> None:
        """Give QEMU an order, and return when it tells of the event."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(30)
            line.connect(str(self.qmp))
            with line.makefile("rw") as stream:
                for order in ("qmp_capabilities", verb):
                    stream.write(json.dumps({"execute": order}) + "\n")
                    stream.flush()
                for answer in stream:
                    if json.loads(answer).get("event") == event:
                        return
        raise LabError(f"{self.name}: QEMU hung up on {verb}")

    def _identity(self) -> str:
        """What systemd must know before it can read the seed."""
        machine = self.uuid.replace("-", "")
        return f"systemd.hostname={self.name} systemd.machine_id={machine}"

    def _qemu(self) -> list[str]:
        base, directory = image(), self.directory
        cell = {
            "-name": self.name,
            "-uuid": self.uuid,
            "-machine": MACHINE,
            "-accel": "tcg,thread=multi",
            "-cpu": PROCESSOR,
            "-m": f"{MEMORY_MIB}",
            "-smp": f"{CORES}",
            "-kernel": str(base.kernel),
            "-initrd": str(base.initrd),
            "-append": f"{COMMAND_LINE} {self._identity()}",
            "-fw_cfg": f"name=opt/skep-lab/seed,file={directory}/seed.tar",
            "-drive": f"file={directory}/disk.qcow2,format=qcow2,if=virtio",
            "-netdev": f"tap,id=net0,ifname={self.name},script=no,downscript=no",
            "-chardev": f"file,id=console,path={directory}/serial.log,append=on",
            "-serial": "chardev:console",
            "-qmp": f"unix:{self.qmp},server=on,wait=off",
            "-pidfile": f"{directory}/qemu.pid",
            "-display": "none",
        }
        words = [word for pair in cell.items() for word in pair]
        nic = f"virtio-net-pci,netdev=net0,mac={mac_address(self.address)}"
        devices = ["-device", nic, "-device", "virtio-rng-pci"]
        return ["qemu-system-x86_64", "-nodefaults", "-daemonize", *words, *devices]
