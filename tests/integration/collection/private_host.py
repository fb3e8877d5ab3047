"""A Cell in namespaces of its own: private libvirtd, virtlogd, /run, /var/lib and /var/log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
INIT = Path(__file__).with_name("private_init.py")
START_S = 60


@dataclass(frozen=True)
class PlaybookResult:
    """What one ansible-playbook run came to: the modules' answers by task name."""

    returncode: int
    answers: Mapping[str, dict[str, Any]]
    output: str

    def only(self) -> dict[str, Any]:
        (answer,) = self.answers.values()
        return answer


def unsafe(value: Any) -> Any:
    """Mark strings as data, as the Core does."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, dict):
        return {key: unsafe(each) for key, each in value.items()}
    return [unsafe(each) for each in value] if isinstance(value, list) else value


def inventory(*groups: str, **variables: Any) -> dict[str, Any]:
    """The inventory of a run with one Cell, as the Core writes it."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    children = {group: {"hosts": {"cell1": {}}} for group in ("cells", *groups)}
    return {"all": {"hosts": {"cell1": {**host, **unsafe(variables)}}, "children": children}}


class PrivateHost:
    """Started by `start`, ended by `stop`; `near` is a host whose network it shares."""

    def __init__(self, root: Path, near: "PrivateHost | None" = None) -> None:
        self.root = root
        self._near = near
        self._outer: subprocess.Popen[bytes] | None = None
        self.pid = 0

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.root}/run/libvirt/libvirt-sock"

    @property
    def volumes(self) -> Path:
        return self.root / "lib/skep/volumes"

    @property
    def images(self) -> Path:
        return self.root / "lib/skep/images"

    def start(self) -> None:
        self.root.mkdir(parents=True)
        network = ["--net"] if self._near is None else []
        command = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", *network]
        if self._near is not None:
            command = ["nsenter", f"--net=/proc/{self._near.pid}/ns/net", *command]
        self._outer = subprocess.Popen([*command, "/usr/bin/python3", str(INIT), str(self.root)])
        self._wait_until_up()

    def stop(self) -> None:
        """Kill exactly what was started: with the namespace's first process all others go."""
        if self._outer is None:
            return
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self._outer.kill()
        self._outer.wait(30)

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--uts", "--"]
        return subprocess.run(
            [*enter, *command], text=True, capture_output=True, check=False, timeout=300, **options
        )

    def virsh(self, *arguments: str) -> str:
        done = self.run(["virsh", "-c", "qemu:///system", *arguments])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def call(self, module: str, *items: Mapping[str, Any]) -> dict[str, Any]:
        """Call one module of the collection once with these items and return its answer."""
        return self._calls(module, [(list(items), False)])[0]

    def ask(self, module: str, **arguments: Any) -> dict[str, Any]:
        """Call one module once with these arguments and return its answer."""
        task = {"name": "0", f"skep.kvm.{module}": arguments, "ignore_errors": True}
        return self._play_tasks([task], inventory())[0]

    def tried(self, module: str, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Try the items one after the other, each in check mode first, and return the results.

        Both must foretell and find the same.
        """
        wishes = [([item], check) for item in items for check in (True, False)]
        results = [answer["results"][0] for answer in self._calls(module, wishes)]
        for foretold, found in zip(results[::2], results[1::2], strict=True):
            for key in ("ok", "changed", "diff"):
                assert foretold[key] == found[key], (foretold, found)
        return results[1::2]

    def _calls(self, module: str, wishes: Sequence[tuple[list[Any], bool]]) -> list[dict[str, Any]]:
        tasks = [
            {
                "name": str(index),
                f"skep.kvm.{module}": {"items": f"{{{{ wishes[{index}] }}}}"},
                "check_mode": check,
                "ignore_errors": True,
            }
            for index, (_, check) in enumerate(wishes)
        ]
        return self._play_tasks(tasks, inventory(wishes=[items for items, _ in wishes]))

    def _play_tasks(
        self, tasks: Sequence[Mapping[str, Any]], hosts: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        playbook = self.root / "calls.yml"
        playbook.write_text(json.dumps([{"hosts": "cells", "gather_facts": False, "tasks": tasks}]))
        done = self.play(playbook, hosts)
        assert len(done.answers) == len(tasks), done.output
        return list(done.answers.values())

    def play(
        self, playbook: Path, hosts_and_groups: Mapping[str, Any], *options: str
    ) -> PlaybookResult:
        """Run a playbook inside this host."""
        hosts = self.root / "hosts.json"
        hosts.write_text(json.dumps(hosts_and_groups))
        script = Path(sys.executable).with_name("ansible-playbook")
        done = self.run(
            [str(script), "-i", str(hosts), *options, str(playbook)],
            cwd=REPOSITORY,
            env={
                "PATH": f"{script.parent}:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(self.root),
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callbacks"),
                "ANSIBLE_CALLBACKS_ENABLED": "answers",
                "SKEP_TEST_ANSWERS": str(self.root / "answers.json"),
                "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            },
        )
        answers = json.loads((self.root / "answers.json").read_text())
        return PlaybookResult(done.returncode, answers, done.stdout + done.stderr)

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.pid = self.pid or self._find_pid()
            if self.pid and self.run(["virsh", "-c", "qemu:///system", "version"]).returncode == 0:
                return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError((self.root / "daemons.log").read_text())

    def _find_pid(self) -> int:
        assert self._outer is not None
        outer = self._outer.pid
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return int(children[0]) if children else 0
