"""`skep pool`: groups of Cells that instances are placed in."""

from typing import Any

import click

from skep.cli.completion import pool_names
from skep.cli.config import connect
from skep.cli.options import (
    AT_LEAST_ONE,
    POLICIES,
    Command,
    changes_of,
    given_of,
    or_none,
    output_option,
    pair,
    replacement,
)
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import note

_name = click.argument("name", shell_complete=pool_names)
_overcommit = click.FloatRange(min=0, min_open=True)


_OPTIONS = [
    click.option(
        "--policy", type=click.Choice(POLICIES), help="What placement prefers; default: spread."
    ),
    click.option(
        "--multiplier",
        "multipliers",
        type=pair(click.FLOAT),
        metavar="WEIGHER=N",
        multiple=True,
        help="Let a weigher count so much; repeatable.",
    ),
    click.option(
        "--load-limit",
        type=or_none(_overcommit),
        metavar="N|none",
        help="No more instances above this load per CPU.",
    ),
    click.option(
        "--io-limit",
        type=or_none(AT_LEAST_ONE),
        metavar="N|none",
        help="Or with so many disk operations in flight.",
    ),
    click.option(
        "--max-instances",
        type=or_none(AT_LEAST_ONE),
        metavar="N|none",
        help="Or with so many instances on the Cell.",
    ),
    click.option("--cores-overcommit", type=_overcommit, help="Default of a new pool: 3."),
    click.option("--memory-overcommit", type=_overcommit, help="Default of a new pool: 1."),
    click.option("--disk-overcommit", type=_overcommit, help="Default of a new pool: 1."),
]


def _settings(command: Command) -> Command:
    """Add the settings of a pool."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def pool() -> None:
    """Pools of Cells: list, create, set policy and limits, delete."""


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
@_settings
@output_option
def create(name: str, output: str, **settings: Any) -> None:  # noqa: ANN401 - handed on by name
    """Create an empty pool. Overcommit is what may be promised per unit that the Cells have."""
    given = given_of(_as_told(settings))
    with connect() as api:
        show_items([api.pools.create(name, **given)], output, _COLUMNS)


@pool.command("set")
@_name
@click.option("--no-multipliers", is_flag=True, help="Let weighers count as the policy says.")
@_settings
@output_option
def set_(name: str, output: str, *, no_multipliers: bool, **settings: Any) -> None:  # noqa: ANN401 - as above
    """Change a pool's policy, limits and overcommit. What is placed stays where it is.

    Multipliers that are given take the place of all that were set before.
    """
    changes = changes_of(_as_told(settings, no_multipliers=no_multipliers))
    with connect() as api:
        show_items([api.pools.update(name, **changes)], output, _COLUMNS)


@pool.command()
@_name
def delete(name: str) -> None:
    """Delete a pool that has neither Cells nor instances."""
    with connect() as api:
        api.pools.delete(name)
    note(f"pool {name} deleted")


def _as_told(settings: dict[str, Any], *, no_multipliers: bool = False) -> dict[str, Any]:
    """Return the settings as the API has them, None where nothing was told."""
    pairs = replacement(settings["multipliers"], none=no_multipliers, option="multiplier")
    return {**settings, "multipliers": None if pairs is None else dict(pairs)}


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("CELLS", lambda each: each.cells),
    ("INSTANCES", lambda each: each.instances),
    ("POLICY", lambda each: each.policy),
    ("CORES_OVERCOMMIT", lambda each: each.cores_overcommit),
    ("MEMORY_OVERCOMMIT", lambda each: each.memory_overcommit),
    ("DISK_OVERCOMMIT", lambda each: each.disk_overcommit),
]
_EMPTY = "no pool; `skep pool create NAME` makes one"
