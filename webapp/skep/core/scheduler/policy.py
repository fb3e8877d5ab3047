"""A pool's policy: how much may be promised, what counts how much, and how ties end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from skep.domain.errors import SkepError

# Promises weigh more than the load of the moment: load lags behind what was just placed.
_SPREAD: Mapping[str, float] = {
    "free_memory": 2.0,
    "free_cores": 1.0,
    "free_disk": 0.5,
    "idle_cpu": 1.0,
    "unused_memory": 0.5,
    "quiet_io": 0.5,
    "image_local": 0.25,
    "soft_affinity": 2.0,
    "soft_anti_affinity": 2.0,
    "owner_apart": 0.25,
    "few_failures": 1.0,
}
# What keeps a Cell calm works against filling it, so only a little of it stays.
_PACK: Mapping[str, float] = {
    **_SPREAD,
    "free_memory": -2.0,
    "free_cores": -1.0,
    "free_disk": -0.5,
    "idle_cpu": 0.25,
    "unused_memory": 0.0,
    "quiet_io": 0.0,
    "owner_apart": 0.0,
}
# Nova's order of weighers decides the last bit of a sum; what counts up has a negative multiplier.
_NOVA: Mapping[str, float] = {
    "free_cores": 1.0,
    "few_failures": -1_000_000.0,
    "free_memory": 1.0,
    "free_disk": 1.0,
    "quiet_io": -1.0,
    "soft_affinity": 1.0,
    "soft_anti_affinity": -1.0,
}


class Scale(StrEnum):
    """How raw values become scores."""

    OWN = "own"
    """A fraction of the Cell's own capacity, 0..1, with the instance on it."""
    MINMAX = "minmax"
    """Nova's way: from a floor or the lowest to the highest accepted Cell, without the instance."""


class Tie(StrEnum):
    """Which of several Cells with the best score wins."""

    SEED = "seed"
    NAME = "name"
    TURN = "turn"
    DRAW = "draw"
    """No score at all: every accepted Cell is drawn with the same chance."""


@dataclass(eq=False)
class UnknownPolicyError(SkepError):
    """No policy, filter or weigher has this name."""

    code: ClassVar[str] = "unknown_policy"
    template: ClassVar[str] = "{kind} {name!r} does not exist; there are: {known}"
    kind: str
    name: str
    known: str


@dataclass(frozen=True)
class Policy:
    """Overcommit per unit of real capacity, limits, and each weigher's multiplier in order.

    `load_limit` is in runnable processes per processor, None switches the filter off;
    `load_per_core` is the load that a promised core is expected to make, until the load figures
    show it: `load_window_s` is the time after which e^-1 of it is still added. Names in `without`
    are filters left out.
    """

    name: str = "spread"
    cores_overcommit: float = 3.0
    memory_overcommit: float = 1.0
    disk_overcommit: float = 1.0
    load_limit: float | None = 4.0
    load_per_core: float = 0.5
    load_window_s: float = 120.0
    io_limit: int | None = None
    max_instances: int | None = None
    multipliers: Mapping[str, float] = field(default_factory=lambda: dict(_SPREAD))
    scale: Scale = Scale.OWN
    tie: Tie = Tie.SEED
    without: frozenset[str] = frozenset()

    def changed(
        self, multipliers: Mapping[str, float] | None = None, **changes: object
    ) -> "Policy":
        """Return this policy with some multipliers and fields replaced, as a pool asks for."""
        merged = {**self.multipliers, **(multipliers or {})}
        return replace(self, multipliers=merged, **changes)  # type: ignore[arg-type]


POLICIES: Mapping[str, Policy] = {
    each.name: each
    for each in (
        Policy(),
        Policy(name="pack", multipliers=_PACK),
        Policy(name="random", multipliers={}, tie=Tie.DRAW),
        Policy(name="round-robin", multipliers={"turn": 1.0}, tie=Tie.TURN),
        Policy(
            name="nova",
            multipliers=_NOVA,
            scale=Scale.MINMAX,
            tie=Tie.NAME,
            cores_overcommit=4.0,
            load_limit=None,
        ),
    )
}


def policy_named(name: str) -> Policy:
    """Return a named policy: spread, pack, random, round-robin or nova."""
    if name not in POLICIES:
        raise UnknownPolicyError("policy", name, ", ".join(POLICIES))
    return POLICIES[name]
