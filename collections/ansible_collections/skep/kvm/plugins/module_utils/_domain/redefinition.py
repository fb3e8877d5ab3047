# SPDX-License-Identifier: Apache-2.0
"""Decides how a domain's definition changes, now and from its next start. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, List, Mapping, Sequence, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain import definition as definitions
from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.definition import Definition
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import (
    Effect,
    FieldChange,
    differences,
    effect_of,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.hotplug import (
    Adjustment,
    Scene,
    adjustments,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    NameInUseError,
    NeedsRecreationError,
    VlanUnsupportedError,
    VolumeInUseError,
)

# The first libvirt that tags frames on a Linux bridge (its release notes).
_VLAN_ON_LINUX_BRIDGE = 11_000_000


@dataclass(frozen=True)
class CurrentDomain:
    """What libvirt has: an empty domain is `absent`; `running_xml` is empty unless it runs.

    `name_owner` is who has the wanted name, `users` the other domains of the wanted disks.
    """

    state: str = "absent"
    name: str = ""
    xml: str = ""
    running_xml: str = ""
    autostart: bool = False
    name_owner: str | None = None
    is_migrating: bool = False
    has_log: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    libvirt_version: int = 0


@dataclass(frozen=True)
class Redefinition:
    """What to define and to order; without changes nothing of it."""

    changes: Tuple[FieldChange, ...] = ()
    wanted: Definition | None = None
    xml: str = ""
    autostart: bool | None = None
    orders: Tuple[Adjustment, ...] = ()


def redefine(spec: DomainSpec, current: CurrentDomain, *, stays_up: bool) -> Redefinition:
    """Return how the definition changes; `stays_up` is a domain that runs on as it is.

    Raises:
        InvalidItemError: something is missing, or parts do not fit together.
        NameInUseError: the name belongs to another uuid.
        VolumeInUseError: a new disk belongs to another domain.
        NeedsRecreationError: a field of a domain that exists can only change with a new one.
        VlanUnsupportedError: this libvirt cannot tag on a Linux bridge.
    """
    if current.name_owner not in {None, spec.uuid}:
        raise NameInUseError(spec.name, str(current.name_owner))
    if current.state == "absent":
        return _creation(spec, current)
    tree = xml.parse(current.xml)
    base = xml.read(tree, autostart=current.autostart)
    wanted = definitions.change(base, spec.given)
    changes = differences(base, wanted)
    _check_host(wanted, changes, current)
    edited = any(each.name != "autostart" for each in changes)
    found = Redefinition(
        changes=tuple(_at_next_start(each, wanted) for each in changes),
        wanted=wanted,
        xml=xml.to_text(xml.edit(tree, spec.uuid, base, wanted)) if edited else "",
        autostart=wanted.autostart if base.autostart != wanted.autostart else None,
    )
    _refuse_recreation(base.name, found.changes)
    if stays_up and current.running_xml:
        return _with_effects(found, spec.uuid, current)
    return found


def _creation(spec: DomainSpec, current: CurrentDomain) -> Redefinition:
    wanted = definitions.create(spec.given, spec.serial_log)
    changes = differences(Definition(), wanted)
    _check_host(wanted, changes, current)
    text = xml.to_text(xml.render(spec.uuid, wanted))
    return Redefinition((), wanted, text, autostart=True if wanted.autostart else None)


def _with_effects(found: Redefinition, uuid: str, current: CurrentDomain) -> Redefinition:
    """Say of each change of a running domain when it is in force, and order what can be now.

    What is asked of libvirt is asked once, when the definition changes. What it or the guest
    refused would otherwise be asked again by every run, and each would say that it changed
    something.
    """
    wanted = found.wanted or Definition()
    tree = xml.parse(current.running_xml)
    running = xml.read(tree, autostart=current.autostart)
    changes = [replace(each, effect=effect_of(each, running, wanted)) for each in found.changes]
    live = {each.path for each in changes if each.effect is Effect.LIVE} - {"autostart"}
    lacking = [each for each in differences(running, wanted) if each.path in live]
    orders = adjustments(lacking, Scene(uuid, tree, running, wanted))
    return replace(found, changes=tuple(changes), orders=tuple(orders))


def _at_next_start(change: FieldChange, wanted: Definition) -> FieldChange:
    """Nothing waits where a start is to come anyway."""
    effect = effect_of(change, wanted, wanted)
    return replace(change, effect=effect if effect is Effect.RECREATION else Effect.LIVE)


def _check_host(wanted: Definition, changes: Sequence[FieldChange], current: CurrentDomain) -> None:
    touched = {(each.name, each.key) for each in changes}
    for each in wanted.disks:
        owner = current.users.get(each.path)
        if owner is not None and ("disks", each.device) in touched:
            raise VolumeInUseError(each.path, owner, "a disk belongs to one domain")
    for nic in wanted.nics:
        is_new = ("nics", nic.mac) in touched and nic.vlan and nic.backend == "linux"
        if is_new and current.libvirt_version < _VLAN_ON_LINUX_BRIDGE:
            raise VlanUnsupportedError(nic.vlan, nic.bridge, _shown(current.libvirt_version))


def _refuse_recreation(name: str, changes: Sequence[FieldChange]) -> None:
    refused = [each for each in changes if each.effect is Effect.RECREATION]
    if refused:
        paths = ", ".join(each.path for each in refused)
        raise NeedsRecreationError(name, paths, tuple(each.as_result() for each in changes))


def _shown(number: int) -> str:
    return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"


def plain(changes: Sequence[FieldChange]) -> List[Mapping[str, Any]]:
    """Return the changes for the module's result."""
    return [each.as_result() for each in changes]
