"""A preview as a person reads it: the split, what is missing, and one decision in full."""

from typing import TYPE_CHECKING

import click

from skep.cli.output import print_data, print_table
from skep.cli.report import ExitCode
from skep.cli.text import complain, inert, note

if TYPE_CHECKING:
    from skep.client.placement.explanations import Explanation, Verdict
    from skep.client.placement.placements import Preview

_MOST_NAMES = 6


def show_preview(preview: "Preview", output: str) -> None:
    """Print a preview; leave with 5 if nothing could be made."""
    if output == "name":
        for each in preview.assignments:
            click.echo(inert(each.instance))
    elif output == "table":
        _print_preview(preview)
    else:
        print_data(preview.model_dump(mode="json"), output)
    if not preview.feasible:
        complain("they don't fit, so nothing would be made; " + _NEXT)
        click.get_current_context().exit(ExitCode.CONFLICT)


def _print_preview(preview: "Preview") -> None:
    if preview.feasible:
        count, cells = len(preview.assignments), len(preview.split)
        click.echo(inert(f"{_many(count, 'instance')} on {_many(cells, 'Cell')}"))
    for each in preview.shortfalls:
        click.echo(inert(f"{'' if each.fatal else 'fewer than asked for: '}{each.words}"))
    if preview.split:
        click.echo()
    rows = [[each.cell, each.count, _names_on(preview, each.cell)] for each in preview.split]
    print_table(["CELL", "COUNT", "INSTANCES"], rows)
    if preview.decision is not None:
        click.echo()
        _print_decision(preview.decision)


def _names_on(preview: "Preview", cell: str) -> str:
    names = [each.instance for each in preview.assignments if each.cell == cell]
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _print_decision(decision: "Explanation") -> None:
    counted = f"{decision.accepted} of {_many(decision.total, 'Cell')} accepted"
    policy = decision.policy.get("name") if isinstance(decision.policy, dict) else decision.policy
    click.echo(inert(f"{decision.instance} {_where(decision)}: policy {policy}, {counted}"))
    ranked = [each for each in decision.cells if each.accepted]
    refused = [each for each in decision.cells if not each.accepted]
    _print_ranked(ranked, decision.tie)
    _print_refused(refused, decision)
    left = decision.total - len(decision.cells)
    if left > 0:
        note(f"{_many(left, 'more Cell')}; --limit shows more of them")


def _where(decision: "Explanation") -> str:
    """Return where it goes. Where nothing is made, a decision is told as if it were the first."""
    if decision.cell:
        return f"goes to {decision.cell}"
    return "goes nowhere beside the others; alone" if decision.accepted else "goes nowhere"


def _print_ranked(ranked: list["Verdict"], tie: str) -> None:
    """Print accepted Cells, with a column for each weigher on which they differ."""
    if not ranked:
        return
    weighed = [{part.weigher: part.weighted for part in each.parts} for each in ranked]
    weighers = dict.fromkeys(weigher for each in weighed for weigher in each)
    telling = [name for name in weighers if len({each.get(name) for each in weighed}) > 1]
    rows = [
        [each.rank, each.cell, _signed(each.score), *(_signed(parts.get(name)) for name in telling)]
        for each, parts in zip(ranked, weighed, strict=True)
    ]
    click.echo()
    print_table(["RANK", "CELL", "SCORE", *(name.upper() for name in telling)], rows)
    if tie:
        click.echo(inert(f"equal scores: {tie}"))


def _print_refused(refused: list["Verdict"], decision: "Explanation") -> None:
    if not decision.removed:
        return
    counts = ", ".join(f"{each.filter} {each.count}" for each in decision.removed)
    rows = [row for each in refused for row in _reasons(each)]
    click.echo()
    click.echo(inert(f"refused, counted under the first filter: {counts}"))
    print_table(["CELL", "FILTER", "REASON"], rows)


def _reasons(refused: "Verdict") -> list[list[str | None]]:
    told: list[list[str | None]] = [
        [refused.cell, each.filter, each.reason] for each in refused.refusals
    ]
    return told or [[refused.cell, refused.rejected_by, refused.reason]]


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_NEXT = "choose a smaller flavor, a lower --min-count or fewer conditions, or add a Cell"
