"""How the API shows each object: plain dicts, made in one place so that events show the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from skep.core.scheduler import policy_named
from skep.core.store.models import (
    Cell,
    Flavor,
    Image,
    Instance,
    InstanceGroup,
    Outcome,
    Pool,
    Reservation,
    Run,
)
from skep.domain.states import InstanceState, OutcomeState

Record = dict[str, Any]


def cell_record(cell: Cell, promised: Record) -> Record:
    """Show a Cell; `promised` is {cores, memory_mib, disk_gib} of the instances on it."""
    return {
        "id": cell.id,
        "name": cell.name,
        "fingerprint": cell.fingerprint,
        "state": cell.state,
        "enabled": cell.enabled,
        "pool": cell.pool.name if cell.pool else None,
        "address": cell.address,
        "addresses": list(cell.addresses),
        "kvm": cell.kvm,
        "capacity": {
            "cpus": cell.cpus,
            "memory_mib": cell.memory_mib,
            "disk_gib": cell.disk_gib,
        },
        "load": {
            "load1": cell.load1,
            "memory_used_mib": cell.memory_used_mib,
            "disk_used_gib": cell.disk_used_gib,
            "domains": cell.domains,
        },
        "promised": {name: promised[name] for name in ("cores", "memory_mib", "disk_gib")},
        "reserved": {
            "cores": cell.reserved_cores,
            "memory_mib": cell.reserved_memory_mib,
            "disk_gib": cell.reserved_disk_gib,
        },
        "max_instances": cell.max_instances or None,
        "tags": list(cell.tags),
        "labels": dict(cell.labels),
        "capabilities": dict(cell.capabilities),
        "versions": dict(cell.versions),
        "conflict": cell.conflict,
        "last_seen_at": timestamp(cell.last_seen_at),
        "started_at": timestamp(cell.started_at),
        "generation": cell.generation,
    }


def instance_record(instance: Instance) -> Record:
    """Show an instance."""
    reason = None
    if instance.reason_code is not None:
        reason = {"code": instance.reason_code, "msg": instance.reason_msg}
    return {
        "id": instance.id,
        "name": instance.name,
        "state": instance.state,
        "cell": instance.cell.name if instance.cell else None,
        "pool": instance.pool.name,
        "image": instance.image.name,
        "flavor": instance.flavor,
        "cores": instance.cores,
        "memory_mib": instance.memory_mib,
        "disk_gib": instance.disk_gib,
        "owner": instance.owner,
        "reservation": instance.reservation_id,
        "reason": reason,
        "run": instance.run_id,
        "created_at": timestamp(instance.created_at),
        "updated_at": timestamp(instance.updated_at),
        "generation": instance.generation,
    }


def image_record(image: Image) -> Record:
    """Show an image and the Cells that hold a verified copy."""
    return {
        "id": image.id,
        "name": image.name,
        "kind": image.kind,
        "state": image.state,
        "format": image.format,
        "size_bytes": image.size_bytes,
        "virtual_size_bytes": image.virtual_size_bytes,
        "sha256": image.sha256,
        "error": image.error,
        "cached_on": sorted(copy.cell.name for copy in image.copies),
        "created_at": timestamp(image.created_at),
        "generation": image.generation,
    }


def pool_record(pool: Pool, cells: int, instances: int) -> Record:
    """Show a pool with how many Cells and instances it holds, and what its policy comes to."""
    policy = policy_named(pool.policy).changed(pool.multipliers)
    return {
        "id": pool.id,
        "name": pool.name,
        "cells": cells,
        "instances": instances,
        "cores_overcommit": pool.cores_overcommit,
        "memory_overcommit": pool.memory_overcommit,
        "disk_overcommit": pool.disk_overcommit,
        "policy": pool.policy,
        "multipliers": dict(pool.multipliers),
        "effective_multipliers": dict(policy.multipliers),
        "load_limit": pool.load_limit,
        "io_limit": pool.io_limit,
        "max_instances": pool.max_instances,
        "created_at": timestamp(pool.created_at),
        "generation": pool.generation,
    }


def flavor_record(flavor: Flavor) -> Record:
    """Show a flavor; `needs` holds only what it asks for."""
    return {
        "id": flavor.id,
        "name": flavor.name,
        "cores": flavor.cores,
        "memory_mib": flavor.memory_mib,
        "disk_gib": flavor.disk_gib,
        "needs": dict(flavor.needs),
        "created_at": timestamp(flavor.created_at),
        "generation": flavor.generation,
    }


def instance_group_record(group: InstanceGroup, instances: Sequence[str]) -> Record:
    """Show an instance group with the names of its members."""
    return {
        "id": group.id,
        "name": group.name,
        "policy": group.policy,
        "max_per_cell": group.max_per_cell,
        "instances": list(instances),
        "created_at": timestamp(group.created_at),
        "generation": group.generation,
    }


@dataclass(frozen=True)
class Tally:
    """How many instances of a reservation share a state, a reason, and whether a run is at them."""

    state: str
    reason_code: str | None
    is_busy: bool
    count: int


def reservation_record(reservation: Reservation, tallies: Sequence[Tally]) -> Record:
    """Show a reservation with how many of its instances are in which state."""
    states: Counter[str] = Counter()
    for each in tallies:
        states[str(each.state)] += each.count
    return {
        "id": reservation.id,
        "name": reservation.name,
        "count": reservation.count,
        "actor": reservation.actor,
        "pool": reservation.pool.name if reservation.pool else None,
        "state": _reservation_state(reservation, tallies),
        "states": dict(sorted(states.items())),
        "created_at": timestamp(reservation.created_at),
    }


def _reservation_state(reservation: Reservation, tallies: Sequence[Tally]) -> str:
    """Return what its instances come to; nothing is kept."""
    making = {InstanceState.SCHEDULED, InstanceState.STARTING}
    unmade = [
        each for each in tallies if each.state in {InstanceState.SCHEDULED, InstanceState.FAILED}
    ]
    if not tallies:
        return "gone"
    if any(each.is_busy and each.state in making for each in tallies):
        return "pending"
    if len(unmade) == len(tallies):
        canceled = all(each.reason_code == OutcomeState.CANCELED for each in unmade)
        return "canceled" if canceled else "failed"
    complete = sum(each.count for each in tallies) == reservation.count
    return "ready" if complete and not unmade else "partial"


def run_record(run: Run) -> Record:
    """Show a run with one outcome per resource."""
    settled = [each for each in run.outcomes if each.state != OutcomeState.PENDING]
    outcomes = [outcome_record(each) for each in run.outcomes]
    return {**run_summary(run, len(settled), len(outcomes)), "outcomes": outcomes}


def run_summary(run: Run, done: int, total: int) -> Record:
    """Show a run without its outcomes, of which there may be thousands."""
    return {
        "id": run.id,
        "operation": run.operation,
        "playbook": f"{run.operation}.yml",
        "state": run.state,
        "actor": run.actor,
        "created_at": timestamp(run.created_at),
        "started_at": timestamp(run.started_at),
        "finished_at": timestamp(run.finished_at),
        "done": done,
        "total": total,
        "error": run.error,
    }


def outcome_record(outcome: Outcome) -> Record:
    """Show what happened to one resource of a run."""
    return {
        "resource_kind": outcome.resource_kind,
        "resource_id": outcome.resource_id,
        "resource_name": outcome.resource_name,
        "cell": outcome.cell_name,
        "state": outcome.state,
        "changed": outcome.changed,
        "code": outcome.code,
        "msg": outcome.msg,
        "diff": outcome.diff,
    }


def timestamp(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
