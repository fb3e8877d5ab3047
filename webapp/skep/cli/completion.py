"""Completion in the shell: the script, and the names that the Core knows."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from skep.client.api import CoreApi

_PATIENCE_S = 1.0
_MOST = 200
# A completed word becomes part of a command line, where `$(...)` would run: offer harmless ones.
_HARMLESS = re.compile(r"[\w][\w.@%+=,-]*")

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(read: Callable[["CoreApi", str], Iterable[str]]) -> Complete:
    """Return a completion callback. It is silent and quick whatever happens."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from skep.cli.config import connect  # noqa: PLC0415 - only when a name is completed

        given = ctx.params.get(param.name or "") or ()
        try:
            with connect(timeout_s=_PATIENCE_S) as api:
                names = list(read(api, incomplete))
        except Exception:  # noqa: BLE001 - a trace in the middle of a command line helps nobody
            return []
        return [
            each
            for each in names
            if each.startswith(incomplete) and each not in given and _HARMLESS.fullmatch(each)
        ]

    return complete


instance_names = _completer(
    lambda api, start: (each.name for each in api.instances.list(limit=_MOST, q=start or None))
)
cell_names = _completer(lambda api, _: (each.name for each in api.cells.list(limit=_MOST)))
discovered_cell_names = _completer(
    lambda api, _: (each.name for each in api.cells.list(limit=_MOST, state="discovered"))
)
image_names = _completer(lambda api, _: (each.name for each in api.images.list(limit=_MOST)))
pool_names = _completer(lambda api, _: (each.name for each in api.pools.list(limit=_MOST)))
flavor_names = _completer(lambda api, _: (each.name for each in api.flavors.list(limit=_MOST)))
group_names = _completer(
    lambda api, _: (each.name for each in api.instance_groups.list(limit=_MOST))
)
reservation_ids = _completer(lambda api, _: (each.id for each in api.reservations.list(limit=50)))
run_ids = _completer(lambda api, _: (each.id for each in api.runs.list(limit=50)))


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: skep completion bash > ~/.local/share/bash-completion/completions/skep
    zsh:  skep completion zsh > "${fpath[1]}/_skep"
    fish: skep completion fish > ~/.config/fish/completions/skep.fish
    """  # noqa: D301 - \b keeps click from joining the lines
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - this command only

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click has no completion for {shell}")
    made = kind(ctx.find_root().command, {}, "skep", "_SKEP_COMPLETE")
    click.echo(made.source_template % made.source_vars())
