"""Words on the terminal: inert, and on the right stream."""

import sys
import unicodedata

import click

_COLOUR_OF_STATE = {
    **dict.fromkeys(("running", "online", "ready", "succeeded", "usable", "ok"), "green"),
    **dict.fromkeys(("failed", "lost", "unusable", "fail"), "red"),
    **dict.fromkeys(("offline", "canceled", "unknown", "warn"), "yellow"),
    **dict.fromkeys(
        ("scheduled", "starting", "stopping", "migrating", "enrolling", "uploading", "queued"),
        "cyan",
    ),
}


def inert(value: object, keep: str = "") -> str:
    """Return the text with everything escaped that could steer a terminal or reorder a line.

    Names and messages come from users, guests and Cells. Characters in `keep` stay.
    """
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        each
        if each in keep or each.isprintable() or unicodedata.category(each) == "Zs"
        else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def coloured(text: str) -> str:
    """Return the text in the colour of the state that it starts with, if it names one."""
    colour = _COLOUR_OF_STATE.get(text.split(" ", 1)[0].rstrip())
    return click.style(text, fg=colour) if colour else text


def note(message: str) -> None:
    """Tell the person something that is not data."""
    click.echo(inert(message), err=True)


def complain(message: str) -> None:
    """Tell the person what went wrong."""
    click.echo(f"{click.style('error:', fg='red')} {inert(message)}", err=True)


def is_interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def width_of(text: str) -> int:
    """Return how many columns the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
