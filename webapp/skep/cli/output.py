"""Data on stdout: as a table, as JSON or YAML, or only the names.

Tables are ours, not rich's: they never cut a value to the width of a terminal (a pipe has none),
and they need no import.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from skep.cli.text import coloured, inert, note, width_of

if TYPE_CHECKING:
    from skep.client.transport import Model

Column = tuple[str, Callable[[Any], object]]
# What json and yaml leave as it is although a terminal obeys it: DEL, C1, bidi and format marks.
_STEERS = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_NOTHING = "-"


def show_items(
    items: Iterable["Model"], output: str, columns: Sequence[Column], empty: str = ""
) -> None:
    """Print a list. `empty` is told on stderr when a table would have no rows: what to do next."""
    found = list(items)
    if output == "table":
        print_table(
            [title for title, _ in columns], [[of(each) for _, of in columns] for each in found]
        )
        if not found and empty:
            note(empty)
    elif output == "name":
        print_names(found)
    else:
        print_data([each.model_dump(mode="json") for each in found], output)


def show_item(item: "Model", output: str, omit: str = "") -> None:
    """Print one object; in a table without the member that `omit` names."""
    if output == "table":
        values = item.model_dump(exclude={omit})
        wide = max(map(len, values))
        for key, value in values.items():
            click.echo(f"{inert(key):<{wide}}  {coloured(inert(_plain(value)))}")
    elif output == "name":
        print_names([item])
    else:
        print_data(item.model_dump(mode="json"), output)


def print_names(items: Iterable["Model"]) -> None:
    """Print the name of each object, or the id of one without a name."""
    for each in items:
        click.echo(inert(getattr(each, "name", None) or getattr(each, "id", "")))


def print_data(data: object, output: str) -> None:
    """Print JSON or YAML, nothing in it alive."""
    if output == "json":
        click.echo(_STEERS.sub(_json_escape, json.dumps(data, ensure_ascii=False, indent=2)))
    else:
        click.echo(_STEERS.sub(_yaml_escape, _yaml(data)))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns; no title without a row."""
    if not rows:
        return
    cells = [list(titles), *([inert(_plain(value)) for value in row] for row in rows)]
    widths = [max(width_of(row[index]) for row in cells) for index in range(len(titles))]
    for number, row in enumerate(cells):
        parts = [
            text + " " * (wide - width_of(text)) for text, wide in zip(row, widths, strict=True)
        ]
        parts[-1] = row[-1]
        line = "  ".join(parts if number == 0 else map(coloured, parts))
        click.echo(click.style(line, bold=True) if number == 0 else line.rstrip())


def _plain(value: object) -> str:
    """Return a value as a person reads it."""
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1] if match.group() != "\x7f" else "\\u007f"


def _yaml_escape(match: re.Match[str]) -> str:
    return f"\\U{ord(match.group()):08x}"


def _yaml(data: object) -> str:
    import yaml  # noqa: PLC0415 - only -o yaml pays for it

    class Dumper(yaml.SafeDumper):
        """Puts quotes round what _yaml_escape will touch: other styles know no escapes."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = '"' if _STEERS.search(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    dumped = yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=2**20)
    return str(dumped).rstrip("\n")
