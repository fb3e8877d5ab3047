# SPDX-License-Identifier: Apache-2.0
"""How two definitions differ, field by field, and what each field's change needs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Definition
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import boot
from ansible_collections.skep.kvm.plugins.module_utils._domain.xml import LISTS


class Effect(Enum):
    """When a change is in force for a domain that runs."""

    LIVE = "live"
    RESTART = "needs_restart"
    RECREATION = "needs_recreation"


@dataclass(frozen=True)
class FieldChange:
    """One field; `key` and `part` say which device of a list and what of it.

    A device that comes or goes as a whole has no part, and None before or after.
    """

    name: str
    before: Any
    after: Any
    key: str = ""
    part: str = ""
    effect: Effect = Effect.LIVE
    reason: str = ""

    @property
    def path(self) -> str:
        """The field's name for a person: `memory_mib`, `disks[vdb]`, `disks[vda].cache`."""
        device = f"[{self.key}]" if self.key else ""
        return f"{self.name}{device}{'.' + self.part if self.part else ''}"

    @property
    def shown(self) -> Tuple[Any, Any]:
        """Before and after as plain data."""
        as_plain = dict if self.name == "labels" else _shown
        return as_plain(self.before), as_plain(self.after)

    def as_result(self) -> Dict[str, Any]:
        """Return it for the module's result."""
        before, after = self.shown
        found = {"field": self.path, "before": before, "after": after}
        return {**found, "effect": self.effect.value, "reason": self.reason or None}


def differences(before: Definition, after: Definition) -> List[FieldChange]:
    """Return what differs, in the order of the fields."""
    found: List[FieldChange] = []
    for each in fields(Definition):
        pair = (getattr(before, each.name), getattr(after, each.name))
        if each.name in LISTS:
            found.extend(_list_differences(each.name, *pair))
        elif pair[0] != pair[1]:
            found.append(FieldChange(each.name, *pair))
    return found


def effect_of(change: FieldChange, running: Definition, wanted: Definition) -> Effect:
    """Return what the change needs while the domain runs as `running`."""
    if change.name in {"machine", "firmware"}:
        return _effect_of_board(change)
    if change.name == "memory_mib":
        return _within(wanted.memory_mib <= running.memory_max_mib)
    if change.name == "vcpus":
        return _within(wanted.vcpus <= running.vcpus_max)
    if change.name in LISTS:
        return _effect_of_device(change)
    return _within(change.name in _LIVE)


def depends_on_guest(change: FieldChange) -> bool:
    """Whether the guest must play along: it lets go of a device, a CPU or memory, or does not."""
    if change.name == "memory_mib":
        return True
    if change.name == "vcpus":
        return bool(change.after < change.before)
    return not change.part and change.after in {None, False} and change.name in _GUEST_HOLDS


def as_pairs(changes: List[FieldChange]) -> Tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the changes as before and after."""
    before = {each.path: each.shown[0] for each in changes}
    return before, {each.path: each.shown[1] for each in changes}


_LIVE = frozenset({"cpu_shares", "cpu_quota_percent", "autostart", "labels", "is_instance", "rng"})
_LIVE_PARTS: Mapping[str, Tuple[str, ...]] = {
    "disks": ("iotune",),
    "cdroms": ("path",),
    "nics": ("bridge", "inbound_mib_s", "outbound_mib_s"),
}
_PLUGGABLE_BUSES = frozenset({"virtio", "scsi"})
_GUEST_HOLDS = frozenset({"disks", "nics", "rng"})


def _list_differences(
    name: str, before: Tuple[Any, ...], after: Tuple[Any, ...]
) -> Iterator[FieldChange]:
    key = LISTS[name].key
    old, new = {key(each): each for each in before}, {key(each): each for each in after}
    for each in (*old, *(each for each in new if each not in old)):
        if each not in new or each not in old:
            yield FieldChange(name, old.get(each), new.get(each), key=each)
            continue
        for part in fields(new[each]):
            pair = (getattr(old[each], part.name), getattr(new[each], part.name))
            if pair[0] != pair[1]:
                yield FieldChange(name, *pair, key=each, part=part.name)


def _effect_of_board(change: FieldChange) -> Effect:
    """Another chipset or firmware moves every device, and the guest may not boot on it."""
    if change.name == "firmware":
        return Effect.RECREATION
    is_moved = boot.chipset_of(change.before) != boot.chipset_of(change.after)
    return Effect.RECREATION if is_moved else Effect.RESTART


def _effect_of_device(change: FieldChange) -> Effect:
    if change.part:
        return _within(change.part in _LIVE_PARTS[change.name])
    device = change.before or change.after
    return _within(
        change.name == "nics" or (change.name == "disks" and device.bus in _PLUGGABLE_BUSES)
    )


def _within(live: bool) -> Effect:  # noqa: FBT001  it is the whole question
    return Effect.LIVE if live else Effect.RESTART


def _shown(value: Any) -> Any:  # noqa: ANN401  any field's value
    """Return a value as plain data, without what is empty."""
    if is_dataclass(value):
        plain = {each.name: _shown(getattr(value, each.name)) for each in fields(value)}
        return {name: each for name, each in plain.items() if each not in ("", 0, {}, [])}
    if isinstance(value, tuple):
        return [_shown(each) for each in value]
    return value
