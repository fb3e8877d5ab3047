"""What all Cells of a lab can do, whatever they are made of."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.ground.errors import LabError, checked
from tests.lab.ground.keys import Keys
from tests.lab.ground.processes import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.ground.record import CellRecord, Record


class Cell(ABC):
    """One host of the lab. Its process is PID 1 of the namespaces, or the virtual machine."""

    kind: str
    boot_timeout_s: float

    def __init__(self, lab: Record, record: CellRecord) -> None:
        self.lab = lab
        self.name = record.name
        self.address = record.address
        self.uuid = record.uuid
        self.directory: Path = lab.directory / "cells" / record.name
        self.keys = Keys(lab.directory / "keys")

    @abstractmethod
    def create(self) -> None:
        """Make the Cell's disk; its directory exists and is empty."""

    @abstractmethod
    def boot(self) -> Identity:
        """Start the Cell's process and return it without waiting for SSH."""

    @abstractmethod
    def reset(self) -> None:
        """Press the reset button, and wait for SSH."""

    @property
    def process(self) -> Identity | None:
        """The Cell's process while it is on."""
        try:
            found = Identity(**json.loads((self.directory / "process.json").read_text()))
        except FileNotFoundError:
            return None
        return found if found.alive else None

    @property
    def pid(self) -> int | None:
        """Process id of the Cell on this host, while it is on."""
        return self.process.pid if self.process else None

    @property
    def state(self) -> str:
        """One of on, cut, off."""
        if self.process is None:
            return "off"
        return "cut" if self.lab.network.is_cut(self.name) else "on"

    def ssh(
        self,
        command: Sequence[str],
        *,
        stdin: str = "",
        timeout_s: float = 60,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the Cell as root; each argument arrives as it is."""
        argv = [*self.ssh_command(), "--", shlex.join(command)]
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        return checked(done) if check else done

    def ssh_command(self) -> list[str]:
        """The start of a command line that reaches the Cell from outside the lab's namespace."""
        enter = ["nsenter", f"--net={self.lab.network.path}"]
        return [*enter, "ssh", *self.keys.ssh_options(), f"root@{self.address}"]

    def cut(self) -> None:
        """Take the Cell off the network; it goes on running."""
        self.lab.network.cut(self.name)

    def heal(self) -> None:
        """Bring the Cell back on the network."""
        self.lab.network.heal(self.name)

    def kill(self) -> None:
        """Take the power away: all of the Cell dies at once, its disk stays."""
        process = self.process
        if process is not None:
            process.kill()

    def start(self) -> None:
        """Give it power, and wait for SSH."""
        self.power_on()
        self.wait_for_ssh()

    def power_on(self) -> None:
        """Give it power and return at once."""
        if self.process is not None:
            raise LabError(f"{self.name} is on already")
        text = json.dumps(vars(self.boot()))
        (self.directory / "process.json").write_text(text)

    def wait_for_ssh(self) -> None:
        """Return when the Cell's SSH server answers."""
        deadline = time.monotonic() + self.boot_timeout_s
        while not self._answers():
            said = self.serial_log()[-2000:]
            if self.process is None:
                raise LabError(f"{self.name} died while booting:\n{said}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: no SSH after {self.boot_timeout_s} s:\n{said}")
            time.sleep(0.05)

    def serial_log(self) -> str:
        """All that the Cell has said on its console since it was made."""
        file = self.directory / "serial.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _answers(self) -> bool:
        with self.lab.network.enter():
            try:
                with socket.create_connection((self.address, 22), timeout=2) as connection:
                    return connection.recv(4) == b"SSH-"
            except OSError:
                return False
