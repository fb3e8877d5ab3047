"""Options that many commands share."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import click

Command = Callable[..., None]
DEFAULT_TIMEOUT_S = 1800.0


class How(NamedTuple):
    """How a change is carried through and shown."""

    output: str
    wait: bool
    timeout_s: float


def output_option(command: Command) -> Command:
    """Add `-o`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml", "name"]),
        default="table",
        show_default=True,
        help="How to print the data.",
    )(command)


def timeout_option(command: Command) -> Command:
    """Add `--timeout`."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0, min_open=True),
        default=DEFAULT_TIMEOUT_S,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the run; it goes on afterwards.",
    )(command)


def changing(command: Command) -> Command:
    """Add the options of a change; the command gets them as `how`."""

    @functools.wraps(command)
    def with_how(*, output: str, no_wait: bool, timeout_s: float, **rest: Any) -> None:  # noqa: ANN401 - the command's own
        command(how=How(output, not no_wait, timeout_s), **rest)

    no_wait = click.option("--no-wait", is_flag=True, help="Print the run's id and return at once.")
    return output_option(no_wait(timeout_option(with_how)))


def yes_option(command: Command) -> Command:
    """Add `--yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)
