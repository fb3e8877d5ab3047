"""Runs: written with the request that wants them, carried by durable work, settled as they go."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from skep.core.runner import durable
from skep.core.runner.outcomes import Collector, Verdict
from skep.core.runner.playbook import PlaybookRun, run_playbook
from skep.core.services import events
from skep.core.services.execution import effects, work
from skep.core.services.execution.operations import Work
from skep.core.services.records import Record, outcome_record, run_record, run_summary
from skep.core.store.base import insert_many, new_id, reading, utc_now, writing
from skep.core.store.lookup import get_run as find_run
from skep.core.store.models import Instance, Outcome, Run
from skep.core.store.paging import Listing, Page, fetch
from skep.domain.errors import InvalidStateError
from skep.domain.states import OutcomeState, ResourceKind, RunState

log = structlog.get_logger(__name__)
_KEYS = {"created_at": Run.created_at, "operation": Run.operation, "state": Run.state, "id": Run.id}
_canceled: set[str] = set()
_canceled_lock = threading.Lock()


@dataclass(frozen=True)
class Resource:
    """One resource of a run to be: what it is, and the Cell that it is on."""

    kind: ResourceKind
    id: str
    name: str
    cell_id: str | None
    cell_name: str | None


def list_runs(page: Page, state: str | None = None, operation: str | None = None) -> Listing:
    """Return one page of runs, newest first unless sorted otherwise."""
    query = select(Run)
    if state:
        query = query.where(Run.state == state)
    if operation:
        query = query.where(Run.operation == operation)
    wanted = page if page.sort else Page(page.limit, page.cursor, "-created_at")
    with reading() as session:
        return fetch(session, query, wanted, _KEYS, run_record)


def get_run(identity: str) -> Record:
    """Return one run with its outcomes."""
    with reading() as session:
        return run_record(find_run(session, identity))


def add_run(
    session: Session,
    operation: str,
    actor: str,
    resources: Sequence[Resource],
    parameters: dict[str, Any] | None = None,
) -> Run:
    """Write a queued run in the caller's transaction; `start` it once that is committed."""
    run = Run(operation=operation, actor=actor, state=RunState.QUEUED, parameters=parameters or {})
    session.add(run)
    session.flush()
    rows = [
        {
            "id": new_id(),
            "run_id": run.id,
            "position": position,
            "resource_kind": each.kind,
            "resource_id": each.id,
            "resource_name": each.name,
            "cell_id": each.cell_id,
            "cell_name": each.cell_name,
            "state": OutcomeState.PENDING,
            "changed": False,
        }
        for position, each in enumerate(resources)
    ]
    insert_many(session, Outcome, rows)
    _tell(session, run)
    return run


def start(run_id: str) -> None:
    """Start carrying a run whose row is committed."""
    durable.start(carry, run_id, run_id)


def resume() -> None:
    """At start-up, start every unfinished run that no durable work carries yet.

    A run whose row was committed when the process died has no workflow; for one that has, the
    same identity makes this call do nothing.
    """
    with reading() as session:
        open_states = (RunState.QUEUED, RunState.RUNNING)
        query = select(Run.id).where(Run.state.in_(open_states)).order_by(Run.created_at)
        unfinished = list(session.scalars(query))
    for run_id in unfinished:
        start(run_id)


def cancel_run(identity: str) -> Record:
    """Ask a run to end; what is done stays done, what is pending becomes `canceled`."""
    with writing() as session:
        run = find_run(session, identity)
        if RunState(run.state).is_final:
            raise InvalidStateError("run", run.id, run.state, "cancel", "queued or running")
        run.cancel_requested = True
        _tell(session, run)
        record = run_record(run)
    with _canceled_lock:
        _canceled.add(identity)
    return record


@durable.workflow("carry")
def carry(run_id: str) -> None:
    """Carry one run to its end; each step may be repeated after a crash."""
    try:
        perform(run_id)
        undo(run_id)
    except Exception:
        # Whatever broke, the run must end; `finish` fails what has no outcome.
        log.exception("run broke", run=run_id)
    finish(run_id)


@durable.step("perform")
def perform(run_id: str) -> None:
    """Run the playbook for every resource that has no outcome yet."""
    job = _begin(run_id)
    if job is None:
        return
    operation, wanted = job
    collector = Collector(wanted.deciding, wanted.subjects)
    end = run_playbook(
        PlaybookRun(run_id, operation, wanted.hosts),
        work.runner_paths(),
        on_result=lambda result: _settle(run_id, collector.take(result)),
        is_canceled=lambda: _is_canceled(run_id),
    )
    canceled = end.status == "canceled" or _is_canceled(run_id)
    _settle(run_id, collector.close(canceled=canceled, status=end.status, output=end.output))


