# SPDX-License-Identifier: Apache-2.0
"""The one idempotence loop of all modules: every item is tried, and each has a result of its own.

Holds check mode, diff, locks and the thread pool. It must not know what an item is.
"""

from __future__ import annotations

import os
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, Mapping, Protocol, Sequence, Tuple, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError, InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._host.files import translated
from ansible_collections.skep.kvm.plugins.module_utils._host.locks import locked

Item = Mapping[str, Any]
Result = Dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to do about one item; no steps means that nothing has to change."""

    steps: Tuple[Any, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def diff(self) -> Result | None:
        """Before and after for a person, or None when nothing changes."""
        return {"before": dict(self.before), "after": dict(self.after)} if self.steps else None

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the item's result says besides its diff."""
        return {}


S = TypeVar("S")  # the checked item
C = TypeVar("C")  # what is there
P = TypeVar("P", bound=Plan)


class Resource(Protocol[S, C, P]):
    """A kind of object that items describe."""

    noun: ClassVar[str]

    def identify(self, item: Item) -> str:
        """Return the item's id for its result; never fails."""

    def resolve(self, item: Item) -> S:
        """Return the item as a checked spec, or raise CellError."""

    def lock_id(self, spec: S) -> str:
        """Return the name of the lock that guards the object."""

    def read(self, spec: S) -> C:
        """Return what is there now."""

    def plan(self, spec: S, current: C) -> P:
        """Decide; pure. Raises CellError when the wish is refused."""

    def apply(self, spec: S, plan: P) -> P | None:
        """Take the plan's steps. Checks first that what it needs from other tasks is there.

        Returns the plan with what came of it, where that can differ from what was planned.
        """

    def observe(self, spec: S) -> Mapping[str, Any]:
        """Return the facts about the object that its result carries."""


def ensure_all(
    resource: Resource[S, C, P],
    items: Sequence[Item],
    *,
    check_mode: bool,
    workers: int | None = None,
) -> List[Result]:
    """Try every item and return one result for each, in the items' order."""
    twins = _later_twins([resource.identify(item) for item in items])

    def one(index: int) -> Result:
        return _ensure_one(resource, items[index], twin=index in twins, check_mode=check_mode)

    limit = workers or min(8, 2 * (os.cpu_count() or 1))
    with ThreadPoolExecutor(max_workers=limit) as pool:
        return list(pool.map(one, range(len(items))))


def finish(module: AnsibleModule, noun: str, results: List[Result]) -> None:
    """End the module: a failure if any item failed, and all results either way."""
    outcome: Result = {"changed": any(each["changed"] for each in results), "results": results}
    if module._diff:  # noqa: SLF001  AnsibleModule offers no public name for it
        outcome["diff"] = [_shown(noun, each) for each in results if each["diff"]]
    failed = [each for each in results if not each["ok"]]
    if failed:
        module.fail_json(msg=_summary(noun, failed, len(results)), **outcome)
    module.exit_json(**outcome)


def _ensure_one(resource: Resource[S, C, P], item: Item, *, twin: bool, check_mode: bool) -> Result:
    result: Result = {
        "id": resource.identify(item),
        "ok": True,
        "changed": False,
        "code": None,
        "msg": None,
        "diff": None,
    }
    try:
        if twin:
            raise InvalidItemError("id", result["id"], "an earlier item of this call has it")
        spec = resource.resolve(item)
    except CellError as error:
        return {**result, "ok": False, "code": error.code, "msg": str(error)}
    result.update(_attempt(resource, spec, check_mode=check_mode))
    result.update(_facts(resource, spec))
    return result


def _attempt(resource: Resource[S, C, P], spec: S, *, check_mode: bool) -> Result:
    try:
        with translated(f"{resource.noun} {resource.lock_id(spec)}"):
            plan = _decide_and_act(resource, spec, check_mode=check_mode)
    except CellError as error:
        return {"ok": False, "code": error.code, "msg": str(error), **error.facts}
    # One bad item never stops its neighbours, not even by a defect of ours.
    except Exception as error:  # noqa: BLE001
        return {
            "ok": False,
            "code": "internal_error",
            "msg": f"{type(error).__name__}: {error}",
            "exception": traceback.format_exc(),
        }
    return {"changed": bool(plan.steps), "diff": plan.diff, **plan.facts}


def _decide_and_act(resource: Resource[S, C, P], spec: S, *, check_mode: bool) -> P:
    if check_mode:
        return resource.plan(spec, resource.read(spec))
    with locked(resource.lock_id(spec)):
        plan = resource.plan(spec, resource.read(spec))
        if plan.steps:
            return resource.apply(spec, plan) or plan
    return plan


def _facts(resource: Resource[S, C, P], spec: S) -> Mapping[str, Any]:
    """What is there at the end; a failure to look must not hide what was done."""
    try:
        return resource.observe(spec)
    except (CellError, OSError):
        return {}


def _later_twins(identities: Sequence[str]) -> frozenset[int]:
    seen: Counter[str] = Counter()
    later = set()
    for index, identity in enumerate(identities):
        if seen[identity]:
            later.add(index)
        seen[identity] += 1
    return frozenset(later)


def _summary(noun: str, failed: Sequence[Result], total: int) -> str:
    shown = "; ".join(each["msg"] for each in failed[:3])
    more = f"; and {len(failed) - 3} more, see results" if len(failed) > 3 else ""  # noqa: PLR2004
    plural = "" if total == 1 else "s"
    return f"{len(failed)} of {total} {noun}{plural} failed: {shown}{more}"


def _shown(noun: str, result: Result) -> Result:
    header = f"{noun} {result['id']}"
    return {"before_header": header, "after_header": header, **result["diff"]}
