# SPDX-License-Identifier: Apache-2.0
"""Domains as items: reads libvirt for the plan and carries the plan out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain import spec as specs
from ansible_collections.skep.kvm.plugins.module_utils._domain import storage
from ansible_collections.skep.kvm.plugins.module_utils._domain.adjusting import (
    Adjuster,
    with_places,
)
from ansible_collections.skep.kvm.plugins.module_utils._domain.description import pending_fields
from ansible_collections.skep.kvm.plugins.module_utils._domain.hotplug import Adjustment
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.plan import DomainPlan, Step, plan
from ansible_collections.skep.kvm.plugins.module_utils._domain.redefinition import CurrentDomain
from ansible_collections.skep.kvm.plugins.module_utils._domain.spec import DomainSpec
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    DomainNotFoundError,
    InvalidItemError,
    LibvirtError,
    ShutdownTimeoutError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import LiveDomain
from ansible_collections.skep.kvm.plugins.module_utils._items import Item

_STARTS = frozenset({Step.START, Step.START_PAUSED})
_ENDS = frozenset({Step.DESTROY, Step.UNDEFINE})


@dataclass(frozen=True)
class Domains:
    """The domains of one libvirt."""

    noun: ClassVar[str] = "domain"
    host: Hypervisor
    directories: Directories
    claims: storage.Claims = field(default_factory=storage.Claims)

    def identify(self, item: Item) -> str:
        """Return the uuid, or the name where only that was given."""
        return str(item["uuid"] or item["name"])

    def resolve(self, item: Item) -> DomainSpec:
        """Return the checked item; a domain that exists may be named instead of its uuid."""
        uuid = files.check_uuid(item["uuid"]) if item["uuid"] else self._uuid_of(item)
        return specs.parse(item, uuid, self.directories)

    def lock_id(self, spec: DomainSpec) -> str:
        """One lock for an instance, shared with its volumes."""
        return spec.uuid or "domain-without-uuid"

    def read(self, spec: DomainSpec) -> CurrentDomain:
        """Return what libvirt has under this uuid, and who has the name and the disks."""
        domain = self.host.find(spec.uuid) if spec.uuid else None
        owner = self.host.find_by_name(spec.name) if "name" in spec.given else None
        found = CurrentDomain(
            name_owner=owner.uuid if owner else None,
            has_log=bool(spec.uuid) and self._log(spec).exists(),
            users=self.claims.of_others(self.host, spec),
            libvirt_version=self.host.libvirt_version() if spec.given else 0,
        )
        if domain is None:
            return found
        return replace(
            found,
            state=domain.state(),
            name=domain.name,
            xml=domain.persistent_xml(),
            running_xml=domain.running_xml() if spec.given else "",
            autostart=domain.autostart(),
            is_migrating=domain.is_migrating(),
        )

    def plan(self, spec: DomainSpec, current: CurrentDomain) -> DomainPlan:
        """Decide; see plan.py."""
        return plan(spec, current)

    def apply(self, spec: DomainSpec, plan: DomainPlan) -> DomainPlan:
        """Take the steps in order; a change that libvirt refuses now waits for a restart."""
        if Step.DEFINE in plan.steps or plan.is_start:
            self._check_storage(spec, plan)
        adjuster = Adjuster()
        for number, step in enumerate(plan.steps):
            try:
                self._take(step, spec, plan, adjuster)
            except CellError as error:
                if number:
                    error.after_a_change()
                raise
        return replace(plan, changes=adjuster.judge(plan.changes))

    def observe(self, spec: DomainSpec) -> Mapping[str, Any]:
        """Libvirt's actual state, and what of the definition waits for a restart."""
        domain = self.host.find(spec.uuid) if spec.uuid else None
        if domain is None:
            return {"state": "absent", "pending": []}
        return {"state": domain.state(), "pending": pending_fields(domain)}

    def _take(
        self, step: Step | Adjustment, spec: DomainSpec, plan: DomainPlan, adjuster: Adjuster
    ) -> None:
        if isinstance(step, Adjustment):
            adjuster.adjust(self._get(spec), step)
        else:
            self._perform(step, spec, plan)

    def _perform(self, step: Step, spec: DomainSpec, plan: DomainPlan) -> None:
        if step is Step.DEFINE:
            self._define(spec, plan)
        elif step is Step.REMOVE_LOG:
            storage.remove_logs(self._log(spec))
        elif step is Step.AUTOSTART:
            self._get(spec).set_autostart(bool(plan.autostart))
        else:
            self._order(step, spec)

    def _define(self, spec: DomainSpec, plan: DomainPlan) -> None:
        name = plan.wanted.name if plan.wanted else spec.name
        domain = self.host.find(spec.uuid)
        placed = with_places(plan.xml, domain.running_xml() if domain else "")
        try:
            self.host.define(placed, uuid=spec.uuid, name=name)
        except LibvirtError:
            # A place can be taken by a device that waits for the restart.
            if placed == plan.xml:
                raise
            self.host.define(plan.xml, uuid=spec.uuid, name=name)

    def _order(self, step: Step, spec: DomainSpec) -> None:
        if step in _ENDS and self.host.find(spec.uuid) is None:
            return  # a transient domain is gone once it is destroyed
        domain = self._get(spec)
        if step in _STARTS:
            # virtlogd opens the log and does not make its directory.
            files.make_directory(self._log(spec).parent)
        orders: Dict[Step, Callable[[], None]] = {
            Step.RENAME: lambda: domain.rename(spec.name),
            Step.RESUME: domain.resume,
            Step.PAUSE: domain.pause,
            Step.RESET: domain.reset,
            Step.SHUT_DOWN: lambda: _shut_down(domain, spec),
            Step.DESTROY: domain.destroy,
            Step.START: domain.start,
            Step.START_PAUSED: domain.start_paused,
            Step.UNDEFINE: domain.undefine,
        }
        orders[step]()

    def _check_storage(self, spec: DomainSpec, plan: DomainPlan) -> None:
        """Raise now; libvirt would define it and fail at the start."""
        name = spec.name or spec.uuid
        if plan.wanted is None:
            storage.check_xml(name, self._get(spec).persistent_xml())
            return
        touched = {each.key for each in plan.changes if each.name in {"disks", "cdroms"}}
        is_whole = plan.is_start or not plan.changes
        drives = [each for each in plan.wanted.drives if is_whole or each.device in touched]
        storage.check_drives(name, drives, self.directories)

    def _get(self, spec: DomainSpec) -> LiveDomain:
        domain = self.host.find(spec.uuid)
        if domain is None:
            raise DomainNotFoundError(spec.name or spec.uuid)
        return domain

    def _uuid_of(self, item: Item) -> str:
        """The uuid behind a name; nothing is fine where it is to be absent."""
        if not item["name"]:
            raise InvalidItemError("uuid", None, "an item has a uuid or a name")
        domain = self.host.find_by_name(specs.check_name(item["name"]))
        if domain is not None:
            return domain.uuid
        if item["state"] == "absent":
            return ""
        raise DomainNotFoundError(item["name"])

    def _log(self, spec: DomainSpec) -> Path:
        return files.serial_log_path(self.directories.serial_logs, spec.uuid)


def _shut_down(domain: LiveDomain, spec: DomainSpec) -> None:
    if domain.shut_down(spec.timeout_s):
        return
    if spec.on_timeout == "fail":
        raise ShutdownTimeoutError(domain.name, spec.timeout_s)
    domain.destroy()
