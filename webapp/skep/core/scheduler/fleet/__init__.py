"""The Cells as the scheduler reads them: a struct of arrays that stays in memory and is patched."""

from skep.core.scheduler.fleet.arrays import Fleet, UnknownCellError
from skep.core.scheduler.fleet.columns import Columns, Roster
from skep.core.scheduler.fleet.row import CellRow
from skep.core.scheduler.fleet.traits import Coded

__all__ = ["CellRow", "Coded", "Columns", "Fleet", "Roster", "UnknownCellError"]
