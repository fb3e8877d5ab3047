"""A run, from accepted to final: progress on stderr, its outcomes on stdout."""

import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from skep.cli.options import How
from skep.cli.output import print_data, print_names, print_table
from skep.cli.report import ExitCode
from skep.cli.text import complain, inert, note
from skep.domain.states import RunState

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from skep.client.api import CoreApi
    from skep.client.instances import Creation
    from skep.client.runs import OnProgress, Outcome, Run


def conclude(api: "CoreApi", run: "Run", how: How) -> None:
    """Wait for the run unless told otherwise; print it; leave with 6 if it did not succeed."""
    if not how.wait:
        _print_run(run, how.output, started=True)
        note(f"run {run.id} started; `skep run show {run.id} --wait` follows it")
        return
    follow(api, run, how)


def conclude_creation(api: "CoreApi", made: "Creation", how: How) -> None:
    """As `conclude`, after telling what was left out."""
    for each in made.shortfalls:
        note(f"fewer than asked for: {each}")
    conclude(api, made.run, how)


def follow(api: "CoreApi", run: "Run", how: How) -> None:
    """Wait for the run to end, print it, and leave with 6 if it did not succeed."""
    final = _final(api, run, how)
    _print_run(final, how.output, started=False)
    if final.state != RunState.SUCCEEDED:
        _leave_failed(final)
    note(f"run {final.id} succeeded")


def conclude_cancel(api: "CoreApi", run: "Run", how: How) -> None:
    """As `conclude`, where ending canceled is what was wanted."""
    if not how.wait:
        conclude(api, run, how)
        return
    final = _final(api, run, how)
    _print_run(final, how.output, started=False)
    if final.state == RunState.FAILED:
        _leave_failed(final)
    note(f"run {final.id} {final.state}")


@contextmanager
def byte_progress(title: str, total: int) -> Generator[Callable[[int], None]]:
    """Yield a function that shows the bytes done so far, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn  # noqa: PLC0415 - a terminal only

    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        task = bar.add_task(inert(title), total=total)
        yield lambda done: bar.update(task, completed=done)


def _final(api: "CoreApi", run: "Run", how: How) -> "Run":
    """Return the run once it is final; Ctrl-C leaves it to itself."""
    note(f"run {run.id}: {run.operation}")
    try:
        with _progress_of(run) as tell, _heeding_ctrl_c(tell) as tell_or_leave:
            return api.runs.wait_for_run(run.id, how.timeout_s, tell_or_leave)
    except KeyboardInterrupt:
        note(
            f"detached; run {run.id} goes on. `skep run show {run.id} --wait` follows it, "
            f"`skep run cancel {run.id}` stops it"
        )
        click.get_current_context().exit(ExitCode.INTERRUPTED)


@contextmanager
def _heeding_ctrl_c(tell: "OnProgress") -> Generator["OnProgress"]:
    """Yield `tell`, which also heeds a Ctrl-C that came while Python could not raise it.

    What is raised in a finalizer is printed and forgotten; the wait would just go on.
    """
    pressed: list[int] = []

    def remember(number: int, _frame: object) -> NoReturn:
        pressed.append(number)
        raise KeyboardInterrupt

    def tell_or_leave(known: "Run") -> None:
        if pressed:
            raise KeyboardInterrupt
        tell(known)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield tell_or_leave
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress_of(run: "Run") -> Generator[Callable[["Run"], None]]:
    if not sys.stderr.isatty():
        yield lambda _run: None
        return
    from rich.progress import MofNCompleteColumn  # noqa: PLC0415 - a terminal only

    with _bar(MofNCompleteColumn()) as bar:
        task = bar.add_task(inert(run.operation), total=run.total or None)

        def tell(known: "Run") -> None:
            bar.update(
                task,
                completed=known.done,
                total=known.total or None,
                description=inert(f"{known.operation or run.operation} {known.state}"),
            )

        yield tell


def _bar(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console  # noqa: PLC0415 - a terminal only
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    no_color = click.get_current_context().color is False
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
        console=Console(stderr=True, no_color=no_color, highlight=False),
        transient=True,
    )


def _print_run(run: "Run", output: str, *, started: bool) -> None:
    if output in {"json", "yaml"}:
        print_data(run.model_dump(mode="json"), output)
    elif started:
        print_names([run])
    elif output == "name":
        for each in run.outcomes:
            click.echo(inert(each.label))
    else:
        rows = [[each.label, each.cell, each.state, each.changed] for each in run.outcomes]
        print_table(["RESOURCE", "CELL", "STATE", "CHANGED"], rows)


def _leave_failed(run: "Run") -> NoReturn:
    for each in run.failed_outcomes:
        complain(_told(each))
    if run.error:
        complain(f"run {run.id}: {run.error}")
    failed = len(run.failed_outcomes)
    note(f"run {run.id} {run.state}: {failed} of {max(run.total, failed)} resources failed")
    click.get_current_context().exit(ExitCode.RUN_FAILED)


def _told(outcome: "Outcome") -> str:
    where = f" on {outcome.cell}" if outcome.cell else ""
    said = ": ".join(part for part in (outcome.code, outcome.msg) if part)
    return f"{outcome.label}{where}: {said or 'failed without a reason'}"
