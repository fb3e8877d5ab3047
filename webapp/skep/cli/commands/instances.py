"""`skep instance`: what users own. Several names are one request and one run."""

import re
import sys
from typing import Any

import click

from skep.cli.commands.placement.preview import show_preview
from skep.cli.commands.placement.wanted import group_options
from skep.cli.completion import cell_names, instance_names, pool_names
from skep.cli.config import connect
from skep.cli.options import AT_LEAST_ONE, How, changing, output_option, yes_option
from skep.cli.output import Column, print_data, show_item, show_items
from skep.cli.text import inert, is_interactive, note
from skep.cli.waiting import conclude, conclude_creation
from skep.domain.states import InstanceState

_name = click.argument("name", shell_complete=instance_names)
_names = click.argument(
    "names", metavar="NAME...", nargs=-1, required=True, shell_complete=instance_names
)
# What a guest writes to colour its log: dropped on a terminal; everything else is escaped.
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@click.group()
def instance() -> None:
    """Instances: create, list, power, migrate, explain, delete."""


@instance.command()
@group_options
@click.option("--dry-run", is_flag=True, help="Show where they would go; make nothing.")
@changing
def create(group: dict[str, Any], pool: str, how: How, *, dry_run: bool) -> None:
    """Create an instance, or COUNT of them at once.

    Size and place follow the flavor, the options and the pool's policy.
    """
    from skep.client.placement.wanted import (  # noqa: PLC0415 - loads pydantic
        GroupRequest,
        NewInstances,
        PlacementRequest,
    )

    with connect() as api:
        if dry_run:
            asked = PlacementRequest(groups=[GroupRequest(**group)], pool=pool)
            show_preview(api.placements.preview(asked), how.output)
        else:
            conclude_creation(api, api.instances.create(NewInstances(**group, pool=pool)), how)


@instance.command("list")
@click.option("--pool", shell_complete=pool_names, help="Only those of this pool.")
@click.option("--cell", shell_complete=cell_names, help="Only those on this Cell.")
@click.option("--state", type=click.Choice([each.value for each in InstanceState]))
@output_option
def list_(output: str, **filters: str | None) -> None:
    """List the instances."""
    empty = _NO_MATCH if any(filters.values()) else _EMPTY
    with connect() as api:
        show_items(api.instances.list(limit=None, **filters), output, _COLUMNS, empty)


@instance.command()
@_name
@output_option
def show(name: str, output: str) -> None:
    """Show one instance."""
    with connect() as api:
        show_item(api.instances.get(name), output)


@instance.command()
@_names
@changing
def start(names: tuple[str, ...], how: How) -> None:
    """Start instances."""
    _change("start", names, how)


@instance.command()
@_names
@click.option("--force", is_flag=True, help="Cut the power instead of shutting down.")
@changing
def stop(names: tuple[str, ...], how: How, *, force: bool) -> None:
    """Shut instances down."""
    _change("stop", names, how, force=force)


@instance.command()
@_names
@changing
def reboot(names: tuple[str, ...], how: How) -> None:
    """Reboot instances."""
    _change("reboot", names, how)


@instance.command()
@_names
@yes_option
@changing
def delete(names: tuple[str, ...], how: How, *, yes: bool) -> None:
    """Delete instances and their disks. Asks before several, on a terminal."""
    if len(names) > 1 and not yes and is_interactive():
        listed = ", ".join(map(inert, names))
        click.confirm(f"Delete {len(names)} instances ({listed})?", abort=True, err=True)
    _change("delete", names, how)


@instance.command()
@_names
@click.option(
    "--to", "cell", shell_complete=cell_names, help="Default: where each of them fits best."
)
@changing
def migrate(names: tuple[str, ...], cell: str | None, how: How) -> None:
    """Live-migrate instances to another Cell of their pool."""
    _change("migrate", names, how, cell=cell)


@instance.command()
@_name
@click.option("--max-bytes", type=click.IntRange(1), default=65536, show_default=True)
def log(name: str, max_bytes: int) -> None:
    """Print the end of an instance's serial log; made harmless on a terminal only."""
    with connect() as api:
        text = api.instances.log(name, max_bytes)
    if not text:
        note(f"{name} has written nothing to its serial console")
    if sys.stdout.isatty():
        text = inert(_CONTROL_SEQUENCE.sub("", text.replace("\r\n", "\n")), keep="\n\t")
    click.echo(text, nl=False, color=True)


@instance.command()
@_name
@click.option("--limit", type=AT_LEAST_ONE, help="Tell of so many Cells; default: 200.")
@output_option
def explain(name: str, limit: int | None, output: str) -> None:
    """Tell why an instance is on its Cell: scores, and what refused the others."""
    with connect() as api:
        if output == "table":
            click.echo(inert(api.instances.explanation_text(name, limit), keep="\n"), nl=False)
            return
        found = api.instances.explanation(name, limit)
    if output == "name":
        for each in found.cells:
            click.echo(inert(each.cell))
    else:
        print_data(found.model_dump(mode="json"), output)


def _change(verb: str, names: tuple[str, ...], how: How, **extra: str | bool | None) -> None:
    """Ask for one change of all named instances and see it through."""
    with connect() as api:
        conclude(api, getattr(api.instances, verb)(dict.fromkeys(names), **extra), how)


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("STATE", lambda each: each.state),
    ("CELL", lambda each: each.cell),
    ("POOL", lambda each: each.pool),
    ("IMAGE", lambda each: each.image),
    ("FLAVOR", lambda each: each.flavor),
    ("CORES", lambda each: each.cores),
    ("MEMORY_MIB", lambda each: each.memory_mib),
    ("DISK_GIB", lambda each: each.disk_gib),
    ("REASON", lambda each: each.reason.msg if each.reason else None),
]
_EMPTY = "no instance yet; `skep instance create NAME --image IMAGE` makes one"
_NO_MATCH = "no instance matches; `skep instance list` shows all"
