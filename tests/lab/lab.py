"""The handle of a lab."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.lab.full.cell import FullCell
from tests.lab.ground import record as records
from tests.lab.ground.errors import LabError, checked
from tests.lab.ground.keys import Keys
from tests.lab.ground.network import CORE_ADDRESS, cell_address
from tests.lab.ground.processes import Identity
from tests.lab.light.cell import LightCell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from tests.lab.cell import Cell

_KINDS = {"light": LightCell, "full": FullCell}


class Lab:
    """A network of its own with Cells on it; `with` removes all of it at the end."""

    core_address = CORE_ADDRESS

    def __init__(self, record: records.Record) -> None:
        self.record = record
        self.id = record.id
        self.namespace = record.network.name
        self.directory = record.directory
        self.cells: dict[str, Cell] = {
            cell.name: _KINDS[record.kind](record, cell) for cell in record.cells
        }
        self._children: list[subprocess.Popen[Any]] = []

    @classmethod
    def up(
        cls, cells: int = 2, *, full: bool = False, name: str | None = None, keep: bool = False
    ) -> Self:
        """Raise a lab with cell1 ... cellN; it goes with this process unless it is to be kept."""
        records.remove_abandoned()
        lab = cls(_record(cells, "full" if full else "light", name, keep=keep))
        lab.record.claim()
        if not keep:
            atexit.register(lab._at_exit)
        try:
            lab._build()
        except BaseException:
            lab.down()
            raise
        return lab

    @classmethod
    def find(cls, name: str) -> Self:
        """The lab of that name that another process has raised."""
        return cls(records.load(name))

    def down(self) -> None:
        """Stop and remove all of it. May be repeated."""
        atexit.unregister(self._at_exit)
        self.record.remove()
        for child in self._children:
            child.wait()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def enter(self) -> AbstractContextManager[None]:
        """Move the calling thread into the lab's network; the Core is then at 10.99.0.1."""
        return self.record.network.enter()

    def run(
        self, argv: Sequence[str], *, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this host in the lab's network to its end; options of subprocess.run."""
        defaults = {"capture_output": True, "text": True, "timeout": 600}
        process = {**defaults, **options}
        done = subprocess.run(self.inside(argv), check=False, **process)
        return checked(done) if check else done

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a program of this host in the lab's network; its children too die with the lab."""
        child = subprocess.Popen(self.inside(argv), **options)
        self._children.append(child)
        return child

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program of this host as a part of the lab."""
        enter = ["nsenter", f"--net={self.record.network.path}", "--", *argv]
        return self.record.processes.joined(enter)

    def inventory(self) -> Path:
        """Write an Ansible inventory of the Cells, as root, with the host keys pinned."""
        keys = Keys(self.directory / "keys")
        hosts = {cell.name: {"ansible_host": cell.address} for cell in self.cells.values()}
        pinned = f"-o UserKnownHostsFile={keys.known_hosts} -o StrictHostKeyChecking=yes"
        variables = {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(keys.operator),
            "ansible_ssh_common_args": f"-F none -o IdentitiesOnly=yes {pinned}",
            # Every lab has the same addresses: a connection kept for one must not serve another.
            "ansible_control_path_dir": str(self.directory / "cp"),
        }
        path = self.directory / "inventory.yml"
        path.write_text(json.dumps({"cells": {"hosts": hosts, "vars": variables}}, indent=1))
        return path

    def status(self) -> dict[str, Any]:
        """What there is, for people and programs outside."""
        key = str(Keys(self.directory / "keys").operator)
        cells = [
            {
                "name": cell.name,
                "kind": cell.kind,
                "state": cell.state,
                "address": cell.address,
                "pid": cell.pid,
                "ssh_key": key,
                "serial_log": str(cell.directory / "serial.log"),
            }
            for cell in self.cells.values()
        ]
        return {"id": self.id, "namespace": self.namespace, "core": CORE_ADDRESS, "cells": cells}

    def _at_exit(self) -> None:
        """Remove the lab when its owner ends, and not when a fork of its owner does."""
        if self.record.owner == Identity.of(os.getpid()):
            self.down()

    def _build(self) -> None:
        record = self.record
        record.processes.create()
        record.network.create()
        Keys(self.directory / "keys").create(record.cells)
        if record.kind == "light":
            records.mount_layers(record.layers)
        for cell in self.cells.values():
            cell.directory.mkdir(parents=True)
            cell.create()
            cell.power_on()
        for cell in self.cells.values():
            cell.wait_for_ssh()


def _record(cells: int, kind: str, name: str | None, *, keep: bool) -> records.Record:
    if os.geteuid() != 0:
        raise LabError("a lab needs root: it makes namespaces and mounts")
    numbers = range(1, cells + 1)
    made = [records.CellRecord(f"cell{n}", cell_address(n), str(uuid.uuid4())) for n in numbers]
    return records.Record(
        id=name or secrets.token_hex(4),
        kind=kind,
        boot_id=records.boot_id(),
        owner=None if keep else Identity.of(os.getpid()),
        cells=tuple(made),
    )
