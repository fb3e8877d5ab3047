"""Options that many commands share."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click

Command = Callable[..., None]
Parse = Callable[[str], Any]
AT_LEAST_ONE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
NONE = "none"
POLICIES = ["spread", "pack", "random", "round-robin", "nova"]
DEFAULT_TIMEOUT_S = 1800.0


class How(NamedTuple):
    """How a change is carried through and shown."""

    output: str
    wait: bool
    timeout_s: float


def or_none(number: Parse) -> Parse:
    """Return a parser of a number, or of `none`: None would mean that nothing was given."""

    def parse(text: str) -> Any:  # noqa: ANN401 - the number's type
        return NONE if text == NONE else number(text)

    return parse


def pair(value: Parse = str) -> Callable[[str], tuple[str, Any]]:
    """Return a parser of KEY=VALUE, whose value has a parser of its own."""

    def parse(text: str) -> tuple[str, Any]:
        key, _, rest = text.partition("=")
        if not key or not rest:
            raise click.BadParameter(f"{text!r} has no = with something on both sides")
        return key, value(rest)

    return parse


def given_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given, with `none` as None."""
    given = {key: value for key, value in options.items() if value is not None}
    return {key: None if value == NONE else value for key, value in given.items()}


def changes_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """As `given_of`, but refuse an empty change."""
    changes = given_of(options)
    if not changes:
        raise click.UsageError("nothing to change; `--help` shows what can be changed")
    return changes


def replacement(values: Sequence[Any], *, none: bool, option: str) -> list[Any] | None:
    """Return what takes the place of a list, None to leave the list as it is."""
    if values and none:
        raise click.UsageError(f"--{option} and --no-{option}s exclude each other")
    return [*values] if values or none else None


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
