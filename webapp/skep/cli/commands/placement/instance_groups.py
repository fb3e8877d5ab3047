"""`skep group`: instances that belong on one Cell, or apart."""

import click

from skep.cli.completion import group_names
from skep.cli.config import connect
from skep.cli.options import AT_LEAST_ONE, output_option
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import note
from skep.domain.states import GroupPolicy

_name = click.argument("name", shell_complete=group_names)


@click.group()
def group() -> None:
    """Instance groups, kept together or apart: list, create, delete."""


@group.command("list")
@output_option
def list_(output: str) -> None:
    """List the instance groups."""
    with connect() as api:
        show_items(api.instance_groups.list(), output, _COLUMNS, _EMPTY)


@group.command()
@_name
@output_option
def show(name: str, output: str) -> None:
    """Show one instance group with the names of its members."""
    with connect() as api:
        show_item(api.instance_groups.get(name), output)


@group.command()
@click.argument("name")
@click.option(
    "--policy",
    type=click.Choice([each.value for each in GroupPolicy]),
    required=True,
    help="All on one Cell, or each on another; soft: as far as possible.",
)
@click.option("--max-per-cell", type=AT_LEAST_ONE, help="At most so many members on a Cell.")
@output_option
def create(name: str, output: str, policy: str, max_per_cell: int | None) -> None:
    """Create an instance group; `skep instance create --group` adds members."""
    with connect() as api:
        made = api.instance_groups.create(name, policy, max_per_cell)
        show_items([made], output, _COLUMNS)


@group.command()
@_name
def delete(name: str) -> None:
    """Delete an instance group that has no members."""
    with connect() as api:
        api.instance_groups.delete(name)
    note(f"group {name} deleted")


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("POLICY", lambda each: each.policy),
    ("MAX_PER_CELL", lambda each: each.max_per_cell),
    ("INSTANCES", lambda each: len(each.instances)),
    ("CREATED", lambda each: each.created_at),
]
_EMPTY = "no group yet; `skep group create NAME --policy anti-affinity` makes one"
