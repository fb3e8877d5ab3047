"""Calls modules of the collection on one Cell of a lab, over SSH, as a person with a key would."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.collection.private_host import unsafe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
CALLBACKS = ROOT / "tests/integration/collection/callbacks"


class Modules:
    """The modules on the Cell `cell` of a lab; `directory` is for the playbooks."""

    def __init__(self, lab: Lab, cell: str, directory: Path) -> None:
        self._lab = lab
        self._cell = cell
        self._directory = directory

    def tried(self, module: str, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Try the items one after the other, each in check mode first, and return the results.

        Both must foretell and find the same.
        """
        tasks = [(module, {"items": [item]}, check) for item in items for check in (True, False)]
        results = [answer["results"][0] for answer in self._play(tasks)]
        for foretold, found in zip(results[::2], results[1::2], strict=True):
            for key in ("ok", "changed", "diff"):
                assert foretold[key] == found[key], (foretold, found)
        return results[1::2]

    def call(self, module: str, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Call one module once with these items and return their results."""
        return list(self.ask(module, items=list(items)))

    def ask(self, module: str, **arguments: Any) -> list[dict[str, Any]]:
        """Call one module once with these arguments and return its results."""
        (answer,) = self._play([(module, arguments, False)])
        return list(answer["results"])

    def _play(self, calls: Sequence[tuple[str, dict[str, Any], bool]]) -> list[dict[str, Any]]:
        tasks = [
            {
                "name": str(index),
                f"skep.kvm.{module}": unsafe(arguments),
                "check_mode": check,
                "ignore_errors": True,
            }
            for index, (module, arguments, check) in enumerate(calls)
        ]
        playbook = self._directory / "calls.yml"
        play = {"hosts": self._cell, "gather_facts": False, "tasks": tasks}
        playbook.write_text(json.dumps([play]))
        answers = self._directory / "answers.json"
        answers.unlink(missing_ok=True)
        program = Path(sys.executable).with_name("ansible-playbook")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "answers",
            "SKEP_TEST_ANSWERS": str(answers),
        }
        done = self._lab.run(
            [str(program), "-i", str(self._lab.inventory()), str(playbook)],
            cwd=ROOT,
            env=environment,
            check=False,
            timeout=1800,
        )
        found = list(json.loads(answers.read_text()).values()) if answers.exists() else []
        assert len(found) == len(tasks), done.stdout + done.stderr
        return found
