"""An explanation as text that a person reads: what Cells have in common is said once."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from skep.core.scheduler.explanation import Explanation, Line, Part
from skep.core.scheduler.policy import Scale

_Each = TypeVar("_Each")
_SCALES = {
    Scale.OWN: "fractions of the Cell's own capacity, with the instance on it",
    Scale.MINMAX: "from a floor or the lowest to the highest accepted Cell, before the instance",
}


def render(explanation: Explanation) -> str:
    """Return the explanation as lines of text."""
    accepted = [line for line in explanation.lines if line.rank is not None]
    refused = [line for line in explanation.lines if line.rank is None]
    lines = _headlines(explanation)
    parts = _common([line.parts for line in accepted])
    checks = _common([line.checks for line in accepted])
    if parts or checks:
        lines += ["", "The same for every accepted Cell:"]
        lines += [f"    {_part(each)}" for each in parts]
        lines += [f"    passes {name}: {reason}" for name, reason in checks]
    for line in accepted:
        lines += _accepted(line, parts, checks)
    if refused:
        counts = ", ".join(f"{name} {count}" for name, count in explanation.removed)
        lines += ["", f"Refused, counted under the first filter ({counts}):"]
    for line in refused:
        lines += _refused(line)
    return "\n".join(lines) + "\n"


def _headlines(explanation: Explanation) -> list[str]:
    where = f"is on {explanation.cell}" if explanation.cell else "is nowhere"
    every = explanation.accepted + sum(count for _, count in explanation.removed)
    return [
        f"{explanation.instance} ({explanation.flavor.words()}) {where}",
        f"Policy {explanation.policy.name}; {explanation.accepted} of {every} Cells accepted",
        f"Scores: {_SCALES[explanation.policy.scale]}",
        f"Equal scores: {explanation.tie}",
    ]


def _common(lists: Sequence[Sequence[_Each]]) -> list[_Each]:
    """Return what all lists hold; of a single list nothing, since there is nobody to compare."""
    if len(lists) < 2:  # noqa: PLR2004  two make a comparison
        return []
    return [each for each in lists[0] if all(each in others for others in lists[1:])]


def _accepted(
    line: Line, parts: Iterable[Part], checks: Iterable[tuple[str, str]]
) -> Iterable[str]:
    yield ""
    yield f"{line.rank:>2}. {line.cell}  score {line.score:.6f}"
    yield from (f"    {_part(part)}" for part in line.parts if part not in parts)
    yield from (
        f"    passes {name}: {why}" for name, why in line.checks if (name, why) not in checks
    )


def _part(part: Part) -> str:
    raw = f"{part.raw:.2f}".removesuffix(".00")
    sum_ = f"{part.weighted:+.6f} = {part.multiplier:g} x {part.normalised:.6f}"
    return f"{sum_} {part.weigher} ({raw} {part.unit})"


def _refused(line: Line) -> list[str]:
    (name, reason), *others = line.refusals
    lines = [f"    {line.cell}  {name}: {reason}"]
    return [*lines, *(f"        also {other}: {why}" for other, why in others)]
