# SPDX-License-Identifier: Apache-2.0
"""Carries adjustments out on a running domain and remembers what did not work."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Callable, Dict, Mapping, Sequence, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import (
    Effect,
    FieldChange,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.hotplug import Adjustment, Order
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import metadata
from ansible_collections.skep.kvm.plugins.module_utils._errors import LibvirtError
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain

_WAIT_S = 3.0
_POLL_S = 0.1
# Devices that can be plugged in besides those of the lists.
_SINGLES = ("devices/controller[@type='scsi']", "devices/rng")
_NO_ANSWER = "the guest has not followed yet; it may still do so"


class Adjuster:
    """One item's adjustments."""

    def __init__(self) -> None:
        self._refused: Dict[str, str] = {}

    def adjust(self, domain: LiveDomain, adjustment: Adjustment) -> None:
        """Carry one out; a refusal is remembered, since the definition is what counts."""
        try:
            _ORDERS[adjustment.order](domain, adjustment)
            reason = "" if _has_followed(domain, adjustment) else _NO_ANSWER
        except LibvirtError as error:
            reason = error.reason
        if reason:
            self._refused.update(dict.fromkeys(adjustment.fields, reason))

    def judge(self, changes: Sequence[FieldChange]) -> Tuple[FieldChange, ...]:
        """Return the changes; those that were refused wait for a restart."""
        return tuple(
            replace(each, effect=Effect.RESTART, reason=self._refused[each.path])
            if each.path in self._refused
            else each
            for each in changes
        )


def with_places(text: str, running_text: str) -> str:
    """Return a definition in which new devices sit where the running domain has them.

    So the guest finds a card that was plugged in under the same name after a restart.
    """
    if not running_text:
        return text
    wanted, running = xml.parse(text), xml.parse(running_text)
    pairs = [(wanted.find(each), running.find(each)) for each in _SINGLES]
    for name in xml.LISTS:
        pairs += [
            (xml.find_element(wanted, name, key), xml.find_element(running, name, key))
            for key in xml.find_all(wanted, name)
        ]
    for device, twin in pairs:
        place = None if twin is None else twin.find("address")
        if device is not None and device.find("address") is None and place is not None:
            device.append(place)
    return xml.to_text(wanted)


def _label(domain: LiveDomain, adjustment: Adjustment) -> None:
    text = xml.to_text(adjustment.value)
    domain.set_metadata(text, metadata.PREFIX, metadata.NAMESPACE)


_ORDERS: Mapping[Order, Callable[[LiveDomain, Adjustment], None]] = {
    Order.PLUG: lambda domain, each: domain.plug(xml.to_text(each.value)),
    Order.UNPLUG: lambda domain, each: domain.unplug(xml.to_text(each.value)),
    Order.UPDATE: lambda domain, each: domain.update(xml.to_text(each.value)),
    Order.LIMIT_DISK: lambda domain, each: domain.limit_disk(each.key, each.value),
    Order.SET_VCPUS: lambda domain, each: domain.set_vcpus(each.value),
    Order.SET_MEMORY: lambda domain, each: domain.set_memory(each.value),
    Order.SCHEDULE: lambda domain, each: domain.schedule(each.value),
    Order.LABEL: _label,
}


def _has_followed(domain: LiveDomain, adjustment: Adjustment) -> bool:
    """Look whether the guest did its part; libvirt waited for it to let go of a device."""
    if not adjustment.needs_guest:
        return True
    wait = 0.0 if adjustment.order is Order.UNPLUG else _WAIT_S
    deadline = time.monotonic() + wait
    while not _is_there(domain, adjustment):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _is_there(domain: LiveDomain, adjustment: Adjustment) -> bool:
    text = domain.running_xml()
    if not text:
        return True
    tree = xml.parse(text)
    found = xml.read(tree)
    if adjustment.order is Order.SET_MEMORY:
        return bool(found.memory_mib == adjustment.value)
    if adjustment.order is Order.SET_VCPUS:
        return bool(found.vcpus == adjustment.value)
    if adjustment.key:
        return adjustment.key not in xml.find_all(tree, adjustment.name)
    return not getattr(found, adjustment.name)
