"""Runs and their outcomes."""

from typing import Any

from pydantic import BaseModel

from skep.core.api.schemas.fields import ListAnswer, ListQuery, Reference, Timestamp
from skep.domain.states import OutcomeState, RunState


class RunQuery(ListQuery):
    """Which runs."""

    state: RunState | None = None
    operation: Reference | None = None


class Outcome(BaseModel):
    """What happened to one resource in a run."""

    resource_kind: str
    resource_id: str
    resource_name: str
    cell: str | None
    state: OutcomeState
    changed: bool
    code: str | None
    msg: str | None
    diff: dict[str, Any] | None


class Run(BaseModel):
    """One Ansible operation on one or many resources."""

    id: str
    operation: str
    playbook: str
    state: RunState
    actor: str
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    done: int
    total: int
    error: str | None
    outcomes: list[Outcome]


class RunList(ListAnswer):
    """One page of runs."""

    items: list[Run]


class Accepted(BaseModel):
    """The run that does it."""

    run: Run
