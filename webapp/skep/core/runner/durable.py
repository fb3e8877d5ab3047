"""Durable work: the only place that imports dbos. A workflow goes on after the process was killed.

A step's result is recorded, so a finished step is never done again; a step that was interrupted
is repeated, which is why every playbook can be repeated. Nothing waits for a poll: the accepting
process starts its workflows itself.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ParamSpec, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID

P = ParamSpec("P")
R = TypeVar("R")

# Set by hand: the default, a hash of the code, would strand pending work at every upgrade.
APPLICATION_VERSION = "1"
EXECUTOR_ID = "core"


# What every step runs inside of: the application context that `configure` was given.
_context: list[Callable[[], AbstractContextManager[object]]] = []


def configure(url: str, context: Callable[[], AbstractContextManager[object]]) -> None:
    """Name the database that keeps the work and what steps run inside of; before `launch`."""
    _context[:] = [context]
    config: DBOSConfig = {
        "name": "skep",
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": EXECUTOR_ID,
        "enable_otlp": False,
        "log_level": "WARNING",
    }
    DBOS(config=config)


def launch() -> None:
    """Open the database and go on with whatever was interrupted."""
    DBOS.launch()


def shutdown() -> None:
    """Stop taking work; what runs is taken up again by the next launch."""
    DBOS.destroy()


def workflow(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as durable under a name that outlives refactoring."""
    return DBOS.workflow(name=name)


def step(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as one step of a workflow: recorded once done, repeated if interrupted."""

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def inside(*args: P.args, **kwargs: P.kwargs) -> R:
            with _context[0]():
                return function(*args, **kwargs)

        return DBOS.step(name=name)(inside)

    return mark


def start(function: Callable[P, R], identity: str, *args: P.args, **kwargs: P.kwargs) -> None:
    """Start a workflow in this process; the same identity is never started twice."""
    with SetWorkflowID(identity):
        DBOS.start_workflow(function, *args, **kwargs)
