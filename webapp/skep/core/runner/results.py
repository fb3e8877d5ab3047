"""What ansible-runner's events mean for the resources of a run. Pure.

What Cells return is untrusted: everything here is checked for shape, cut to length, and never
rendered as a template again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MSG_MAX = 2000
CODE_MAX = 64
_ENDINGS = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_unreachable"})


@dataclass(frozen=True)
class ItemResult:
    """The answer for one item of a module's list."""

    id: str
    ok: bool
    changed: bool
    code: str | None
    msg: str | None
    diff: dict[str, Any] | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class TaskResult:
    """The end of one task on one Cell.

    `code` and `msg` are set when the task failed as a whole or the Cell was unreachable; `items`
    holds the answers of the items that were tried even then.
    """

    host: str
    module: str
    ok: bool
    unreachable: bool
    changed: bool
    code: str | None
    msg: str | None
    items: tuple[ItemResult, ...]
    data: Mapping[str, Any]


def task_result(event: Mapping[str, Any]) -> TaskResult | None:
    """Return what the event says about a task's end, or None for every other event."""
    if event.get("event") not in _ENDINGS:
        return None
    data = event.get("event_data") or {}
    answer = data.get("res")
    answer = answer if isinstance(answer, Mapping) else {}
    ok = event["event"] == "runner_on_ok"
    unreachable = event["event"] == "runner_on_unreachable"
    return TaskResult(
        host=str(data.get("host", "")),
        module=str(data.get("resolved_action") or data.get("task_action", "")).rsplit(".", 1)[-1],
        ok=ok,
        unreachable=unreachable,
        changed=answer.get("changed") is True,
        code=None if ok else _code(answer, "cell_unreachable" if unreachable else "task_failed"),
        msg=None if ok else _msg(answer, str(data.get("task", ""))),
        items=_items(answer.get("results")),
        data=answer,
    )


def _items(results: object) -> tuple[ItemResult, ...]:
    if not isinstance(results, list):
        return ()
    return tuple(
        ItemResult(
            id=str(each["id"])[:64],
            ok=each.get("ok") is True,
            changed=each.get("changed") is True,
            code=_text(each.get("code"), CODE_MAX),
            msg=_text(each.get("msg"), MSG_MAX),
            diff=each["diff"] if isinstance(each.get("diff"), dict) else None,
            data=each,
        )
        for each in results
        if isinstance(each, Mapping) and "id" in each
    )


def _code(answer: Mapping[str, Any], fallback: str) -> str:
    return _text(answer.get("code"), CODE_MAX) or fallback


def _msg(answer: Mapping[str, Any], task: str) -> str:
    said = _text(answer.get("msg"), MSG_MAX) or "no message"
    detail = _text(answer.get("module_stderr"), 500)
    return f"{task}: {said}" + (f" ({detail.strip()})" if detail else "")


def _text(value: object, limit: int) -> str | None:
    return None if value is None else str(value)[:limit]
