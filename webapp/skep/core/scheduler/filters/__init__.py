"""May this Cell take one more instance? One small filter per reason to say no, in their order."""

from skep.core.scheduler.decision import Filter
from skep.core.scheduler.filters import capabilities, groups, resources, state

FILTERS: tuple[Filter, ...] = (
    *state.FILTERS,
    *capabilities.FILTERS,
    *resources.FILTERS,
    *groups.FILTERS,
)

__all__ = ["FILTERS"]
