"""`skep reservation`: requests for instances, and what became of them."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

import click

from skep.cli.commands.placement.preview import show_preview
from skep.cli.completion import reservation_ids
from skep.cli.config import connect
from skep.cli.options import AT_LEAST_ONE, How, changing, output_option
from skep.cli.output import Column, print_table, show_item, show_items
from skep.cli.text import inert
from skep.cli.waiting import conclude_cancel, conclude_creation

if TYPE_CHECKING:
    from skep.client.placement.reservations import Reservation

_id = click.argument("reservation_id", metavar="ID", shell_complete=reservation_ids)


@click.group()
def reservation() -> None:
    """Reservations, the requests for instances: list, follow, cancel, retry."""


@reservation.command("list")
@click.option("--limit", type=AT_LEAST_ONE, default=50, show_default=True)
@output_option
def list_(limit: int, output: str) -> None:
    """List the newest reservations."""
    with connect() as api:
        found = list(api.reservations.list(limit=limit))
    if output == "name":
        _print_ids(found)
    else:
        show_items(found, output, _COLUMNS, _EMPTY)


@reservation.command()
@_id
@output_option
def show(reservation_id: str, output: str) -> None:
    """Show one reservation with the state of each instance, and its runs."""
    with connect() as api:
        found = api.reservations.get(reservation_id)
    if output == "table":
        _print_reservation(found)
    elif output == "name":
        _print_ids([found])
    else:
        show_item(found, output)


@reservation.command()
@click.option(
    "-f",
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="YAML or JSON with `groups` and perhaps `pool` and `name`; - is the standard input.",
)
@click.option("--dry-run", is_flag=True, help="Show where they would go; make nothing.")
@changing
def create(file: TextIO, how: How, *, dry_run: bool) -> None:
    """Create several groups of instances at once: all of them, or none."""
    document = _document(file)
    with connect() as api:
        if dry_run:
            asked = {key: value for key, value in document.items() if key != "name"}
            show_preview(api.placements.preview(asked), how.output)
        else:
            conclude_creation(api, api.reservations.create(document), how)


@reservation.command()
@_id
@changing
def cancel(reservation_id: str, how: How) -> None:
    """Cancel what is still being made; what is made stays."""
    with connect() as api:
        for run in api.reservations.cancel(reservation_id):
            conclude_cancel(api, run, how)


@reservation.command()
@_id
@changing
def retry(reservation_id: str, how: How) -> None:
    """Place the failed and canceled instances anew, and make them."""
    with connect() as api:
        conclude_creation(api, api.reservations.retry(reservation_id), how)


def _document(file: TextIO) -> dict[str, Any]:
    """Return the mapping in the file. JSON is read as such: YAML knows no tabs between words."""
    import yaml  # noqa: PLC0415 - this command only

    try:
        text = file.read()
        found = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
        # What JSON has no word for, such as a date, can't be sent.
        json.dumps(found, allow_nan=False)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise click.BadParameter(f"{file.name}: {error}", param_hint="--file") from error
    if not isinstance(found, dict):
        needed = "a mapping with `groups` is needed, see docs/cli.md"
        raise click.BadParameter(f"{file.name}: {needed}", param_hint="--file")
    return found


def _print_ids(found: Iterable["Reservation"]) -> None:
    """Print what names a reservation to commands: several may have one name."""
    for each in found:
        click.echo(inert(each.id))


def _print_reservation(found: "Reservation") -> None:
    show_item(found, "table", omit="instances")
    rows = [
        [each.name, each.state, each.cell, each.reason.msg if each.reason else None]
        for each in found.instances
    ]
    if rows:
        click.echo()
    print_table(["INSTANCE", "STATE", "CELL", "REASON"], rows)


_COLUMNS: list[Column] = [
    ("ID", lambda each: each.id),
    ("NAME", lambda each: each.name),
    ("STATE", lambda each: each.state),
    ("COUNT", lambda each: each.count),
    ("INSTANCES", lambda each: each.states),
    ("POOL", lambda each: each.pool),
    ("ACTOR", lambda each: each.actor),
    ("CREATED", lambda each: each.created_at),
]
_EMPTY = "no reservation yet; `skep instance create NAME --image IMAGE` makes one"
