"""`skep flavor`: named sizes."""

from typing import Any

import click

from skep.cli.commands.placement.wanted import needs_options
from skep.cli.completion import flavor_names
from skep.cli.config import connect
from skep.cli.options import AT_LEAST_ONE, changes_of, or_none, output_option
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import note

_name = click.argument("name", shell_complete=flavor_names)


@click.group()
def flavor() -> None:
    """Flavors, the named sizes of instances: list, create, change, delete."""


@flavor.command("list")
@output_option
def list_(output: str) -> None:
    """List the flavors."""
    with connect() as api:
        show_items(api.flavors.list(), output, _COLUMNS, _EMPTY)


@flavor.command()
@_name
@output_option
def show(name: str, output: str) -> None:
    """Show one flavor with what it needs of a Cell."""
    with connect() as api:
        show_item(api.flavors.get(name), output)


@flavor.command()
@click.argument("name")
@click.option("--cores", type=AT_LEAST_ONE, required=True)
@click.option("--memory-mib", type=AT_LEAST_ONE, required=True)
@click.option("--disk-gib", type=AT_LEAST_ONE, help="Default: the size of the image.")
@needs_options
@output_option
def create(name: str, output: str, **values: Any) -> None:  # noqa: ANN401 - handed on by name
    """Create a flavor: a size, and what it needs of a Cell."""
    given = {key: value for key, value in values.items() if value}
    with connect() as api:
        show_items([api.flavors.create(name, **given)], output, _COLUMNS)


@flavor.command("set")
@_name
@click.option("--cores", type=AT_LEAST_ONE)
@click.option("--memory-mib", type=AT_LEAST_ONE)
@click.option(
    "--disk-gib", type=or_none(AT_LEAST_ONE), metavar="N|none", help="none: the size of the image."
)
@click.option("--no-needs", is_flag=True, help="First forget all that it needs of a Cell.")
@needs_options
@output_option
def set_(
    name: str, output: str, needs: dict[str, Any], *, no_needs: bool, **sizes: int | str | None
) -> None:
    """Change a flavor. Instances made with it keep their size.

    A need that is given replaces the flavor's of the same kind; the others stay.
    """
    touched = {"needs": needs} if needs or no_needs else {}
    changes, seen = changes_of({**sizes, **touched}), None
    with connect() as api:
        if needs and not no_needs:
            found = api.flavors.get(name)
            changes["needs"], seen = {**found.needs, **needs}, found.generation
        show_items([api.flavors.update(name, seen, **changes)], output, _COLUMNS)


@flavor.command()
@_name
def delete(name: str) -> None:
    """Delete a flavor. Instances made with it stay."""
    with connect() as api:
        api.flavors.delete(name)
    note(f"flavor {name} deleted")


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("CORES", lambda each: each.cores),
    ("MEMORY_MIB", lambda each: each.memory_mib),
    ("DISK_GIB", lambda each: each.disk_gib or "image's"),
    ("NEEDS", lambda each: {key: value for key, value in each.needs.items() if value}),
]
_EMPTY = "no flavor; `skep flavor create NAME --cores N --memory-mib N` makes one"
