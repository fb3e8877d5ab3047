# SPDX-License-Identifier: Apache-2.0
"""The one file that calls libvirt about snapshots."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any, Dict, List, Sequence

from ansible_collections.skep.kvm.plugins.module_utils._errors import LibvirtError
from ansible_collections.skep.kvm.plugins.module_utils._host.binding import libvirt
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import (
    refusals_translated,
)
from ansible_collections.skep.kvm.plugins.module_utils._snapshot import xml
from ansible_collections.skep.kvm.plugins.module_utils._snapshot.xml import Disk, Facts

try:
    import libvirt_qemu
except ImportError:  # told by binding.py when a connection is asked for
    libvirt_qemu = None


class LiveSnapshots:
    """The snapshots of one domain."""

    def __init__(self, host: Hypervisor, uuid: str) -> None:
        with self._translated("look-up"):
            self._handle = host.connection.lookupByUUIDString(uuid)

    def disks(self) -> Sequence[Disk]:
        """Return the writable disks, as the running definition has them."""
        with self._translated("definition"):
            return xml.disks_of(self._handle.XMLDesc(0))

    def all(self) -> Dict[str, Facts]:
        """Return the snapshots by name, parents first."""
        with self._translated("list"):
            found = [xml.facts_of(each.getXMLDesc()) for each in self._handle.listAllSnapshots()]
        return {each.name: each for each in xml.tree(found)}

    def current(self) -> str | None:
        """Return the snapshot that the domain was last made or reverted to."""
        with self._translated("current"):
            if not self._handle.hasCurrentSnapshot():
                return None
            name: str = self._handle.snapshotCurrent().getName()
            return name

    def create(self, name: str, description: str, *, memory: bool) -> None:
        """Snapshot the disks of a domain that is off, or disks and memory of an active one.

        The guest stands still while its memory is written.
        """
        text = xml.render(name, description, self.disks(), memory=memory)
        with self._translated(name):
            self._handle.snapshotCreateXML(text, 0)

    def create_live(self, name: str, description: str) -> None:
        """Snapshot the disks of an active domain at one moment, while the guest goes on.

        libvirt 9 has no order for that: QEMU is asked, and libvirt told.
        """
        disks, parent = self.disks(), self.current()
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        with self._translated(name):
            definition = self._handle.XMLDesc(flags)
        made = Facts(name, parent, description, "shutoff", False, False, int(time.time()), ())  # noqa: FBT003
        self._snapshot_in_qemu(name, disks)
        try:
            self._redefine(xml.render_made(made, definition, disks, parent), is_current=True)
        except LibvirtError:
            self._forget_in_qemu(name, disks)
            raise

    def describe(self, name: str, description: str) -> None:
        """Give a snapshot another description."""
        with self._translated(name):
            handle = self._handle.snapshotLookupByName(name)
            text = handle.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE)
            is_current = bool(handle.isCurrent())
        self._redefine(xml.described(text, description), is_current=is_current)

    def revert(self, name: str, *, runs: bool) -> None:
        """Take disks, definition and, if kept, memory back to a snapshot."""
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING if runs else 0
        # Libvirt would keep QEMU's process where it can; a fresh one always fits the definition.
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE
        with self._translated(name):
            self._handle.revertToSnapshot(self._handle.snapshotLookupByName(name), flags)

    def delete(self, name: str, *, children: bool) -> None:
        """Merge a snapshot into what came after it; what the guest sees stays as it is."""
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN if children else 0
        with self._translated(name):
            self._handle.snapshotLookupByName(name).delete(flags)

    def _redefine(self, text: str, *, is_current: bool) -> None:
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
        if is_current:
            flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT
        with self._translated("redefinition"):
            self._handle.snapshotCreateXML(text, flags)

    def _snapshot_in_qemu(self, name: str, disks: Sequence[Disk]) -> None:
        """All disks in one transaction: one moment, or none."""
        nodes = self._nodes(disks)
        kind = "blockdev-snapshot-internal-sync"
        actions = [{"type": kind, "data": {"device": each, "name": name}} for each in nodes]
        self._ask_qemu("transaction", {"actions": actions})

    def _forget_in_qemu(self, name: str, disks: Sequence[Disk]) -> None:
        for each in self._nodes(disks):
            with contextlib.suppress(LibvirtError):
                order = {"device": each, "name": name}
                self._ask_qemu("blockdev-snapshot-delete-internal-sync", order)

    def _nodes(self, disks: Sequence[Disk]) -> List[str]:
        """Return QEMU's names of the disks' images."""
        blocks: List[Dict[str, Any]] = self._ask_qemu("query-block", {})
        nodes = {
            part: block["inserted"]["node-name"]
            for block in blocks
            if "inserted" in block
            for part in block.get("qdev", "").split("/")
        }
        return [nodes[each.alias] for each in disks]

    def _ask_qemu(self, order: str, arguments: Dict[str, Any]) -> Any:  # noqa: ANN401  QEMU's
        text = json.dumps({"execute": order, "arguments": arguments})
        with self._translated(order):
            answer = json.loads(libvirt_qemu.qemuMonitorCommand(self._handle, text, 0))
        if "error" in answer:
            raise LibvirtError(order, str(answer["error"].get("desc")))
        return answer["return"]

    def _translated(self, what: str) -> contextlib.AbstractContextManager[None]:
        return refusals_translated(f"snapshot {what}")
