"""The command tree and its edge: every error leaves here as a message and an exit code."""

import importlib
import os
import sys
from typing import Any

import click

from skep import __version__

# Noun -> module and attribute; in the order of help.
_COMMANDS = {
    "cell": "skep.cli.commands.cells:cell",
    "image": "skep.cli.commands.images:image",
    "instance": "skep.cli.commands.instances:instance",
    "run": "skep.cli.commands.runs:run",
    "pool": "skep.cli.commands.pools:pool",
    "flavor": "skep.cli.commands.placement.flavors:flavor",
    "group": "skep.cli.commands.placement.instance_groups:group",
    "reservation": "skep.cli.commands.placement.reservations:reservation",
    "placement": "skep.cli.commands.placement.placements:placement",
    "capacity": "skep.cli.commands.placement.capacity:capacity",
    "doctor": "skep.cli.commands.doctor:doctor",
    "completion": "skep.cli.completion:completion",
}
_INTERRUPTED = 130


class _Root(click.Group):
    """Loads a noun's commands when they are asked for, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as inherited
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as inherited
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as inherited
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(_INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the edge; report() raises again what it does not know
            from skep.cli.report import report  # noqa: PLC0415 - loads the error classes

            ctx.exit(report(error))


@click.group(
    cls=_Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Set up: SKEP_URL, SKEP_TOKEN and SKEP_CA_FILE, or ~/.config/skep/config.toml.",
)
@click.version_option(__version__, prog_name="skep")
@click.option(
    "--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same."
)
@click.pass_context
def cli(ctx: click.Context, *, no_color: bool) -> None:
    """Run a rack of Linux hosts as one KVM cluster."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        ctx.color = False


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is escaped rather than fatal.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="skep")
