"""`skep placement`: where would instances go?"""

from typing import Any

import click

from skep.cli.commands.placement.preview import show_preview
from skep.cli.commands.placement.wanted import group_options
from skep.cli.completion import cell_names
from skep.cli.config import connect
from skep.cli.options import AT_LEAST_ONE, POLICIES, output_option, pair

_SHAPE = "NAME:CPUS:MEMORY_MIB:DISK_GIB[:COUNT]"


def _new_cell(text: str) -> dict[str, Any]:
    """Return a Cell that is imagined, as the API has it."""
    name, *numbers = text.split(":")
    if not name or len(numbers) not in {3, 4} or not all(map(_is_number, numbers)):
        raise click.BadParameter(f"{text!r} has to look like {_SHAPE}")
    sizes = zip(("cpus", "memory_mib", "disk_gib", "count"), map(int, numbers), strict=False)
    return {"name": name, **dict(sizes)}


@click.group()
def placement() -> None:
    """Placement: preview where instances would go."""


@placement.command()
@group_options
@click.option(
    "--without-cell",
    "remove_cells",
    multiple=True,
    shell_complete=cell_names,
    help="As if this Cell were lost; repeatable.",
)
@click.option(
    "--with-cell",
    "add_cells",
    type=_new_cell,
    metavar=_SHAPE,
    multiple=True,
    help="As if there were these Cells too; repeatable.",
)
@click.option("--policy", type=click.Choice(POLICIES), help="Default: the pool's.")
@click.option(
    "--multiplier",
    "multipliers",
    type=pair(click.FLOAT),
    metavar="WEIGHER=N",
    multiple=True,
    help="Let a weigher count so much; repeatable.",
)
@click.option("--explain", metavar="INSTANCE", help="Tell why this one goes where it goes.")
@click.option("--limit", type=AT_LEAST_ONE, default=50, show_default=True, help="Cells to tell of.")
@output_option
def preview(group: dict[str, Any], output: str, **asked: Any) -> None:  # noqa: ANN401 - handed on by name
    """Show where instances would go now, and why; make nothing.

    Leaves with 5 if they don't fit.
    """
    from skep.client.placement.wanted import PlacementRequest  # noqa: PLC0415 - loads pydantic

    asked["multipliers"] = dict(asked["multipliers"]) or None
    request = PlacementRequest.model_validate({"groups": [group], **asked})
    with connect() as api:
        show_preview(api.placements.preview(request), output)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
