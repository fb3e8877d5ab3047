"""Own filters and weighers, brought by installed distributions as entry points.

`skep.filters` names `Filter` objects, `skep.weighers` names `Weigher` objects:

    [project.entry-points."skep.filters"]
    licensed = "acme_skep.licences:LICENSED"
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, TypeVar

from skep.core.scheduler.decision import Catalogue, Filter, Weigher
from skep.core.scheduler.weighers import CATALOGUE
from skep.domain.errors import SkepError

FILTER_GROUP, WEIGHER_GROUP = "skep.filters", "skep.weighers"
_Kind = TypeVar("_Kind", Filter, Weigher)


@dataclass(eq=False)
class ExtensionError(SkepError):
    """An entry point does not lead to a filter or weigher, or takes a name that is in use."""

    code: ClassVar[str] = "bad_extension"
    template: ClassVar[str] = "entry point {name!r} in {group!r} ({value}): {problem}"
    name: str
    group: str
    value: str
    problem: str


def load_catalogue() -> Catalogue:
    """Return Skep's own filters and weighers and all that are installed, by name.

    Raises:
        ExtensionError: one of them is no filter or weigher.
    """
    return extend(CATALOGUE, entry_points(group=FILTER_GROUP), entry_points(group=WEIGHER_GROUP))


def extend(
    catalogue: Catalogue, filters: Iterable[EntryPoint], weighers: Iterable[EntryPoint]
) -> Catalogue:
    """Return the catalogue with what the entry points lead to."""
    taken = {each.name for each in catalogue.filters} | set(catalogue.weighers)
    loaded_filters = _loaded(filters, Filter, taken)
    loaded_weighers = _loaded(weighers, Weigher, taken)
    return catalogue.extended(loaded_filters, loaded_weighers)


def _loaded(points: Iterable[EntryPoint], kind: type[_Kind], taken: set[str]) -> tuple[_Kind, ...]:
    found = []
    for point in sorted(points, key=lambda each: each.name):
        loaded = point.load()
        if not isinstance(loaded, kind):
            raise _problem(point, f"is no {kind.__name__} but {type(loaded).__name__}")
        if loaded.name in taken:
            raise _problem(point, f"the name {loaded.name!r} is in use already")
        taken.add(loaded.name)
        found.append(loaded)
    return tuple(found)


def _problem(point: EntryPoint, problem: str) -> ExtensionError:
    return ExtensionError(point.name, point.group, point.value, problem)
