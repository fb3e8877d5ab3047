# SPDX-License-Identifier: Apache-2.0
"""Decides about a live migration from what both sides say. Pure.

The rule behind every branch: a domain never runs twice, and nothing is removed without proof
that the other side runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Dict

from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    DomainStateError,
    MigrationError,
    MigrationTimeoutError,
    MigrationUnverifiedError,
    OfflineMigrationError,
)
from ansible_collections.skep.kvm.plugins.module_utils._items import Plan

_ACTIVE = frozenset({"running", "paused"})


class Step(Enum):
    """What a migration consists of."""

    MIGRATE = "migrate"
    MOVE_DEFINITION = "move definition"
    CLEAN_SOURCE = "clean source"


@dataclass(frozen=True)
class Sides:
    """The domain's state on both Cells; `held` is a target that waits for a migration's end."""

    source: str
    target: str
    held: bool = False
    has_leftovers: bool = False

    @property
    def runs_on(self) -> str:
        """Return source, target, both or none."""
        sides = (self.source in _ACTIVE, self.target in _ACTIVE)
        words = {(True, True): "both", (True, False): "source", (False, True): "target"}
        return words.get(sides, "none")

    @property
    def defined_on(self) -> str:
        """Return source, target, both or none, whether it runs or not."""
        words = {(True, True): "both", (True, False): "source", (False, True): "target"}
        return words.get((self.source != "absent", self.target != "absent"), "none")

    @property
    def is_settled(self) -> bool:
        """Whether exactly one side runs it and no migration is under way."""
        return self.runs_on in {"source", "target"} and not self.held

    @property
    def needs_cleaning(self) -> bool:
        """Whether the source still has its definition or files."""
        return self.source != "absent" or self.has_leftovers


def plan(name: str, target: str, sides: Sides, *, offline: bool = False) -> Plan:
    """Return the steps that bring the domain to the target; none when it is there already.

    With `offline` a domain that is off is brought there, too: its definition, not its disks.
    """
    if sides.runs_on == "source":
        both = (Step.MIGRATE, Step.CLEAN_SOURCE)
        return Plan(both, _shown("source", target), _shown("target", target))
    if sides.runs_on == "target" and not sides.held:
        steps = (Step.CLEAN_SOURCE,) if sides.needs_cleaning else ()
        return Plan(steps, {"source": "not clean"}, {"source": "clean"})
    if sides.runs_on == "none":
        return _plan_off(name, target, sides, offline=offline)
    raise _unverified(name, target, sides, "before the migration")


def judge_definition(name: str, target: str, sides: Sides, *, reason: str | None) -> None:
    """Raise unless the target alone has the definition of the domain, which is off."""
    if sides.runs_on != "none":
        raise _unverified(name, target, sides, reason or "it was started meanwhile")
    if sides.defined_on != "target":
        raise OfflineMigrationError(name, target, reason or "libvirt gave no reason")


def judge(name: str, target: str, sides: Sides, *, reason: str | None, expired: bool) -> None:
    """Raise unless the target alone runs the domain, whatever libvirt's call answered.

    Args:
        name: the domain, for the message.
        target: the Cell, for the message.
        sides: what both say now that the call has ended.
        reason: libvirt's refusal, None when it said that all went well.
        expired: whether we aborted it since its time was up.
    """
    if sides.runs_on == "target" and not sides.held:
        return
    if sides.runs_on == "source" and not sides.held:
        kind = MigrationTimeoutError if expired else MigrationError
        raise kind(name, target, reason or "libvirt gave no reason")
    if sides.runs_on == "none" and sides.source != "absent":
        raise DomainStateError(name, sides.source, "it stopped during the migration")
    raise _unverified(name, target, sides, reason or "after the migration")


def _plan_off(name: str, target: str, sides: Sides, *, offline: bool) -> Plan:
    if sides.defined_on == "none":
        raise DomainNotFoundError(name)
    if not offline:
        needed = "only a running domain migrates live; offline moves the definition of this one"
        where = sides.source if sides.source != "absent" else sides.target
        raise DomainStateError(name, where, needed)
    if sides.source == "absent":
        return Plan()
    # Also where both have it: a move that was cut short is done again.
    before, after = {"defined_on": sides.defined_on}, {"defined_on": "target", "target": target}
    return Plan((Step.MOVE_DEFINITION, Step.CLEAN_SOURCE), before, after)


def _unverified(name: str, target: str, sides: Sides, reason: str) -> MigrationUnverifiedError:
    return MigrationUnverifiedError(name, target, sides.source, sides.target, reason)


def _shown(side: str, target: str) -> Dict[str, Any]:
    return {"runs_on": side, "target": target}
