# SPDX-License-Identifier: Apache-2.0
"""Domains as items: reads libvirt for the plan and carries the plan out."""

from __future__ import annotations

import contextlib
import os
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain import spec as specs
from ansible_collections.skep.kvm.plugins.module_utils._domain.plan import (
    CurrentDomain,
    DomainPlan,
    Step,
    plan,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import Directories, DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    DomainNotFoundError,
    InvalidItemError,
    ShutdownTimeoutError,
    VolumeMissingError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain
from ansible_collections.skep.kvm.plugins.module_utils._items import Item

_NEEDS_VOLUMES = frozenset({Step.DEFINE, Step.START})
_ENDS = frozenset({Step.DESTROY, Step.UNDEFINE})


@dataclass(frozen=True)
class Domains:
    """The domains of one libvirt."""

    noun: ClassVar[str] = "domain"
    host: Hypervisor
    directories: Directories

    def identify(self, item: Item) -> str:
        """Return the uuid, or the name where only that was given."""
        return str(item["uuid"] or item["name"])

    def resolve(self, item: Item) -> DomainSpec:
        """Return the checked item; a power operation may name its domain instead of its uuid."""
        uuid = files.check_uuid(item["uuid"]) if item["uuid"] else self._uuid_of(item)
        return specs.parse(item, uuid, self.directories)

    def lock_id(self, spec: DomainSpec) -> str:
        """One lock for an instance, shared with its volumes."""
        return spec.uuid or "domain-without-uuid"

    def read(self, spec: DomainSpec) -> CurrentDomain:
        """Return what libvirt has under this uuid, and who has the name."""
        domain = self.host.find(spec.uuid) if spec.uuid else None
        has_log = bool(spec.uuid) and self._log(spec).exists()
        owner = self.host.find_by_name(spec.name) if spec.definition else None
        name_owner = owner.uuid if owner else None
        if domain is None:
            return CurrentDomain(name_owner=name_owner, has_log=has_log)
        return CurrentDomain(
            state=domain.state(),
            name=domain.name,
            xml=domain.persistent_xml(),
            name_owner=name_owner,
            is_migrating=domain.is_migrating(),
            has_log=has_log,
        )

    def plan(self, spec: DomainSpec, current: CurrentDomain) -> DomainPlan:
        """Decide; see plan.py."""
        return plan(spec, current)

    def apply(self, spec: DomainSpec, plan: DomainPlan) -> None:
        """Take the steps in order."""
        if _NEEDS_VOLUMES & set(plan.steps):
            self._check_volumes(spec)
        for step in plan.steps:
            self._perform(step, spec, plan)

    def observe(self, spec: DomainSpec) -> Mapping[str, Any]:
        """Libvirt's actual state."""
        domain = self.host.find(spec.uuid) if spec.uuid else None
        return {"state": domain.state() if domain else "absent"}

    def _perform(self, step: Step, spec: DomainSpec, plan: DomainPlan) -> None:
        if step is Step.DEFINE:
            self.host.define(plan.xml, uuid=spec.uuid, name=spec.name)
        elif step is Step.REMOVE_LOG:
            remove_logs(self._log(spec))
        else:
            self._order(step, spec)

    def _order(self, step: Step, spec: DomainSpec) -> None:
        if step in _ENDS and self.host.find(spec.uuid) is None:
            return  # a transient domain is gone once it is destroyed
        domain = self._get(spec)
        orders: Dict[Step, Callable[[], None]] = {
            Step.RENAME: lambda: domain.rename(spec.name),
            Step.RESUME: domain.resume,
            Step.SHUT_DOWN: lambda: _shut_down(domain, spec.timeout_s),
            Step.DESTROY: domain.destroy,
            Step.START: lambda: self._start(domain, spec),
            Step.UNDEFINE: domain.undefine,
        }
        orders[step]()

    def _start(self, domain: LiveDomain, spec: DomainSpec) -> None:
        # virtlogd opens the log and does not make its directory.
        files.make_directory(self._log(spec).parent)
        domain.start()

    def _check_volumes(self, spec: DomainSpec) -> None:
        """Raise VolumeMissingError now; libvirt would define it and fail at the start."""
        if spec.definition is not None:
            paths = [each.path for each in spec.definition.disks]
        else:
            paths = disk_paths(self._get(spec).persistent_xml())
        for path in paths:
            if not os.path.exists(path):  # noqa: PTH110  a text from the XML
                raise VolumeMissingError(spec.name or spec.uuid, path)

    def _get(self, spec: DomainSpec) -> LiveDomain:
        domain = self.host.find(spec.uuid)
        if domain is None:
            raise DomainNotFoundError(spec.name or spec.uuid)
        return domain

    def _uuid_of(self, item: Item) -> str:
        """The uuid behind a name; nothing is fine where it is to be absent."""
        if not item["name"]:
            raise InvalidItemError("uuid", None, "an item has a uuid or a name")
        if item["memory_mib"] is not None:
            raise InvalidItemError("uuid", None, "needed where memory_mib is given")
        domain = self.host.find_by_name(specs.check_name(item["name"]))
        if domain is not None:
            return domain.uuid
        if item["state"] == "absent":
            return ""
        raise DomainNotFoundError(item["name"])

    def _log(self, spec: DomainSpec) -> Path:
        return files.serial_log_path(self.directories.serial_logs, spec.uuid)


def disk_paths(xml: str) -> list[str]:
    """Return the files of a definition's disks, CD drives left out."""
    # libvirt wrote this text; expat caps entity expansion besides.
    disks = ET.fromstring(xml).iterfind("devices/disk[@device='disk']/source")  # noqa: S314
    return [path for path in (each.get("file") for each in disks) if path]


def remove_logs(log: Path) -> None:
    """Remove a serial log and what virtlogd rotated away (.0, .1, ...)."""
    for path in (log, *log.parent.glob(f"{log.name}.[0-9]*")):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _shut_down(domain: LiveDomain, timeout_s: int) -> None:
    if not domain.shut_down(timeout_s):
        raise ShutdownTimeoutError(domain.name, timeout_s)
