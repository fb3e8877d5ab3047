# SPDX-License-Identifier: Apache-2.0
"""Carries adjustments out on a running domain and remembers what did not work."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Callable, Dict, Iterator, Mapping, Sequence, Tuple

from ansible_collections.skep.kvm.plugins.module_utils._domain import xml
from ansible_collections.skep.kvm.plugins.module_utils._domain.difference import (
    Effect,
    FieldChange,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import without_place
from ansible_collections.skep.kvm.plugins.module_utils._domain.hotplug import Adjustment, Order
from ansible_collections.skep.kvm.plugins.module_utils._domain.sections import metadata
from ansible_collections.skep.kvm.plugins.module_utils._errors import LibvirtError
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain

_WAIT_S = 3.0
_POLL_S = 0.1
_NO_ANSWER = "the guest has not let go of it; it may still do so"


class Adjuster:
    """One item's adjustments."""

    def __init__(self) -> None:
        self._refused: Dict[str, str] = {}

    def adjust(self, domain: LiveDomain, adjustment: Adjustment) -> None:
        """Carry one out; a refusal is remembered, since the definition is what counts."""
        try:
            _ORDERS[adjustment.order](domain, adjustment)
            reason = _NO_ANSWER if adjustment.is_early and not _is_done(domain, adjustment) else ""
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


def _plug(domain: LiveDomain, adjustment: Adjustment) -> None:
    """At the address of the definition, so that the guest finds it there after a restart."""
    for element in _candidates(domain, adjustment):
        try:
            domain.plug(xml.to_text(element))
        except LibvirtError:
            if element is adjustment.value:
                raise
        else:
            return


def _candidates(domain: LiveDomain, adjustment: Adjustment) -> Iterator[ET.Element]:
    if adjustment.key:
        tree = xml.parse(domain.persistent_xml())
        defined = xml.find_element(tree, adjustment.name, adjustment.key)
        if defined is not None:
            yield defined
            yield without_place(defined)
    yield adjustment.value


def _label(domain: LiveDomain, adjustment: Adjustment) -> None:
    text = xml.to_text(adjustment.value)
    domain.set_metadata(text, metadata.PREFIX, metadata.NAMESPACE)


_ORDERS: Mapping[Order, Callable[[LiveDomain, Adjustment], None]] = {
    Order.PLUG: _plug,
    Order.UNPLUG: lambda domain, each: domain.unplug(xml.to_text(each.value)),
    Order.UPDATE: lambda domain, each: domain.update(xml.to_text(each.value)),
    Order.LIMIT_DISK: lambda domain, each: domain.limit_disk(each.key, each.value),
    Order.SET_VCPUS: lambda domain, each: domain.set_vcpus(each.value),
    Order.SET_MEMORY: lambda domain, each: domain.set_memory(each.value),
    Order.SCHEDULE: lambda domain, each: domain.schedule(each.value),
    Order.LABEL: _label,
}


def _is_done(domain: LiveDomain, adjustment: Adjustment) -> bool:
    """Wait a little for the guest and look."""
    deadline = time.monotonic() + _WAIT_S
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
