"""`skep cell`: the hypervisor hosts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import click

from skep.cli.completion import cell_names, discovered_cell_names, pool_names
from skep.cli.config import connect
from skep.cli.options import How, changing, output_option, yes_option
from skep.cli.output import Column, show_item, show_items
from skep.cli.text import inert, is_interactive, note
from skep.cli.waiting import conclude
from skep.domain.errors import ConflictError
from skep.domain.states import CellState

if TYPE_CHECKING:
    from skep.client.cells import Cell

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
    """Cells, the hypervisor hosts: list, accept, take out of service, remove."""


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
    ("SEEN", lambda each: each.last_seen_at),
]
_EMPTY = (
    "no Cell was heard yet; start the Cell daemon on a host of this network, "
    "and `skep doctor` tells whether announcements arrive"
)
