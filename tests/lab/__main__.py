"""Command line of the lab: raise it, look at it, break it, remove it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from tests.lab.ground.errors import LabError
from tests.lab.ground.record import remove_abandoned
from tests.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run one subcommand; 0 when it worked, 1 with a message when it did not."""
    options = _parser().parse_args(argv)
    try:
        _run(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.verb == "up":
        lab = Lab.up(options.cells, full=options.full, name=options.lab, keep=True)
        _show(lab.status(), as_json=False)
        return
    lab = Lab.find(options.lab)
    if options.verb == "status":
        _show(lab.status(), as_json=options.json)
    elif options.verb == "inventory":
        print(lab.inventory())
    elif options.verb == "run":
        words = lab.inside(_words(options.command))
        os.execvp(words[0], words)  # noqa: S606  argument list, no shell
    elif options.verb == "down":
        lab.down()
        remove_abandoned()
    elif options.cell not in lab.cells:
        raise LabError(f"no {options.cell} in lab {lab.id}; it has {', '.join(lab.cells)}")
    elif options.verb == "ssh":
        words = [*lab.cells[options.cell].ssh_command(), *_remote(options.command)]
        os.execvp(words[0], words)  # noqa: S606  argument list, no shell
    else:
        getattr(lab.cells[options.cell], options.verb)()


def _words(command: list[str]) -> list[str]:
    return command[1:] if command[:1] == ["--"] else command


def _remote(command: list[str]) -> list[str]:
    words = _words(command)
    return ["--", shlex.join(words)] if words else []


def _show(status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status, indent=1))
        return
    print(f"lab {status['id']}: namespace {status['namespace']}, Core at {status['core']}")
    for cell in status["cells"]:
        print("  {name:8} {kind:6} {state:4} {address:12} pid {pid}".format(**cell))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    name = os.environ.get("SKEP_LAB", "default")
    parser.add_argument("--lab", default=name, help="name of the lab (SKEP_LAB; default: default)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="raise a lab that stays until `down`")
    up.add_argument("cells", type=int, help="how many Cells: cell1 ... cellN")
    up.add_argument("--full", action="store_true", help="virtual machines instead of namespaces")
    verbs.add_parser("status", help="what there is").add_argument("--json", action="store_true")
    verbs.add_parser("inventory", help="write an Ansible inventory and print its path")
    ssh = verbs.add_parser("ssh", help="run a command on a Cell, or a shell")
    ssh.add_argument("cell")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    run = verbs.add_parser("run", help="run a program of this host in the lab's network")
    run.add_argument("command", nargs=argparse.REMAINDER)
    for verb, text in _VERBS.items():
        verbs.add_parser(verb, help=text).add_argument("cell")
    verbs.add_parser("down", help="stop and remove all of it")
    return parser


_VERBS = {
    "cut": "take a Cell off the network",
    "heal": "bring it back",
    "kill": "take its power away",
    "start": "give it power and wait for SSH",
    "reset": "press its reset button and wait for SSH",
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
