"""Calls modules of the collection on one Cell of a lab, many of them in one process there.

Ansible's own way to a Cell takes a quarter of a minute under emulation; tests/integration and the
playbooks of other lab tests go it. Here the modules' own code runs, with Ansible's AnsibleModule.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.lab.cell import Cell

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "collections/ansible_collections/skep/kvm/plugins"
ARCHIVE = "/root/skep-modules.zip"
_NAMESPACES = [
    "ansible_collections/skep" + rest
    for rest in ("", "/kvm", "/kvm/plugins", "/kvm/plugins/modules", "/kvm/plugins/module_utils")
]
PROGRAM = f"""
import contextlib, importlib, io, json, sys
sys.path.insert(0, "{ARCHIVE}")
from ansible.module_utils import basic
for name, arguments, check in json.load(sys.stdin):
    module = importlib.import_module("ansible_collections.skep.kvm.plugins.modules." + name)
    given = {{**arguments, "_ansible_check_mode": check}}
    basic._ANSIBLE_ARGS = json.dumps({{"ANSIBLE_MODULE_ARGS": given}}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    answer = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(answer):
        module.main()
    print(answer.getvalue().strip())
"""


class Modules:
    """The modules on a Cell that has libvirt and nothing of ours yet."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        archive = base64.b64encode(_archive()).decode()
        cell.ssh(["sh", "-c", f"base64 -d > {ARCHIVE}"], stdin=archive, timeout_s=300)

    def tried(self, module: str, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Try the items one after the other, each in check mode first, and return the results.

        Both must foretell and find the same.
        """
        calls = [(module, {"items": [item]}, check) for item in items for check in (True, False)]
        results = [answer["results"][0] for answer in self._run(calls)]
        for foretold, found in zip(results[::2], results[1::2], strict=True):
            for key in ("ok", "changed", "diff"):
                assert foretold[key] == found[key], (foretold, found)
        return results[1::2]

    def call(self, module: str, *items: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Call one module once with these items and return their results."""
        return self.ask(module, items=list(items))

    def ask(self, module: str, **arguments: Any) -> list[dict[str, Any]]:
        """Call one module once with these arguments and return its results."""
        (answer,) = self._run([(module, arguments, False)])
        return list(answer["results"])

    def _run(self, calls: Sequence[tuple[str, dict[str, Any], bool]]) -> list[dict[str, Any]]:
        command = ["python3", "-c", PROGRAM]
        done = self._cell.ssh(command, stdin=json.dumps(calls), timeout_s=900)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(calls), done.stdout + done.stderr
        return answers


def _archive() -> bytes:
    """Ansible's module code and the collection's, as Ansible itself would send them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in _sources():
            archive.write(path, name)
        for package in ("ansible", "ansible_collections", *_NAMESPACES):
            archive.writestr(f"{package}/__init__.py", "")
    return content.getvalue()


def _sources() -> Iterator[tuple[str, Path]]:
    core, collections = Path(ansible.__file__).parent, ROOT / "collections"
    yield "ansible/release.py", core / "release.py"
    for path in (core / "module_utils").rglob("*.py"):
        yield f"ansible/{path.relative_to(core)}", path
    for folder in ("modules", "module_utils"):
        for path in (PLUGINS / folder).rglob("*.py"):
            yield str(path.relative_to(collections)), path
