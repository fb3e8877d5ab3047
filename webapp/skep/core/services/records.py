"""How the API shows each object: plain dicts, made in one place so that events show the same."""

from datetime import UTC, datetime
from typing import Any

from skep.core.store.models import Cell, Image, Instance, Outcome, Pool, Run
from skep.domain.states import OutcomeState

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
        "promised": promised,
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
        "cores": instance.cores,
        "memory_mib": instance.memory_mib,
        "disk_gib": instance.disk_gib,
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
    """Show a pool with how many Cells and instances it holds."""
    return {
        "id": pool.id,
        "name": pool.name,
        "cells": cells,
        "instances": instances,
        "cores_overcommit": pool.cores_overcommit,
        "memory_overcommit": pool.memory_overcommit,
        "disk_overcommit": pool.disk_overcommit,
        "created_at": timestamp(pool.created_at),
        "generation": pool.generation,
    }


def run_record(run: Run) -> Record:
    """Show a run with one outcome per resource."""
    settled = [each for each in run.outcomes if each.state != OutcomeState.PENDING]
    return {
        "id": run.id,
        "operation": run.operation,
        "playbook": f"{run.operation}.yml",
        "state": run.state,
        "actor": run.actor,
        "created_at": timestamp(run.created_at),
        "started_at": timestamp(run.started_at),
        "finished_at": timestamp(run.finished_at),
        "done": len(settled),
        "total": len(run.outcomes),
        "error": run.error,
        "outcomes": [outcome_record(each) for each in run.outcomes],
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
