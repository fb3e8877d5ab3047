"""Decides which Cell runs which instance. Pure: no clock, no database, no randomness.

The seam to the services:

* `Fleet` holds the Cells as arrays. One per Core, in memory, behind a lock: `add(CellRow)`,
  `update(cell_id, load1=..., ...)` per announcement, `promise(cell_id, need, now)` per recorded
  assignment, `unpromise(cell_id, need)` per instance that leaves, `remove(cell_id)`. Plan on
  `fleet.copy()`, or hold the lock.
* `place(request, fleet, policy, now, catalogue) -> Plan` answers, and never raises for lack of
  room: `plan.feasible`, `plan.assignments`, `plan.shortfalls` (each with `words()`).
  What-if is the same on a copy with Cells added, removed or another policy.
* `record(plan, fleet, catalogue) -> Record` is what to store, one per request;
  `replay(document, roster, varying, catalogue) -> Plan` plans again from it.
* `explain(plan, fleet, instance, catalogue, most)` tells of one decision, also from a stored one
  (`recorded_plan`, `recorded_fleet`, `recorded_catalogue`); `render` makes text of it.
* `capacity(request, fleet, policy, now, catalogue)` counts what still fits.
* `load_catalogue()` (in `extensions`, called once at start) brings own filters and weighers.
"""

from skep.core.scheduler.capacity import Capacity, capacity
from skep.core.scheduler.decision import Catalogue, Filter, View, Weigher
from skep.core.scheduler.explanation import Explanation, explain
from skep.core.scheduler.fleet import CellRow, Fleet
from skep.core.scheduler.placement import place
from skep.core.scheduler.plan import Assignment, Closest, Plan, Shortfall
from skep.core.scheduler.policy import POLICIES, Policy, policy_named
from skep.core.scheduler.query import Query, QueryError, parse_query
from skep.core.scheduler.record import (
    Record,
    ReplayError,
    record,
    recorded_catalogue,
    recorded_fleet,
    recorded_plan,
    replay,
)
from skep.core.scheduler.report import render
from skep.core.scheduler.request import Flavor, Group, Needs, Request, owner_key
from skep.core.scheduler.weighers import CATALOGUE

__all__ = [
    "CATALOGUE",
    "POLICIES",
    "Assignment",
    "Capacity",
    "Catalogue",
    "CellRow",
    "Closest",
    "Explanation",
    "Filter",
    "Flavor",
    "Fleet",
    "Group",
    "Needs",
    "Plan",
    "Policy",
    "Query",
    "QueryError",
    "Record",
    "ReplayError",
    "Request",
    "Shortfall",
    "View",
    "Weigher",
    "capacity",
    "explain",
    "owner_key",
    "parse_query",
    "place",
    "policy_named",
    "record",
    "recorded_catalogue",
    "recorded_fleet",
    "recorded_plan",
    "render",
    "replay",
]
