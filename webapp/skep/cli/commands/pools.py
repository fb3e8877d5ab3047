"""`skep pool`: groups of Cells that instances are placed in."""

import click

from skep.cli.completion import pool_names
from skep.cli.config import connect
from skep.cli.options import output_option
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import note

_name = click.argument("name", shell_complete=pool_names)
_overcommit = click.FloatRange(min=0, min_open=True)


@click.group()
def pool() -> None:
    """Pools of Cells: list, create, delete."""


@pool.command("list")
@output_option
def list_(output: str) -> None:
    """List the pools."""
    with connect() as api:
        show_items(api.pools.list(), output, _COLUMNS, _EMPTY)


@pool.command()
@_name
@output_option
def show(name: str, output: str) -> None:
    """Show one pool."""
    with connect() as api:
        show_item(api.pools.get(name), output)


@pool.command()
@click.argument("name")
@click.option("--cores-overcommit", type=_overcommit, default=3.0, show_default=True)
@click.option("--memory-overcommit", type=_overcommit, default=1.0, show_default=True)
@click.option("--disk-overcommit", type=_overcommit, default=1.0, show_default=True)
@output_option
def create(name: str, output: str, **overcommit: float) -> None:
    """Create an empty pool. Overcommit is what may be promised per unit that the Cells have."""
    with connect() as api:
        show_items([api.pools.create(name, **overcommit)], output, _COLUMNS)


@pool.command()
@_name
def delete(name: str) -> None:
    """Delete a pool that has neither Cells nor instances."""
    with connect() as api:
        api.pools.delete(name)
    note(f"pool {name} deleted")


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("CELLS", lambda each: each.cells),
    ("INSTANCES", lambda each: each.instances),
    ("CORES_OVERCOMMIT", lambda each: each.cores_overcommit),
    ("MEMORY_OVERCOMMIT", lambda each: each.memory_overcommit),
    ("DISK_OVERCOMMIT", lambda each: each.disk_overcommit),
]
_EMPTY = "no pool; `skep pool create NAME` makes one"
