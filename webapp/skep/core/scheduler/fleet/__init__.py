"""The Cells as the scheduler reads them: a struct of arrays that stays in memory and is patched."""

from skep.core.scheduler.fleet.arrays import Fleet, UnknownCellError
from skep.core.scheduler.fleet.row import CellRow

__all__ = ["CellRow", "Fleet", "UnknownCellError"]
