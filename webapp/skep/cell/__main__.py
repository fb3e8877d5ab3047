"""`python3 -m skep.cell --config /etc/skep/cell.toml`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from skep.cell.config import DEFAULT_FILE, ConfigError, load_config
from skep.cell.daemon import Daemon
from skep.cell.identity import IdentityError

_USAGE_ERROR = 2


def main() -> int:
    """Run the daemon until SIGTERM or SIGINT; exit code."""
    parser = argparse.ArgumentParser(prog="skep.cell", description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE)
    arguments = parser.parse_args()
    try:
        daemon = Daemon(load_config(arguments.config), log)
    except (ConfigError, IdentityError, OSError) as error:
        log(f"cannot start: {error}")
        return _USAGE_ERROR
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: daemon.stop())
    daemon.run()
    log("stopped")
    return 0


_writing = threading.Lock()


def log(text: str) -> None:
    """One plain line on stderr; the journal adds the time."""
    line = text.replace("\n", " ")
    with _writing:
        sys.stderr.write(f"skep-cell: {line}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
