"""`skep capacity`: how many more fit, now and after losing a Cell."""

from typing import TYPE_CHECKING

import click

from skep.cli.completion import flavor_names, pool_names
from skep.cli.config import connect
from skep.cli.options import AT_LEAST_ONE, output_option
from skep.cli.output import print_data, print_table
from skep.cli.text import inert, note

if TYPE_CHECKING:
    from skep.client.placement.capacities import Capacity, Room


@click.command()
@click.option("--pool", default="default", show_default=True, shell_complete=pool_names)
@click.option("--flavor", shell_complete=flavor_names, help="Only this size; default: each flavor.")
@click.option("--cores", type=AT_LEAST_ONE, help="Another size, together with --memory-mib.")
@click.option("--memory-mib", type=AT_LEAST_ONE)
@click.option("--disk-gib", type=AT_LEAST_ONE, help="Of a flavor without a disk; default: 1.")
@output_option
def capacity(pool: str, output: str, flavor: str | None, **size: int | None) -> None:
    """Tell how many more instances of each flavor fit.

    AFTER_LOSS is what fits after losing WORST_CELL, the Cell whose loss hurts most, with what runs
    on it running elsewhere. N+1 tells whether that fits elsewhere at all.
    """
    cores, memory_mib = size["cores"], size["memory_mib"]
    if (cores is None) != (memory_mib is None):
        raise click.UsageError("--cores and --memory-mib go together")
    if flavor is not None and cores is not None:
        raise click.UsageError("give --flavor, or --cores and --memory-mib")
    with connect() as api:
        found = api.capacities.of(pool, flavor=flavor, **size)
    if output == "table":
        _print_capacity(found)
    elif output == "name":
        for each in found.items:
            click.echo(inert(_size(each)))
    else:
        print_data(found.model_dump(mode="json"), output)


def _print_capacity(found: "Capacity") -> None:
    print_table(_TITLES, [_row(each) for each in found.items])
    if not found.items:
        note(_EMPTY)
    elif len(found.items) == 1:
        shares = [[each.cell, each.count] for each in found.items[0].cells]
        if shares:
            click.echo()
        print_table(["CELL", "NOW"], shares)
    at_risk = {each.worst_cell for each in found.items if not each.survives and each.worst_cell}
    for cell in sorted(at_risk):
        note(f"pool {found.pool} can't lose {cell}: what runs there fits nowhere else; add a Cell")


def _row(room: "Room") -> list[object]:
    return [
        *(_size(room), room.cores, room.memory_mib, room.disk_gib),
        *(room.now, room.after_loss, room.worst_cell, room.displaced, room.survives),
    ]


def _size(room: "Room") -> str:
    return room.flavor or f"{room.cores}x{room.memory_mib}"


_TITLES = [
    *("FLAVOR", "CORES", "MEMORY_MIB", "DISK_GIB"),
    *("NOW", "AFTER_LOSS", "WORST_CELL", "DISPLACED", "N+1"),
]
_EMPTY = "no flavor to count; give --cores and --memory-mib, or `skep flavor create` one"
