"""A plan as one JSON document: what to store, and how to plan again from it."""

from skep.core.scheduler.record.document import (
    ReplayError,
    digest,
    record,
    recorded_fleet,
    recorded_plan,
    replay,
)

__all__ = ["ReplayError", "digest", "record", "recorded_fleet", "recorded_plan", "replay"]
