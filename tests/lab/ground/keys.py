"""Keys of a lab: one for its operator, one per Cell, known to each other before anything boots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.ground.errors import command

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.lab.ground.record import CellRecord


@dataclass(frozen=True)
class Keys:
    """The key files below a lab's directory."""

    directory: Path

    @property
    def operator(self) -> Path:
        """The private key that every Cell lets in as root."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The host keys of all Cells."""
        return self.directory / "known_hosts"

    def host(self, cell: str) -> Path:
        """The private host key of a Cell."""
        return self.directory / f"host_{cell}"

    def create(self, cells: Iterable[CellRecord]) -> None:
        """Make all keys and pin the Cells' by name and by address."""
        self.directory.mkdir(mode=0o700)
        _keygen(self.operator)
        lines = []
        for cell in cells:
            _keygen(self.host(cell.name))
            public = self.host(cell.name).with_suffix(".pub").read_text().strip()
            lines.append(f"{cell.name},{cell.address} {public}\n")
        self.known_hosts.write_text("".join(lines))

    def ssh_options(self) -> list[str]:
        """Options of ssh that use these keys and nothing of the person who runs the tests."""
        settings = {
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "none",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "LogLevel": "ERROR",
        }
        pairs = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        return ["-F", "none", "-i", str(self.operator), *pairs]


def _keygen(path: Path) -> None:
    command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)])
