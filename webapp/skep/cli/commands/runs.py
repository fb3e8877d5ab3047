"""`skep run`: what was and is being done, by whom, with which outcome."""

from typing import TYPE_CHECKING

import click

from skep.cli.completion import run_ids
from skep.cli.config import connect
from skep.cli.options import How, changing, output_option, timeout_option
from skep.cli.output import Column, print_table, show_item, show_items
from skep.cli.waiting import conclude_cancel, follow
from skep.domain.states import RunState

if TYPE_CHECKING:
    from skep.client.runs import Run

_id = click.argument("run_id", metavar="ID", shell_complete=run_ids)


@click.group()
def run() -> None:
    """Runs, the Ansible operations: list, follow, cancel."""


@run.command("list")
@click.option("--state", type=click.Choice([each.value for each in RunState]))
@click.option("--operation", help="Only this operation, e.g. instances_create.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@output_option
def list_(state: str | None, operation: str | None, limit: int, output: str) -> None:
    """List the newest runs."""
    with connect() as api:
        found = api.runs.list(state=state, operation=operation, limit=limit)
        show_items(found, output, _COLUMNS, _EMPTY)


@run.command()
@_id
@click.option("--wait", is_flag=True, help="Wait for it to end; leave with 6 if it fails.")
@timeout_option
@output_option
def show(run_id: str, output: str, timeout_s: float, *, wait: bool) -> None:
    """Show one run and the outcome for each resource."""
    with connect() as api:
        found = api.runs.get(run_id)
        if wait:
            follow(api, found, How(output, wait=True, timeout_s=timeout_s))
        elif output == "table":
            _print_run(found)
        else:
            show_item(found, output)


@run.command()
@_id
@changing
def cancel(run_id: str, how: How) -> None:
    """Cancel a run, and wait until what was under way has stopped."""
    with connect() as api:
        conclude_cancel(api, api.runs.cancel(run_id), how)


def _print_run(found: "Run") -> None:
    """Print the run's own values, then a row per outcome with its diff left to -o json."""
    show_item(found, "table", omit="outcomes")
    rows = [
        [each.label, each.cell, each.state, each.changed, each.code, each.msg]
        for each in found.outcomes
    ]
    if rows:
        click.echo()
    print_table(["RESOURCE", "CELL", "STATE", "CHANGED", "CODE", "MESSAGE"], rows)


_COLUMNS: list[Column] = [
    ("ID", lambda each: each.id),
    ("OPERATION", lambda each: each.operation),
    ("STATE", lambda each: each.state),
    ("DONE", lambda each: f"{each.done}/{each.total}"),
    ("ACTOR", lambda each: each.actor),
    ("CREATED", lambda each: each.created_at),
    ("FINISHED", lambda each: each.finished_at),
]
_EMPTY = "no such run; every change makes one"
