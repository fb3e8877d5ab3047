"""A cluster in a lab: Cells prepared by the project's own site.yml, and a Core beside them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.ground.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "lab"


class Cluster:
    """The Core's process, its files in `directory`, and `skep` as a user would call it.

    Args:
        lab: whose network the Core joins.
        directory: for the Core's state; kept by the caller.
        demo_image: a bootable qcow2 file.
    """

    def __init__(self, lab: Lab, directory: Path, demo_image: Path) -> None:
        self.lab = lab
        self.directory = directory
        self.demo_image = demo_image
        self.url = f"https://{lab.core_address}:5870"
        self.core: subprocess.Popen[Any] | None = None
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
            "SKEP_CORE_STATE_DIR": str(directory / "state"),
            "SKEP_CORE_RUN_DIR": str(directory / "run"),
            "SKEP_CORE_PROJECT_DIR": str(ROOT),
            "SKEP_CORE_DOMAIN": json.dumps({"name": DOMAIN}),
            "SKEP_CORE_CONFIG": str(directory / "none.toml"),
            "SKEP_URL": self.url,
            "SKEP_CA_FILE": str(directory / "state" / "tls" / "ca.pem"),
            "NO_COLOR": "1",
        }

    def prepare(self) -> None:
        """Make the Core's keys and database, and turn the lab's hosts into Cells."""
        token_file = self.directory / "token"
        self.core_command("init", "--token-file", str(token_file))
        self._environment["SKEP_TOKEN"] = token_file.read_text().strip()
        self.site()

    def site(self) -> str:
        """Run site.yml on the lab's hosts; returns what it printed."""
        key = (self.directory / "state" / "ssh" / "id_ed25519.pub").read_text().strip()
        variables = {"cell_core_public_key": key, "cell_domain_name": DOMAIN}
        return self.playbook("site.yml", variables, inventory=self.lab.inventory())

    def playbook(
        self,
        name: str,
        variables: dict[str, Any] | None = None,
        *arguments: str,
        inventory: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> str:
        """Run a playbook of the project from the lab's network, as a person would."""
        source = ["-i", str(inventory)] if inventory else []
        extra = ["-e", json.dumps(variables)] if variables else []
        done = self.lab.run(
            [
                _script("ansible-playbook"),
                *source,
                f"playbooks/{name}",
                *extra,
                *arguments,
            ],
            cwd=ROOT,
            env={**self._environment, **(environment or {})},
            check=False,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return str(done.stdout)

    def by_beacon(self, name: str, variables: dict[str, Any], *arguments: str) -> str:
        """Run a playbook with the inventory heard from beacons; no Core is asked."""
        return self.playbook(
            name,
            {**variables, **self._operator()},
            *arguments,
            inventory=ROOT / "inventory" / "cells.skep.yml",
            environment=self._beacon(),
        )

    def inventory_graph(self, source: str) -> str:
        """Return what `ansible-inventory --graph` shows from the Core or from beacons."""
        environment = {**self._beacon(), "SKEP_INVENTORY_SOURCE": source}
        done = self.lab.run(
            [_script("ansible-inventory"), "-i", "inventory/cells.skep.yml", "--graph"],
            env={**self._environment, **environment},
            cwd=ROOT,
        )
        return str(done.stdout)

    def core_command(self, *arguments: str) -> None:
        """Run skep-core to its end."""
        self.lab.run(
            [_script("skep-core"), *arguments],
            env=self._environment,
            cwd=self.directory,
        )

    def start_core(self) -> None:
        """Serve the API, and return once it answers."""
        with (self.directory / "core.log").open("a") as log:
            self.core = self.lab.popen(
                [_script("skep-core"), "serve"],
                env=self._environment,
                cwd=self.directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(lambda: self.skep("cell", "list", check=False).returncode == 0, "the API", 60)

    def kill_core(self) -> None:
        """SIGKILL for the Core and all it started, as when the machine's memory ends."""
        assert self.core is not None
        os.killpg(self.core.pid, signal.SIGKILL)
        self.core.wait()
        self.core = None

    def stop_core(self) -> None:
        """End the Core as an operator would."""
        if self.core is not None:
            self.core.terminate()
            self.core.wait(timeout=60)
            self.core = None

    def log(self) -> str:
        """Return the end of what the Core wrote."""
        return (self.directory / "core.log").read_text(errors="replace")[-6000:]

    def skep(
        self, *arguments: str, check: bool = True, token: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line, from the lab's network."""
        other = {} if token is None else {"SKEP_TOKEN": token}
        done = self.lab.run(
            [_script("skep"), *arguments],
            env={**self._environment, **other},
            cwd=self.directory,
            check=False,
            timeout=900,
        )
        if check:
            said = f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, f"{said}\n{self.log()}"
        return done

    def items(self, noun: str, *arguments: str) -> list[dict[str, Any]]:
        """Return what `skep NOUN list -o json` lists."""
        listed = json.loads(self.skep(noun, "list", *arguments, "-o", "json").stdout)
        return list(listed)

    def show(self, noun: str, name: str) -> dict[str, Any]:
        """Return one object."""
        return dict(json.loads(self.skep(noun, "show", name, "-o", "json").stdout))

    @property
    def is_full(self) -> bool:
        """Whether the Cells are virtual machines."""
        return self.lab.record.kind == "full"

    def accept(self, cells: Sequence[str]) -> None:
        """Accept Cells into the pool `default`, at the same time."""
        for cell in cells:
            self.skep("cell", "accept", cell, "--pool", "default", "--yes", "--no-wait")
        self.wait_for_cells("online", cells, 600)

    def upload_demo(self) -> None:
        """Upload the demo image as `demo`."""
        self.skep("image", "upload", str(self.demo_image), "--name", "demo")

    def names(self, noun: str) -> set[str]:
        """Return the names that `skep NOUN list` lists."""
        return {each["name"] for each in self.items(noun)}

    def states(self) -> dict[str, str]:
        """Return {instance: state}."""
        return {each["name"]: each["state"] for each in self.items("instance")}

    def outcomes(self, prefix: str) -> dict[str | None, set[tuple[str, str | None]]]:
        """Return {Cell: {(state, reason's code)}} of the instances with this prefix."""
        found: dict[str | None, set[tuple[str, str | None]]] = {}
        for each in self.items("instance"):
            if each["name"].startswith(prefix):
                code = each["reason"]["code"] if each["reason"] else None
                found.setdefault(each["cell"], set()).add((each["state"], code))
        return found

    def ticks(self, instance: str) -> list[int]:
        """Return what the guest's counter has said."""
        said = re.findall(r"^tick (\d+)", self.console(instance), re.MULTILINE)
        return [int(each) for each in said]

    def wait_for_guest(self, instance: str, timeout_s: float = 300) -> None:
        """Return when the guest has said that it is ready."""
        self.wait(
            lambda: "SKEP-GUEST-READY" in self.console(instance), f"{instance} ready", timeout_s
        )

    def virsh(self, cell: str, *arguments: str) -> str:
        """Return what virsh says on a Cell."""
        done = self.lab.cells[cell].ssh(["virsh", "-c", "qemu:///system", *arguments])
        return done.stdout

    def domain_xml(self, cell: str, uuid: str) -> str:
        """Return the live definition."""
        return self.virsh(cell, "dumpxml", uuid)

    def volumes(self, cell: str) -> str:
        """Return the names of the volume files on a Cell."""
        return self.lab.cells[cell].ssh(["ls", "/var/lib/skep/volumes"]).stdout

    def console(self, instance: str) -> str:
        """Return the instance's serial log, read on its Cell: cheaper to ask often than the API."""
        seen = self.show("instance", instance)
        path = f"/var/log/skep/serial/{seen['id']}.log"
        done = self.lab.cells[seen["cell"]].ssh(["cat", path], check=False, timeout_s=120)
        return done.stdout

    def domains(self, cell: str) -> dict[str, str]:
        """Return {uuid: state} as libvirt on the Cell says."""
        uuids = self.virsh(cell, "list", "--all", "--uuid").split()
        return {each: self.virsh(cell, "domstate", each).strip() for each in uuids}

    def wait(self, is_done: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
        """Return when the condition holds; fail with the Core's log when it never does."""
        deadline = time.monotonic() + timeout_s
        while not is_done():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not within {timeout_s} s\n{self.log()}")
            time.sleep(1 if self.is_full else 0.3)

    def wait_for_cells(self, state: str, names: Sequence[str], timeout_s: float = 60) -> None:
        """Return when these Cells are in this state."""

        def states() -> list[str]:
            return [each["state"] for each in self.items("cell") if each["name"] in names]

        self.wait(lambda: states() == [state] * len(names), f"{names} {state}", timeout_s)

    def _beacon(self) -> dict[str, str]:
        return {
            "SKEP_INVENTORY_SOURCE": "beacon",
            "SKEP_DOMAIN": DOMAIN,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        }

    def _operator(self) -> dict[str, str]:
        """Return how a person with root's key reaches the Cells, in place of the Core's way."""
        keys = Keys(self.lab.directory / "keys")
        pinned = f"-o UserKnownHostsFile={keys.known_hosts} -o StrictHostKeyChecking=yes"
        return {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(keys.operator),
            "ansible_ssh_common_args": f"-F none -o IdentitiesOnly=yes {pinned}",
            "ansible_control_path_dir": str(self.lab.directory / "cp"),
        }


def _script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


_SOCKETS = ("libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket", "libvirtd-tls.socket")


@contextmanager
def stopped_libvirt(cluster: Cluster, cell: str) -> Iterator[None]:
    """Stop libvirtd on one Cell for a while, by the means of that kind of Cell."""
    host = cluster.lab.cells[cell]
    if host.kind == "full":
        stop = ["systemctl", "stop", *_SOCKETS, "libvirtd.service"]
        start = ["systemctl", "start", *_SOCKETS, "libvirtd.service"]
    else:
        control = ["supervisorctl", "-c", "/etc/skep/supervisord.conf"]
        stop, start = [*control, "stop", "libvirtd"], [*control, "start", "libvirtd"]
    host.ssh(stop)
    try:
        yield
    finally:
        host.ssh(start)


@contextmanager
def full_disk(cluster: Cluster, cell: str) -> Iterator[None]:
    """Lay a file system without room over the volumes' directory of one Cell for a while."""
    host = cluster.lab.cells[cell]
    options = "size=64k,nr_inodes=32,mode=711"
    host.ssh(["mount", "-t", "tmpfs", "-o", options, "tmpfs", "/var/lib/skep/volumes"])
    try:
        yield
    finally:
        host.ssh(["umount", "/var/lib/skep/volumes"])
