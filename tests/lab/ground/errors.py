"""The lab's one error, and how commands fail in it."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class LabError(Exception):
    """Something in the lab did not work; the text says what and shows the program's own words."""


def command(
    argv: Sequence[str], *, stdin: str = "", timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a program of the host to its end; raise LabError with what it said when it fails."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    return checked(done)


def checked(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Return done, or raise LabError when its program failed."""
    if done.returncode != 0:
        argv = done.args if isinstance(done.args, str) else shlex.join(done.args)
        said = f"{done.stdout or ''}{done.stderr or ''}".strip()
        raise LabError(f"exit {done.returncode} from: {argv}\n{said}")
    return done
