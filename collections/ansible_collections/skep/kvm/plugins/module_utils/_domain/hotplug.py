# SPDX-License-Identifier: Apache-2.0
"""Turns changes of a running domain into orders to libvirt. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Definition
from ansible_collections.skep.kvm.plugins.module_utils._domain.devices import (
    controller,
    disk,
    rng,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import (
    FieldChange,
    depends_on_guest,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import overlay
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import cpu, metadata


class Order(Enum):
    """What is asked of libvirt for a running domain."""

    PLUG = "plug"
    UNPLUG = "unplug"
    UPDATE = "update"
    LIMIT_DISK = "limit disk"
    SET_VCPUS = "set vcpus"
    SET_MEMORY = "set memory"
    SCHEDULE = "schedule"
    LABEL = "label"


@dataclass(frozen=True)
class Adjustment:
    """One order and the fields that it brings into force.

    `name` and `key` are the device's place in the definition, where it has one. `needs_guest` is
    one that libvirt can only ask the guest for.
    """

    order: Order
    value: Any
    fields: Tuple[str, ...] = ()
    name: str = ""
    key: str = ""
    needs_guest: bool = False


@dataclass(frozen=True)
class Scene:
    """What the orders are made from: the domain as it runs, and as it is wanted."""

    uuid: str
    tree: ET.Element
    running: Definition
    wanted: Definition


def adjustments(changes: Sequence[FieldChange], scene: Scene) -> List[Adjustment]:
    """Return the orders for changes that can be made while it runs."""
    found: Dict[Tuple[Order, str, str], Adjustment] = {}
    for change in changes:
        made = _MAKE.get(change.name, _on_device)(change, changes, scene)
        place = (made.order, made.name, made.key)
        paths = (*(found[place].fields if place in found else ()), change.path)
        found[place] = replace(made, fields=paths, needs_guest=depends_on_guest(change))
    return [*_missing_controllers(changes, scene), *found.values()]


Changes = Sequence[FieldChange]
_Make = Callable[[FieldChange, Changes, Scene], Adjustment]


def _on_device(change: FieldChange, changes: Changes, scene: Scene) -> Adjustment:
    part = xml.LISTS[change.name]
    order: Order
    value: Any
    if change.part == "iotune":
        order, value = Order.LIMIT_DISK, disk.limits_of(change.after)
    elif change.part:
        order, value = Order.UPDATE, _updated(change, changes, scene)
    elif change.after is None:
        order, value = Order.UNPLUG, part.render(change.before)
    else:
        order, value = Order.PLUG, part.render(change.after)
    return Adjustment(order, value, name=change.name, key=change.key)


def _updated(change: FieldChange, changes: Changes, scene: Scene) -> ET.Element:
    """The running device with what can be changed now; what others set on it stays."""
    part = xml.LISTS[change.name]
    mine = [each for each in changes if (each.name, each.key) == (change.name, change.key)]
    device = next(
        each for each in getattr(scene.running, change.name) if part.key(each) == change.key
    )
    new = part.render(replace(device, **{each.part: each.after for each in mine}))
    old = xml.find_element(scene.tree, change.name, change.key)
    return new if old is None else overlay(old, new, part.owned)


def _on_vcpus(_: FieldChange, __: Changes, scene: Scene) -> Adjustment:
    return Adjustment(Order.SET_VCPUS, scene.wanted.vcpus)


def _on_memory(_: FieldChange, __: Changes, scene: Scene) -> Adjustment:
    return Adjustment(Order.SET_MEMORY, scene.wanted.memory_mib)


def _on_cpu_time(_: FieldChange, __: Changes, scene: Scene) -> Adjustment:
    wanted = scene.wanted
    return Adjustment(Order.SCHEDULE, cpu.scheduling(wanted.cpu_shares, wanted.cpu_quota_percent))


def _on_labels(_: FieldChange, __: Changes, scene: Scene) -> Adjustment:
    return Adjustment(Order.LABEL, metadata.render_bare(scene.uuid, scene.wanted.labels))


def _on_single(render: Callable[[], ET.Element]) -> _Make:
    def make(change: FieldChange, _: Changes, __: Scene) -> Adjustment:
        order = Order.PLUG if change.after else Order.UNPLUG
        return Adjustment(order, render(), name=change.name)

    return make


_MAKE: Mapping[str, _Make] = {
    "vcpus": _on_vcpus,
    "memory_mib": _on_memory,
    "cpu_shares": _on_cpu_time,
    "cpu_quota_percent": _on_cpu_time,
    "labels": _on_labels,
    "is_instance": _on_labels,
    "rng": _on_single(rng.render),
}


def _missing_controllers(changes: Changes, scene: Scene) -> List[Adjustment]:
    """Libvirt would plug in an LSI card for the first SCSI disk."""
    fields = tuple(each.path for each in changes if _is_new_scsi_disk(each))
    if not fields or scene.tree.find("devices/controller[@type='scsi']") is not None:
        return []
    return [Adjustment(Order.PLUG, controller.render_scsi(), fields)]


def _is_new_scsi_disk(change: FieldChange) -> bool:
    is_new = change.name == "disks" and not change.part and change.after is not None
    return bool(is_new and change.after.bus == "scsi")
