"""A plan with all its inputs as values to store, and how to plan again from them."""

from skep.core.scheduler.record.document import (
    Record,
    record,
    recorded_catalogue,
    recorded_fleet,
    recorded_plan,
    replay,
)
from skep.core.scheduler.record.packed import ReplayError

__all__ = [
    "Record",
    "ReplayError",
    "record",
    "recorded_catalogue",
    "recorded_fleet",
    "recorded_plan",
    "replay",
]
