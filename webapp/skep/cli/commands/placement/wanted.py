"""Options that say what is wanted: of a Cell, and of a group of instances."""

import functools
import json
from typing import Any

import click

from skep.cli.completion import cell_names, flavor_names, group_names, image_names, pool_names
from skep.cli.options import AT_LEAST_ONE, Command, pair

_LABELS = ("labels", "labels_forbidden")


def _query(text: str) -> list[Any]:
    """Return a condition on facts of a Cell; the Core judges what is in it."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}") from error
    if not isinstance(found, list):
        needed = 'a JSON list is needed, e.g. ["=", "$cell.name", "cell-1"]'
        raise click.BadParameter(needed)
    return found


# The second word of each is the member that the API has for it.
_NEEDS = [
    click.option("--need-kvm", "kvm", is_flag=True, help="Only Cells with usable KVM."),
    click.option("--architecture", help="E.g. x86_64."),
    click.option("--cpu-model", help="A CPU model that the Cell offers."),
    click.option("--firmware", help="A firmware that the Cell offers, e.g. efi."),
    click.option("--machine", help="A machine type that the Cell offers, e.g. q35."),
    click.option("--network", "networks", multiple=True, help="A network that it has; repeatable."),
    click.option(
        "--vlan",
        "vlans",
        type=click.IntRange(1, 4094),
        multiple=True,
        help="A VLAN that the Cell has; repeatable.",
    ),
    click.option("--tag", "tags", multiple=True, help="A tag that the Cell has; repeatable."),
    click.option(
        "--forbid-tag", "tags_forbidden", multiple=True, help="One it has not; repeatable."
    ),
    click.option(
        "--label",
        "labels",
        type=pair(),
        metavar="KEY=VALUE",
        multiple=True,
        help="A label that it has; repeatable.",
    ),
    click.option(
        "--forbid-label",
        "labels_forbidden",
        type=pair(),
        metavar="KEY=VALUE",
        multiple=True,
        help="One it has not; repeatable.",
    ),
]
_GROUP = [
    click.argument("name"),
    click.option("--image", required=True, shell_complete=image_names, help="The image to clone."),
    click.option(
        "--count", type=AT_LEAST_ONE, default=1, help="How many: NAME-1 to NAME-COUNT; default 1."
    ),
    click.option("--min-count", type=AT_LEAST_ONE, help="Be content with so many if not all fit."),
    click.option("--flavor", shell_complete=flavor_names, help="A named size, with its needs."),
    click.option("--cores", type=AT_LEAST_ONE, help="Default: the flavor's, or 1."),
    click.option("--memory-mib", type=AT_LEAST_ONE, help="Default: the flavor's, or 512."),
    click.option("--disk-gib", type=AT_LEAST_ONE, help="Default: the flavor's, or the image's."),
    click.option(
        "--group",
        "instance_groups",
        multiple=True,
        shell_complete=group_names,
        help="An instance group to join; repeatable.",
    ),
    click.option("--max-per-cell", type=AT_LEAST_ONE, help="At most so many of these on a Cell."),
    click.option(
        "--cell",
        "cells",
        multiple=True,
        shell_complete=cell_names,
        help="Only on this Cell; repeatable.",
    ),
    click.option(
        "--avoid-cell",
        "avoid_cells",
        multiple=True,
        shell_complete=cell_names,
        help="Not on this Cell; repeatable.",
    ),
    click.option(
        "--query",
        type=_query,
        metavar="JSON",
        help="A condition on a Cell's facts, see docs/placement.md.",
    ),
]
_NEEDS_MEMBERS = (
    *("kvm", "architecture", "cpu_model", "firmware", "machine", "networks", "vlans"),
    *("tags", "tags_forbidden", *_LABELS),
)
_GROUP_MEMBERS = (
    *("name", "image", "count", "min_count", "flavor", "cores", "memory_mib", "disk_gib"),
    *("instance_groups", "max_per_cell", "cells", "avoid_cells", "query"),
)


def needs_options(command: Command) -> Command:
    """Add what a Cell has to offer; the command gets those that were given as `needs`."""

    @functools.wraps(command)
    def with_needs(**options: Any) -> None:  # noqa: ANN401 - the command's own
        command(needs=_given(options, _NEEDS_MEMBERS), **options)

    return _with(_NEEDS, with_needs)


def group_options(command: Command) -> Command:
    """Add what one group of instances is; the command gets it as `group`, and `pool`."""

    @functools.wraps(command)
    def with_group(*, needs: dict[str, Any], **options: Any) -> None:  # noqa: ANN401 - as above
        group = _given(options, _GROUP_MEMBERS)
        command(group={**group, "needs": needs} if needs else group, **options)

    pool = click.option("--pool", default="default", show_default=True, shell_complete=pool_names)
    return _with(_GROUP, pool(needs_options(with_group)))


def _with(options: list[Any], command: Command) -> Command:
    """Return the command with the options, in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def _given(options: dict[str, Any], members: tuple[str, ...]) -> dict[str, Any]:
    """Take the members out of the options; return those that were given, as the API has them."""
    taken = {member: options.pop(member) for member in members}
    for member in _LABELS:
        if member in taken:
            taken[member] = [f"{key}={value}" for key, value in taken[member]]
    return {
        member: [*value] if isinstance(value, tuple) else value
        for member, value in taken.items()
        if value not in (None, False, (), [])
    }
