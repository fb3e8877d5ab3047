"""Errors as a message on stderr and an exit code."""

from enum import IntEnum

from skep.cli.config import SettingsError
from skep.cli.text import complain, note
from skep.client.errors import (
    CoreUnreachableError,
    DeniedError,
    EndpointError,
    InvalidRequestError,
    MissingError,
    ProblemError,
    RefusedError,
    WaitTimeoutError,
)
from skep.domain.errors import ConflictError, InvalidNameError, SkepError


class ExitCode(IntEnum):
    """What the shell learns; part of the interface."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_FOUND = 3
    DENIED = 4
    CONFLICT = 5
    RUN_FAILED = 6
    TIMED_OUT = 7
    UNREACHABLE = 8
    INTERRUPTED = 130


# The first match counts.
_EXIT_CODES: tuple[tuple[type[SkepError], ExitCode], ...] = (
    (SettingsError, ExitCode.USAGE),
    (EndpointError, ExitCode.USAGE),
    (InvalidNameError, ExitCode.USAGE),
    (MissingError, ExitCode.NOT_FOUND),
    (DeniedError, ExitCode.DENIED),
    (RefusedError, ExitCode.CONFLICT),
    (ConflictError, ExitCode.CONFLICT),
    (WaitTimeoutError, ExitCode.TIMED_OUT),
    (CoreUnreachableError, ExitCode.UNREACHABLE),
)


def exit_code_of(error: SkepError) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, InvalidRequestError) and error.errors:
        return ExitCode.USAGE
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), ExitCode.ERROR)


def report(error: Exception) -> ExitCode:
    """Tell the error and return its exit code; raise it again if it is a defect of ours."""
    if isinstance(error, SkepError):
        complain(str(error))
        if isinstance(error, ProblemError):
            _tell_more(error)
        return exit_code_of(error)
    if isinstance(error, OSError) and error.filename is not None:
        complain(f"{error.filename}: {error.strerror}")
        return ExitCode.ERROR
    raise error


def _tell_more(problem: ProblemError) -> None:
    told = [each for each in problem.rejected if each.reason not in problem.detail]
    for each in told:
        note(f"  {each.cell}: {each.filter}: {each.reason}")
    if problem.request_id:
        note(f"  code {problem.problem_code}, request {problem.request_id}")
