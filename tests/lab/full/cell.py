"""A full Cell's life."""

from tests.lab.cell import Cell
from tests.lab.ground.errors import LabError
from tests.lab.ground.processes import Identity


class FullCell(Cell):
    """To be a virtual machine."""

    kind = "full"
    boot_timeout_s = 300

    def create(self) -> None:
        """Refuse: not there yet."""
        raise LabError("full Cells are not there yet")

    def boot(self) -> Identity:
        """Refuse: not there yet."""
        raise LabError("full Cells are not there yet")

    def reset(self) -> None:
        """Refuse: not there yet."""
        raise LabError("full Cells are not there yet")
