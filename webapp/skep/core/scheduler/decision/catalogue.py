"""The shape of a filter and of a weigher, and which of them a policy uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from skep.core.scheduler.decision.view import View
from skep.core.scheduler.fleet.kinds import Array, Bools, Floats
from skep.core.scheduler.policy import Policy, UnknownPolicyError


@dataclass(frozen=True)
class Filter:
    """A reason to refuse a Cell.

    `accept` returns a mask over the view, or one bool for all of it. `reason(view, i)` says with
    numbers how element i stands. `lack` is the missing share of the need (0 where nothing is
    missing) for what an operator can free; None marks a plain yes or no. `fixed` filters
    depend on nothing planned, and of the group only on needs, pinned, avoided, flavor, image and
    owner. A Cell once refused stays refused as more is planned on it.
    """

    name: str
    accept: Callable[[View], Bools | bool]
    reason: Callable[[View, int], str]
    lack: Callable[[View], Floats] | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Weigher:
    """A preference: `raw` is a figure in `unit`, `share` makes 0..1 of it, higher is better.

    Either may answer with a single number when it is the same for every Cell. With min-max
    scaling the raw figure itself is scaled (from `floor`, or else from the lowest); one that
    counts something bad takes a negative multiplier there.
    """

    name: str
    raw: Callable[[View], Array]
    share: Callable[[View, Array], Array]
    unit: str = ""
    floor: float | None = None


@dataclass(frozen=True)
class Catalogue:
    """The filters in their order and the weighers by name."""

    filters: tuple[Filter, ...]
    weighers: Mapping[str, Weigher]

    def extended(self, filters: tuple[Filter, ...], weighers: tuple[Weigher, ...]) -> "Catalogue":
        """Return a catalogue with own filters (last) and weighers."""
        named = {each.name: each for each in weighers}
        return Catalogue((*self.filters, *filters), {**self.weighers, **named})

    def filters_of(self, policy: Policy) -> list[Filter]:
        """Return the filters that the policy does not leave out.

        Raises:
            UnknownPolicyError: it leaves out what is not there.
        """
        known = [each.name for each in self.filters]
        for name in policy.without.difference(known):
            raise UnknownPolicyError("filter", name, ", ".join(known))
        return [each for each in self.filters if each.name not in policy.without]

    def weighers_of(self, policy: Policy) -> list[tuple[Weigher, float]]:
        """Return the weighers with a multiplier other than 0, in the policy's order.

        Raises:
            UnknownPolicyError: it multiplies what is not there.
        """
        for name in policy.multipliers:
            if name not in self.weighers:
                raise UnknownPolicyError("weigher", name, ", ".join(self.weighers))
        return [
            (self.weighers[name], factor) for name, factor in policy.multipliers.items() if factor
        ]
