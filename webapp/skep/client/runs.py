"""Runs: one Ansible operation each, with an outcome per resource; and waiting for them."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from skep.client.errors import (
    CertificateError,
    CoreUnreachableError,
    MissingError,
    ProblemError,
    WaitTimeoutError,
)
from skep.client.events import Event, Events
from skep.client.transport import Model, Transport, read, segment
from skep.domain.states import OutcomeState, RunState

# Longer than the usual 15 s between two signs of life.
_QUIET_S = 20.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_FINAL = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELED})
_SERVER_TROUBLE = 500


class Outcome(Model):
    """What happened to one resource in a run."""

    resource_kind: str = ""
    resource_id: str = ""
    resource_name: str | None = None
    cell: str | None = None
    state: str = OutcomeState.PENDING
    changed: bool | None = None
    code: str | None = None
    msg: str | None = None
    diff: Any = None

    @property
    def label(self) -> str:
        """The name to show; the id where the Core knows no name."""
        return self.resource_name or self.resource_id


class Run(Model):
    """One operation. `done` of `total` resources have an outcome."""

    id: str
    operation: str = ""
    playbook: str | None = None
    state: str
    actor: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    done: int = 0
    total: int = 0
    error: Any = None
    outcomes: list[Outcome] = Field(default_factory=list)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen in this run."""
        return self.state in _FINAL

    @property
    def failed_outcomes(self) -> list[Outcome]:
        """The outcomes that failed."""
        return [each for each in self.outcomes if each.state == OutcomeState.FAILED]


OnProgress = Callable[[Run], None]


def run_of(answer: Any, path: str) -> Run:  # noqa: ANN401 - JSON
    """Return the run that an accepted change started."""
    return read(Run, answer.get("run") if isinstance(answer, dict) else answer, path)


class Runs:
    """The runs of the Core."""

    path: ClassVar[str] = "/runs"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, state: str | None = None, operation: str | None = None, limit: int | None = None
    ) -> Iterator[Run]:
        """Yield runs in the Core's order, newest first."""
        query = {"state": state, "operation": operation}
        for item in self._transport.items(self.path, query, limit):
            yield read(Run, item, self.path)

    def get(self, run_id: str, *, timeout_s: float | None = None) -> Run:
        """Return one run with its outcomes."""
        path = f"{self.path}/{segment('run', run_id)}"
        return read(Run, self._transport.get(path, timeout_s=timeout_s), path)

    def cancel(self, run_id: str) -> Run:
        """Ask for the run to end; it is canceled once what is under way has stopped."""
        path = f"{self.path}/{segment('run', run_id)}/cancel"
        return run_of(self._transport.post(path, {}), path)

    def wait_for_run(
        self, run_id: str, timeout_s: float, on_progress: OnProgress | None = None
    ) -> Run:
        """Return the run once it is final; tell `on_progress` each time it is known better.

        A Core that stops and starts again meanwhile is waited for.

        Raises:
            WaitTimeoutError: `timeout_s` passed; the run goes on.
        """
        return _Wait(self._transport, run_id, timeout_s, on_progress or _nothing).until_final()


def _nothing(_run: Run) -> None:
    """Nobody wants to know."""


class _Wait:
    """Follows the events of one run, and re-reads the run wherever events may have been missed."""

    def __init__(
        self, transport: Transport, run_id: str, timeout_s: float, on_progress: OnProgress
    ) -> None:
        self._runs, self._events = Runs(transport), Events(transport)
        self._run_id, self._timeout_s = run_id, timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._on_progress = on_progress
        self._run = Run(id=run_id, state="unknown")
        self._last_event: int | None = None

    def until_final(self) -> Run:
        pause_s, doubted = _FIRST_PAUSE_S, False
        while True:
            before = self._last_event
            try:
                self._refresh()
                if self._run.is_final:
                    return self._run
                self._follow()
            except CertificateError:
                raise
            except (CoreUnreachableError, ProblemError) as error:
                if isinstance(error, ProblemError) and error.status < _SERVER_TROUBLE:
                    raise
            # The event said so; the run itself has the last word, asked for at once, but only once.
            doubted = self._run.is_final and not doubted
            if doubted:
                continue
            time.sleep(min(pause_s, self._left_s()))
            heard = self._last_event != before
            pause_s = _FIRST_PAUSE_S if heard else min(pause_s * 2, _LONGEST_PAUSE_S)

    def _refresh(self) -> None:
        """Read the run again."""
        self._know(self._runs.get(self._run_id, timeout_s=min(_QUIET_S, self._left_s())))

    def _follow(self) -> None:
        """Follow the events until the run is final or the stream ends."""
        stream = self._events.stream(
            run=self._run_id, after=self._last_event, quiet_s=min(_QUIET_S, self._left_s())
        )
        with closing(stream):
            for event in _while_served(stream):
                self._left_s()
                if event is None:
                    self._refresh()
                else:
                    self._last_event = event.id if event.id is not None else self._last_event
                    self._apply(event)
                if self._run.is_final:
                    return

    def _apply(self, event: Event) -> None:
        if event.kind == "run" and event.data.get("id") == self._run_id:
            told = read(Run, event.data, "/events")
            update = {name: getattr(told, name) for name in told.model_fields_set}
            self._know(self._run.model_copy(update=update))
        elif event.kind == "reset":
            self._refresh()
        elif event.kind == "outcome":
            outcome = read(Outcome, event.data, "/events")
            others = [
                each for each in self._run.outcomes if each.resource_id != outcome.resource_id
            ]
            outcomes = [*others, outcome]
            done = sum(each.state != OutcomeState.PENDING for each in outcomes)
            self._know(self._run.model_copy(update={"outcomes": outcomes, "done": done}))

    def _know(self, run: Run) -> None:
        self._run = run
        self._on_progress(run)

    def _left_s(self) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise WaitTimeoutError(self._run_id, self._run.state, self._timeout_s)
        return left_s


def _while_served(stream: Iterator[Event | None]) -> Iterator[Event | None]:
    """Yield the events; nothing from a Core that refuses to stream, so that it is polled."""
    try:
        yield from stream
    except MissingError:
        return