@durable.step("undo")
def undo(run_id: str) -> None:
    """Remove from Cells what a failed creation left half-made; the records stay, with reasons."""
    with reading() as session:
        leftovers = work.leftovers(session, find_run(session, run_id))
    if leftovers is None:
        return
    collector = Collector(leftovers.deciding, leftovers.subjects)
    end = run_playbook(
        PlaybookRun(f"{run_id}-undo", "instances_delete", leftovers.hosts, timeout_s=300),
        work.runner_paths(),
        on_result=lambda result: _note_undone(collector.take(result)),
        is_canceled=lambda: False,
    )
    _note_undone(collector.close(canceled=False, status=end.status, output=end.output))
    log.info("removed leftovers", run=run_id, status=end.status)


@durable.step("finish")
def finish(run_id: str) -> None:
    """Give the run its final state, from its outcomes."""
    with writing() as session:
        run = find_run(session, run_id)
        for outcome in run.outcomes:
            if outcome.state == OutcomeState.PENDING:
                settle(session, run, _no_outcome(run, outcome))
        run.state = final_state([each.state for each in run.outcomes])
        run.finished_at = utc_now()
        failed = [each for each in run.outcomes if each.state == OutcomeState.FAILED]
        if failed:
            run.error = f"{len(failed)} of {len(run.outcomes)} failed; {failed[0].msg}"[:2000]
        _tell(session, run)
    with _canceled_lock:
        _canceled.discard(run_id)


def final_state(outcomes: Sequence[str]) -> RunState:
    """Return what a run with these outcomes ended as; a failure outranks a cancellation."""
    if OutcomeState.FAILED in outcomes:
        return RunState.FAILED
    return RunState.CANCELED if OutcomeState.CANCELED in outcomes else RunState.SUCCEEDED


def _begin(run_id: str) -> tuple[str, Work] | None:
    with writing() as session:
        run = find_run(session, run_id)
        pending = [each for each in run.outcomes if each.state == OutcomeState.PENDING]
        if run.cancel_requested or not pending:
            return None
        if run.state == RunState.QUEUED:
            run.state, run.started_at = RunState.RUNNING, utc_now()
            _tell(session, run)
        return run.operation, work.prepare(session, run, [each.resource_id for each in pending])


def _settle(run_id: str, verdicts: Sequence[Verdict]) -> None:
    if not verdicts:
        return
    with writing() as session:
        run = find_run(session, run_id)
        for verdict in verdicts:
            settle(session, run, verdict)
        _tell(session, run)


def _note_undone(verdicts: Sequence[Verdict]) -> None:
    done = [each.subject for each in verdicts if each.state == OutcomeState.SUCCEEDED]
    if not done:
        return
    with writing() as session:
        for instance in session.scalars(select(Instance).where(Instance.id.in_(done))):
            effects.nothing_left(session, instance)


def settle(session: Session, run: Run, verdict: Verdict) -> None:
    """Write one resource's outcome and what follows from it, in the caller's transaction."""
    outcome = next(each for each in run.outcomes if each.resource_id == verdict.subject)
    outcome.state = verdict.state
    outcome.changed = verdict.changed
    outcome.code, outcome.msg = verdict.code, (verdict.msg or "")[:2000] or None
    outcome.diff = verdict.diff
    effects.apply(session, run, verdict)
    record = {**outcome_record(outcome), "run": run.id}
    events.record(session, "outcome", outcome.resource_id, record, run.id)


def _no_outcome(run: Run, outcome: Outcome) -> Verdict:
    if run.cancel_requested:
        state, code, msg = OutcomeState.CANCELED, "canceled", "canceled before it was done"
    else:
        state, code, msg = OutcomeState.FAILED, "no_result", "the run ended without an answer"
    return Verdict(outcome.resource_id, state, False, code, msg, None, {})  # noqa: FBT003 - a field


def _tell(session: Session, run: Run) -> None:
    # Without outcomes: each has an event of its own, and a run may have thousands.
    query = select(Outcome.state, func.count()).where(Outcome.run_id == run.id)
    rows = session.execute(query.group_by(Outcome.state))
    counts = {str(state): int(count) for state, count in rows}
    total = sum(counts.values())
    summary = run_summary(run, total - counts.get(OutcomeState.PENDING, 0), total)
    events.record(session, ResourceKind.RUN, run.id, summary, run.id)


def _is_canceled(run_id: str) -> bool:
    with _canceled_lock:
        return run_id in _canceled
