# SPDX-License-Identifier: Apache-2.0
"""Migrations as items. Runs on the source; asks both sides before and after."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain import migration_plan
from ansible_collections.skep.kvm.plugins.module_utils._domain.migration_plan import Sides, Step
from ansible_collections.skep.kvm.plugins.module_utils._domain.paths import Directories
from ansible_collections.skep.kvm.plugins.module_utils._domain.storage import remove_logs
from ansible_collections.skep.kvm.plugins.module_utils._errors import (
    CellError,
    DomainNotFoundError,
    InvalidItemError,
    LibvirtError,
    VolumeInUseError,
)
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._host.hypervisor import Hypervisor
from ansible_collections.skep.kvm.plugins.module_utils._host.live_domain import MigrationRequest
from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan

# After an abort the target's qemu takes a moment to go.
_SETTLE_S = 10.0
_POLL_S = 0.2


@dataclass(frozen=True)
class MigrationSpec:
    """One domain and where it goes."""

    uuid: str
    target: str
    request: MigrationRequest


@dataclass(frozen=True)
class Migrations:
    """Migrations away from one libvirt."""

    noun: ClassVar[str] = "migration"
    host: Hypervisor
    directories: Directories
    remove_source_volumes: bool = True

    def identify(self, item: Item) -> str:
        """Return the uuid as it was given."""
        return str(item["uuid"])

    def resolve(self, item: Item) -> MigrationSpec:
        """Return the checked item."""
        if item["timeout_s"] < 1:
            raise InvalidItemError("timeout_s", item["timeout_s"], "at least 1")
        for name in ("bandwidth_mib_s", "downtime_ms"):
            if item[name] < 0:
                raise InvalidItemError(name, item[name], "0 or more")
        if item["offline"] and item["copy_storage"]:
            rule = "false with offline, which moves no disks: they are shared, or copied before"
            raise InvalidItemError("copy_storage", value=True, rule=rule)
        request = MigrationRequest(
            uri=item["target_uri"],
            address=item["target_address"],
            copy_storage=item["copy_storage"],
            timeout_s=item["timeout_s"],
            bandwidth_mib_s=item["bandwidth_mib_s"],
            downtime_ms=item["downtime_ms"],
            auto_converge=item["auto_converge"],
            post_copy=item["post_copy"],
            offline=item["offline"],
        )
        return MigrationSpec(files.check_uuid(item["uuid"]), item["target"], request)

    def lock_id(self, spec: MigrationSpec) -> str:
        """The lock of the instance."""
        return spec.uuid

    def read(self, spec: MigrationSpec) -> Sides:
        """Ask both sides."""
        with Hypervisor.connect(spec.request.uri) as target:
            here, there = self.host.find(spec.uuid), target.find(spec.uuid)
            return Sides(
                source=here.state() if here else "absent",
                target=there.state() if there else "absent",
                held=there.is_migrating() if there else False,
                has_leftovers=bool(self._leftovers(spec)),
            )

    def plan(self, spec: MigrationSpec, current: Sides) -> Plan:
        """Decide; see migration_plan.py."""
        offline = spec.request.offline
        return migration_plan.plan(self._name(spec), spec.target, current, offline=offline)

    def apply(self, spec: MigrationSpec, plan: Plan) -> None:
        """Migrate, prove that the target alone runs it, then clean up here."""
        if Step.MIGRATE in plan.steps:
            self._migrate(spec)
        if Step.MOVE_DEFINITION in plan.steps:
            self._move_definition(spec)
        self._clean_source(spec)

    def observe(self, spec: MigrationSpec) -> Mapping[str, Any]:
        """Which side runs the domain, and which has it at all."""
        try:
            sides = self.read(spec)
        except CellError:
            return {"runs_on": "unknown", "defined_on": "unknown"}
        runs_on = "unknown" if sides.held else sides.runs_on
        return {"runs_on": runs_on, "defined_on": sides.defined_on}

    def _migrate(self, spec: MigrationSpec) -> None:
        domain = self.host.find(spec.uuid)
        if domain is None:
            raise DomainNotFoundError(spec.uuid)
        reason, in_time = None, True
        try:
            in_time = domain.migrate(spec.request)
        except LibvirtError as error:
            reason = error.reason
        if not in_time:
            reason = f"not done after {spec.request.timeout_s} s, aborted"
        sides = self._settled(spec)
        migration_plan.judge(domain.name, spec.target, sides, reason=reason, expired=not in_time)

    def _move_definition(self, spec: MigrationSpec) -> None:
        domain = self.host.find(spec.uuid)
        if domain is None:
            raise DomainNotFoundError(spec.uuid)
        reason = None
        try:
            domain.move_definition(spec.request)
        except LibvirtError as error:
            reason = error.reason
        sides = self.read(spec)
        migration_plan.judge_definition(domain.name, spec.target, sides, reason=reason)

    def _settled(self, spec: MigrationSpec) -> Sides:
        deadline = time.monotonic() + _SETTLE_S
        sides = self.read(spec)
        while not sides.is_settled and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            sides = self.read(spec)
        return sides

    def _clean_source(self, spec: MigrationSpec) -> None:
        """Reached only when the target runs the domain, or alone has its definition."""
        domain = self.host.find(spec.uuid)
        if domain is not None:
            domain.undefine()
        used = self.host.files_in_use()
        for path in self._leftovers(spec):
            if str(path) in used:
                raise VolumeInUseError(path.stem, used[str(path)])
            path.unlink()
        remove_logs(files.serial_log_path(self.directories.serial_logs, spec.uuid))

    def _leftovers(self, spec: MigrationSpec) -> list[Path]:
        """The instance's volumes here; where storage is shared they are the target's, too."""
        if not (self.remove_source_volumes and spec.request.copy_storage):
            return []
        return sorted(Path(self.directories.volumes).glob(f"{spec.uuid}-vd[a-z].qcow2"))

    def _name(self, spec: MigrationSpec) -> str:
        domain = self.host.find(spec.uuid)
        return domain.name if domain else spec.uuid
