"""Choosing Cells for a batch of equal instances, as one-by-one placement would.

`climb` for scores of a Cell's own, `minmax` for Nova's scaling, `draw` for chance.
"""

from skep.core.scheduler.pick.pick import pick
from skep.core.scheduler.pick.stage import Picks, Stage

__all__ = ["Picks", "Stage", "pick"]
