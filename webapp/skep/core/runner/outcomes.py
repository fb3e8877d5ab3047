"""From task results to what happened to each resource of a run. Pure.

One module of a playbook decides (`domain` when instances are created); what earlier tasks said
explains a failure: the first reason found is the one shown, since later ones follow from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from skep.core.runner.results import ItemResult, TaskResult
from skep.domain.states import OutcomeState


@dataclass(frozen=True)
class Subject:
    """One resource of a run: the Cell that decides about it, and other things it depends on."""

    id: str
    cell: str
    helpers: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()

    def is_meant_by(self, item_id: str) -> bool:
        """Whether an item of a module's list speaks of this resource or what it depends on."""
        return item_id == self.id or item_id.startswith(f"{self.id}-") or item_id in self.depends_on


@dataclass(frozen=True)
class Verdict:
    """The final word on one resource."""

    subject: str
    state: OutcomeState
    changed: bool
    code: str | None
    msg: str | None
    diff: dict[str, Any] | None
    data: Mapping[str, Any]


def nothing_to_do(subject: str) -> Verdict:
    """Return the verdict on a resource that is as wanted without asking any Cell."""
    return Verdict(subject, OutcomeState.SUCCEEDED, False, None, None, None, {})  # noqa: FBT003


@dataclass
class _Notes:
    changed: bool = False
    reason: tuple[str, str] | None = None
    diff: dict[str, Any] = field(default_factory=dict)
    touched: bool = False

    def blame(self, code: str | None, msg: str | None) -> None:
        if self.reason is None:
            self.reason = (code or "task_failed", msg or "no message")


class Collector:
    """Takes task results in order and gives verdicts, each once.

    Args:
        deciding: the module whose item answer is the final word, or None when the whole play is:
            then every verdict comes from `close`.
        subjects: the resources that wait for a verdict.
    """

    def __init__(self, deciding: str | None, subjects: Iterable[Subject]) -> None:
        self._deciding = deciding
        self._open = {subject.id: subject for subject in subjects}
        self._notes = {identity: _Notes() for identity in self._open}

    def take(self, result: TaskResult) -> list[Verdict]:
        """Note one task's end on one Cell; return the verdicts that it settles."""
        verdicts = [self._judge(subject, result) for subject in list(self._open.values())]
        return [verdict for verdict in verdicts if verdict is not None]

    def close(self, *, canceled: bool, status: str, output: str) -> list[Verdict]:
        """Return a verdict for everything still open when the invocation ended."""
        return [
            self._end(subject, canceled=canceled, status=status, output=output)
            for subject in list(self._open.values())
        ]

    def _judge(self, subject: Subject, result: TaskResult) -> Verdict | None:
        if result.host != subject.cell and result.host not in subject.helpers:
            return None
        notes = self._notes[subject.id]
        notes.touched = True
        items = [item for item in result.items if subject.is_meant_by(item.id)]
        _note_items(notes, result.module, items)
        if not result.ok and not result.items:
            notes.blame(result.code, result.msg)
        if result.host != subject.cell:
            return None
        if result.unreachable:
            return self._settle(subject, {})
        if self._deciding is None or result.module != self._deciding:
            return None
        # Modules named so speak of the Cell as a whole, not of items.
        is_whole = result.ok and result.module.endswith("_info")
        if not items and not is_whole and (result.ok or result.items):
            return None
        last = items[-1].data if items else {}
        return self._settle(subject, result.data if is_whole else last)

    def _end(self, subject: Subject, *, canceled: bool, status: str, output: str) -> Verdict:
        notes = self._notes[subject.id]
        if canceled:
            return self._settle(subject, {}, OutcomeState.CANCELED)
        if status == "timeout":
            notes.blame("timed_out", "the run took longer than its time limit")
        elif self._deciding is not None or not notes.touched:
            notes.blame("no_result", f"Ansible ended without an answer: {output[-800:].strip()}")
        return self._settle(subject, {})

    def _settle(
        self, subject: Subject, data: Mapping[str, Any], state: OutcomeState | None = None
    ) -> Verdict:
        del self._open[subject.id]
        notes = self._notes[subject.id]
        failed = OutcomeState.FAILED if notes.reason else OutcomeState.SUCCEEDED
        code, msg = notes.reason or (None, None)
        return Verdict(
            subject.id, state or failed, notes.changed, code, msg, notes.diff or None, data
        )


def _note_items(notes: _Notes, module: str, items: Sequence[ItemResult]) -> None:
    for item in items:
        notes.changed = notes.changed or item.changed
        if item.diff is not None and item.changed:
            notes.diff[module] = item.diff
        if not item.ok:
            notes.blame(item.code, item.msg)
