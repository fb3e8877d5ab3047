# SPDX-License-Identifier: Apache-2.0
"""Decides what a domain needs. Pure: reads no libvirt, no file, no clock."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain.merge import merge
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._domain.xml import render, to_text
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
    NameInUseError,
)
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan

_ACTIVE = ("running", "paused")


class Step(Enum):
    """One order to libvirt; a plan lists them in sequence."""

    RENAME = "rename"
    DEFINE = "define"
    RESUME = "resume"
    SHUT_DOWN = "shut down"
    DESTROY = "destroy"
    START = "start"
    UNDEFINE = "undefine"
    REMOVE_LOG = "remove log"


@dataclass(frozen=True)
class CurrentDomain:
    """What libvirt has: an empty state is `absent`; `name_owner` is who has the wanted name."""

    state: str = "absent"
    name: str = ""
    xml: str = ""
    name_owner: str | None = None
    is_migrating: bool = False
    has_log: bool = False


@dataclass(frozen=True)
class DomainPlan(Plan):
    """A plan that carries the XML to define."""

    xml: str = ""


@dataclass(frozen=True)
class _Redefinition:
    """How the definition changes; no steps when it is as wanted."""

    steps: Tuple[Step, ...] = ()
    xml: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def plan(spec: DomainSpec, current: CurrentDomain) -> DomainPlan:
    """Return the steps from what is there to what is wanted.

    Raises:
        DomainNotFoundError: a power operation on nothing.
        NameInUseError: the name belongs to another uuid.
        DomainStateError: a rename while it runs, or a change while a migration holds it.
    """
    if spec.state == "absent":
        return _plan_absent(current)
    if spec.definition is None and current.state == "absent":
        raise DomainNotFoundError(spec.name or spec.uuid)
    redefinition = _redefine(spec, current)
    state, power = _power(spec, current)
    return DomainPlan(
        redefinition.steps + power,
        {"state": current.state, **(redefinition.before or {})},
        {"state": state, **(redefinition.after or {})},
        xml=redefinition.xml,
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


def _redefine(spec: DomainSpec, current: CurrentDomain) -> _Redefinition:
    if spec.definition is None:
        return _Redefinition()
    if current.name_owner not in {None, spec.uuid}:
        raise NameInUseError(spec.name, str(current.name_owner))
    wanted = render(spec.uuid, spec.name, spec.definition)
    if current.state == "absent":
        return _Redefinition((Step.DEFINE,), to_text(wanted), after=_described(spec))
    return _change(spec, current, wanted)


def _change(spec: DomainSpec, current: CurrentDomain, wanted: ET.Element) -> _Redefinition:
    # libvirt wrote this text; expat caps entity expansion besides.
    merged, changes = merge(wanted, ET.fromstring(current.xml))  # noqa: S314
    if not changes:
        return _Redefinition()
    return _Redefinition(
        (*_rename(spec, current), Step.DEFINE),
        to_text(merged),
        {each.path: each.before for each in changes},
        {each.path: each.after for each in changes},
    )


def _rename(spec: DomainSpec, current: CurrentDomain) -> Tuple[Step, ...]:
    if spec.name == current.name:
        return ()
    if current.state in _ACTIVE:
        needed = f"renaming it to {spec.name!r} needs it shut off"
        raise DomainStateError(current.name, current.state, needed)
    return (Step.RENAME,)


def _power(spec: DomainSpec, current: CurrentDomain) -> Tuple[str, Tuple[Step, ...]]:
    """Return the state at the end and the steps to it."""
    now = "shutoff" if current.state == "absent" else current.state
    if spec.state == "present":
        return now, ()
    if spec.state == "running":
        return "running", _wake(spec, current, now)
    off = _turn_off(spec, current, now)
    if spec.state == "restarted":
        return "running", (*off, Step.START)
    return "shutoff", off


def _wake(spec: DomainSpec, current: CurrentDomain, now: str) -> Tuple[Step, ...]:
    if now == "shutoff":
        return (Step.START,)
    if now == "paused":
        _refuse_if_migrating(spec, current)
        return (Step.RESUME,)
    return ()


def _turn_off(spec: DomainSpec, current: CurrentDomain, now: str) -> Tuple[Step, ...]:
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


def _described(spec: DomainSpec) -> Dict[str, Any]:
    definition = spec.definition
    if definition is None:
        return {}
    return {
        "name": spec.name,
        "domain_type": definition.domain_type,
        "memory_mib": definition.memory_mib,
        "vcpus": definition.vcpus,
        "disks": [each.path for each in definition.disks],
        "nics": [f"{each.mac} on {each.bridge}" for each in definition.nics],
    }
