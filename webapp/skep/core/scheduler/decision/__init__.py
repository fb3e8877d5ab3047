"""A decision's ground: the state with what is planned, and the view filters and weighers read."""

from skep.core.scheduler.decision.catalogue import Catalogue, Filter, Weigher
from skep.core.scheduler.decision.state import State
from skep.core.scheduler.decision.view import View

__all__ = ["Catalogue", "Filter", "State", "View", "Weigher"]
