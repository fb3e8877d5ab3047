"""`skep cell`: the hypervisor hosts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import click

from skep.cli.completion import cell_names, discovered_cell_names, pool_names
from skep.cli.config import connect
from skep.cli.options import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    How,
    changes_of,
    changing,
    or_none,
    output_option,
    pair,
    replacement,
    yes_option,
)
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import inert, is_interactive, note
from skep.cli.waiting import conclude
from skep.domain.errors import ConflictError
from skep.domain.states import CellState

if TYPE_CHECKING:
    from skep.client.cells import Cell

_RESERVED = ("cores", "memory_mib", "disk_gib")
_name = click.argument("name", shell_complete=cell_names)


@dataclass(eq=False)
class OtherFingerprintError(ConflictError):
    """The Cell shows another fingerprint than the operator insists on."""

    code: ClassVar[str] = "other_fingerprint"
    template: ClassVar[str] = (
        "Cell {name!r} shows {shown}, not {wanted}; not accepted. Compare it on the Cell itself"
    )
    shown: str
    wanted: str


@click.group()
def cell() -> None:
    """Cells, the hypervisor hosts: list, accept, tag, take out of service, remove."""


@cell.command("list")
@output_option
def list_(output: str) -> None:
    """List the Cells, those too that wait to be accepted."""
    with connect() as api:
        found = list(api.cells.list())
    show_items(found, output, _COLUMNS, _EMPTY)
    waiting = [each.name for each in found if each.state == CellState.DISCOVERED]
    if waiting and output == "table":
        note(f"{len(waiting)} not accepted yet: `skep cell accept {waiting[0]} --pool POOL`")


@cell.command()
@_name
@output_option
def show(name: str, output: str) -> None:
    """Show one Cell with its fingerprint, capacity and load."""
    with connect() as api:
        show_item(api.cells.get(name), output)


@cell.command()
@click.argument("name", shell_complete=discovered_cell_names)
@click.option("--pool", required=True, shell_complete=pool_names, help="The pool it joins.")
@click.option("--fingerprint", metavar="SHA256:...", help="Accept only if the Cell shows this one.")
@yes_option
@changing
def accept(name: str, pool: str, fingerprint: str | None, *, yes: bool, how: How) -> None:
    """Make a discovered Cell a member of a pool.

    Compare the fingerprint with the one that the Cell shows on its own console.
    """
    with connect() as api:
        found = api.cells.get(name)
        _check_fingerprint(found, fingerprint, yes=yes)
        # By id, which comes from the key: another host of this name is not accepted in its place.
        conclude(api, api.cells.accept(found.id, pool), how)


@cell.command()
@_name
@changing
def remove(name: str, how: How) -> None:
    """Remove a Cell that carries no instance from the cluster."""
    with connect() as api:
        conclude(api, api.cells.remove(name), how)


@cell.command()
@_name
@output_option
def enable(name: str, output: str) -> None:
    """Place new instances on the Cell again."""
    with connect() as api:
        show_items([api.cells.enable(name)], output, _COLUMNS)


@cell.command()
@_name
@output_option
def disable(name: str, output: str) -> None:
    """Place no new instances on the Cell; those on it stay."""
    with connect() as api:
        show_items([api.cells.disable(name)], output, _COLUMNS)


@cell.command("set")
@_name
@click.option("--reserve-cores", type=NOT_NEGATIVE, help="Keep so many cores for the host.")
@click.option("--reserve-memory-mib", type=NOT_NEGATIVE, help="Keep so much memory for it.")
@click.option("--reserve-disk-gib", type=NOT_NEGATIVE, help="Keep so much disk for it.")
@click.option(
    "--max-instances",
    type=or_none(AT_LEAST_ONE),
    metavar="N|none",
    help="At most so many instances.",
)
@click.option("--tag", "tags", multiple=True, help="Its tags from now on; repeatable.")
@click.option("--no-tags", is_flag=True, help="No tags from now on.")
@click.option(
    "--label",
    "labels",
    type=pair(),
    metavar="KEY=VALUE",
    multiple=True,
    help="Its labels from now on; repeatable.",
)
@click.option("--no-labels", is_flag=True, help="No labels from now on.")
@output_option
def set_(name: str, output: str, **options: Any) -> None:  # noqa: ANN401 - see _changes
    """Change what placement knows of a Cell. Instances on it stay."""
    changes = _changes(options)
    with connect() as api:
        show_items([api.cells.update(name, **changes)], output, _COLUMNS)


@cell.command()
@_name
@changing
def refresh(name: str, how: How) -> None:
    """Ask a Cell anew what it is capable of."""
    with connect() as api:
        conclude(api, api.cells.refresh(name), how)


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """Return what `cell set` was told, as the API has it."""
    reserved = {part: options.pop(f"reserve_{part}") for part in _RESERVED}
    reserved = {part: amount for part, amount in reserved.items() if amount is not None}
    tags = replacement(options["tags"], none=options["no_tags"], option="tag")
    labels = replacement(options["labels"], none=options["no_labels"], option="label")
    return changes_of(
        {
            "reserved": reserved or None,
            "max_instances": options["max_instances"],
            "tags": tags,
            "labels": None if labels is None else dict(labels),
        }
    )


def _check_fingerprint(found: "Cell", wanted: str | None, *, yes: bool) -> None:
    """Return if the operator vouches for the Cell; otherwise raise."""
    note(f"Cell {found.name} at {found.address or 'an unknown address'} shows {found.fingerprint}")
    if wanted is not None:
        if wanted != found.fingerprint:
            raise OtherFingerprintError("cell", found.name, found.fingerprint, wanted)
        return
    if yes:
        return
    if not is_interactive():
        raise click.UsageError("nobody can be asked; give --fingerprint SHA256:... or --yes")
    click.confirm(f"Accept {inert(found.name)} with this fingerprint?", abort=True, err=True)


def _state(found: "Cell") -> str:
    trouble = " (conflict)" if found.conflict else ""
    return f"{found.state}{trouble}" if found.enabled else f"{found.state} (disabled){trouble}"


def _promised(found: "Cell", mine: str, of: str) -> str:
    if found.capacity is None:
        return "-"
    promised = getattr(found.promised, mine, 0) if found.promised else 0
    return f"{promised}/{getattr(found.capacity, of)}"


_COLUMNS: list[Column] = [
    ("NAME", lambda each: each.name),
    ("STATE", _state),
    ("POOL", lambda each: each.pool),
    ("ADDRESS", lambda each: each.address),
    ("KVM", lambda each: each.kvm),
    ("CORES", lambda each: _promised(each, "cores", "cpus")),
    ("MEMORY_MIB", lambda each: _promised(each, "memory_mib", "memory_mib")),
    ("DISK_GIB", lambda each: _promised(each, "disk_gib", "disk_gib")),
    ("DOMAINS", lambda each: each.load.domains if each.load else None),
    ("TAGS", lambda each: each.tags),
    ("SEEN", lambda each: each.last_seen_at),
]
_EMPTY = (
    "no Cell was heard yet; start the Cell daemon on a host of this network, "
    "and `skep doctor` tells whether announcements arrive"
)
