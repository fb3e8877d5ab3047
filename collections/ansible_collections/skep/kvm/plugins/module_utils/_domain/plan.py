# SPDX-License-Identifier: Apache-2.0
"""Decides what a domain needs. Pure: reads no libvirt, no file, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, List, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Definition
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import (
    FieldChange,
    as_pairs,
    differences,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.redefinition import (
    CurrentDomain,
    Redefinition,
    plain,
    redefine,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
)
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan

_ACTIVE = ("running", "paused")
_GO_OFF = ("shutoff", "restarted")


class Step(Enum):
    """One order to libvirt; a plan lists them in sequence, with adjustments among them."""

    RENAME = "rename"
    DEFINE = "define"
    AUTOSTART = "autostart"
    RESUME = "resume"
    PAUSE = "pause"
    RESET = "reset"
    SHUT_DOWN = "shut down"
    DESTROY = "destroy"
    START = "start"
    START_PAUSED = "start paused"
    UNDEFINE = "undefine"
    REMOVE_LOG = "remove log"


Steps = Tuple[Any, ...]  # of Step and Adjustment


@dataclass(frozen=True)
class DomainPlan(Plan):
    """A plan that carries the definition, and what each changed field needs."""

    xml: str = ""
    autostart: bool | None = None
    wanted: Definition | None = None
    changes: Tuple[FieldChange, ...] = ()

    @property
    def is_start(self) -> bool:
        """Whether the domain is started."""
        return any(each is Step.START or each is Step.START_PAUSED for each in self.steps)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the result says besides its diff."""
        return {"changes": plain(self.changes)}


def plan(spec: DomainSpec, current: CurrentDomain) -> DomainPlan:
    """Return the steps from what is there to what is wanted.

    Raises:
        DomainNotFoundError: a power operation on nothing.
        DomainStateError: the state does not allow it, or a migration holds the domain.
        CellError: the definition is refused; see redefinition.py.
    """
    if spec.state == "absent":
        return _plan_absent(current)
    if current.state == "absent" and not spec.is_definition:
        raise DomainNotFoundError(spec.name or spec.uuid)
    redefinition = Redefinition()
    if spec.is_definition:
        redefinition = redefine(spec, current, stays_up=spec.state not in _GO_OFF)
    state, power = _power(spec, current)
    before, after = _described(current, redefinition)
    return DomainPlan(
        _ordered(spec, current, redefinition, power),
        {"state": current.state, **before},
        {"state": state, **after},
        xml=redefinition.xml,
        autostart=redefinition.autostart,
        wanted=redefinition.wanted,
        changes=redefinition.changes,
    )


def _plan_absent(current: CurrentDomain) -> DomainPlan:
    steps: List[Step] = []
    if current.state in _ACTIVE:
        steps.append(Step.DESTROY)
    if current.state != "absent":
        steps.append(Step.UNDEFINE)
    if current.has_log:
        steps.append(Step.REMOVE_LOG)
    before = {"state": current.state, **({"serial_log": "present"} if current.has_log else {})}
    return DomainPlan(tuple(steps), before, {"state": "absent"})


def _ordered(
    spec: DomainSpec, current: CurrentDomain, redefinition: Redefinition, power: Steps
) -> Steps:
    definition: Steps = (
        *redefinition.orders,
        *((Step.DEFINE,) if redefinition.xml else ()),
        *((Step.AUTOSTART,) if redefinition.autostart is not None else ()),
    )
    if not _is_rename(spec, current):
        return (*definition, *power)
    if current.state not in _ACTIVE:
        return (Step.RENAME, *definition, *power)
    if spec.state not in _GO_OFF:
        needed = f"renaming it to {spec.name!r} needs it shut off"
        raise DomainStateError(current.name, current.state, needed)
    off = tuple(each for each in power if each is not Step.START)
    return (*off, Step.RENAME, *definition, *power[len(off) :])


def _is_rename(spec: DomainSpec, current: CurrentDomain) -> bool:
    return current.state != "absent" and spec.given.get("name", current.name) != current.name


def _power(spec: DomainSpec, current: CurrentDomain) -> Tuple[str, Steps]:
    """Return the state at the end and the steps to it."""
    now = "shutoff" if current.state == "absent" else current.state
    if spec.state == "present":
        return now, ()
    if spec.state == "running":
        return "running", _wake(spec, current, now)
    if spec.state in {"paused", "resumed", "reset"}:
        return _keep_up(spec, current, now)
    off = _turn_off(spec, current, now)
    if spec.state == "restarted":
        return "running", (*off, Step.START)
    return "shutoff", off


def _keep_up(spec: DomainSpec, current: CurrentDomain, now: str) -> Tuple[str, Steps]:
    if spec.state == "paused":
        steps = {"running": (Step.PAUSE,), "shutoff": (Step.START_PAUSED,)}
        return "paused", steps.get(now, ())
    if now == "shutoff":
        word = "resume" if spec.state == "resumed" else "reset"
        needed = f"only a domain that is up can be {word}{'d' if word == 'resume' else ''}"
        raise DomainStateError(spec.name or spec.uuid, now, f"{needed}; use state running")
    if spec.state == "resumed":
        return "running", _wake(spec, current, now)
    _refuse_if_migrating(spec, current)
    return now, (Step.RESET,)


def _wake(spec: DomainSpec, current: CurrentDomain, now: str) -> Steps:
    if now == "shutoff":
        return (Step.START,)
    if now == "paused":
        _refuse_if_migrating(spec, current)
        return (Step.RESUME,)
    return ()


def _turn_off(spec: DomainSpec, current: CurrentDomain, now: str) -> Steps:
    if now == "shutoff":
        return ()
    if spec.force:
        return (Step.DESTROY,)
    if now == "paused":
        # A paused guest cannot follow the power button.
        _refuse_if_migrating(spec, current)
        return (Step.RESUME, Step.SHUT_DOWN)
    return (Step.SHUT_DOWN,)


def _refuse_if_migrating(spec: DomainSpec, current: CurrentDomain) -> None:
    if current.is_migrating:
        needed = "a migration holds it, so resuming could run it twice"
        raise DomainStateError(spec.name or spec.uuid, "paused", needed)


def _described(
    current: CurrentDomain, redefinition: Redefinition
) -> Tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The definition's part of before and after; of a new domain all that is not a default."""
    if current.state == "absent" and redefinition.wanted is not None:
        return {}, as_pairs(differences(Definition(), redefinition.wanted))[1]
    found: Tuple[Mapping[str, Any], Mapping[str, Any]] = as_pairs(list(redefinition.changes))
    return found
