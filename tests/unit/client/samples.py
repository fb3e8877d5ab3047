"""Objects as the Core's API returns them."""

from typing import Any

RUN_ID = "9f4c5d0e-7a51-4c1c-9d0b-0a6f0e1d2c3b"
FINGERPRINT = "SHA256:Qm9vbGVhbnMgYXJlIG5vdCBmaW5nZXJwcmludHMhISE"


def cell(name: str = "cell-1", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{name}",
        "name": name,
        "fingerprint": FINGERPRINT,
        "state": "online",
        "enabled": True,
        "pool": "default",
        "address": "10.0.0.11",
        "addresses": ["10.0.0.11"],
        "kvm": "usable",
        "capacity": {"cpus": 8, "memory_mib": 16384, "disk_gib": 200},
        "load": {"load1": 0.5, "memory_used_mib": 900, "disk_used_gib": 12, "domains": 2},
        "promised": {"cores": 3, "memory_mib": 2048, "disk_gib": 20},
        "reserved": {"cores": 1, "memory_mib": 1024, "disk_gib": 10},
        "max_instances": None,
        "tags": ["ssd"],
        "labels": {"rack": "r1"},
        "capabilities": {"architecture": "x86_64", "machines": ["q35", "pc"]},
        "versions": {"skep": "0.1.0", "libvirt": "9.0.0"},
        "conflict": None,
        "last_seen_at": "2026-11-20T09:42:50Z",
        "started_at": "2026-11-20T08:00:00Z",
        "generation": 4,
        **more,
    }


def image(name: str = "debian", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{name}",
        "name": name,
        "kind": "disk",
        "state": "ready",
        "format": "qcow2",
        "size_bytes": 300 * 1024 * 1024,
        "virtual_size_bytes": 2 * 1024 * 1024 * 1024,
        "sha256": "ab" * 32,
        "error": None,
        "cached_on": ["cell-1"],
        "created_at": "2026-11-20T09:00:00Z",
        "generation": 1,
        **more,
    }


def instance(name: str = "web-1", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{name}",
        "name": name,
        "state": "running",
        "cell": "cell-1",
        "pool": "default",
        "image": "debian",
        "flavor": None,
        "cores": 1,
        "memory_mib": 512,
        "disk_gib": 2,
        "owner": "admin",
        "reservation": "r-1",
        "reason": None,
        "run": None,
        "created_at": "2026-11-20T09:40:00Z",
        "updated_at": "2026-11-20T09:41:00Z",
        "generation": 3,
        **more,
    }


def pool(name: str = "default", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "cells": 2,
        "instances": 5,
        "cores_overcommit": 3.0,
        "memory_overcommit": 1.0,
        "disk_overcommit": 1.0,
        "policy": "spread",
        "multipliers": {"idle_cpu": 3.0},
        "effective_multipliers": {"free_memory": 2.0, "idle_cpu": 3.0},
        "load_limit": None,
        "io_limit": None,
        "max_instances": 40,
        "generation": 1,
        **more,
    }


def outcome(name: str = "web-1", state: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {
        "resource_kind": "instance",
        "resource_id": f"id-of-{name}",
        "resource_name": name,
        "cell": "cell-1",
        "state": state,
        "changed": state == "succeeded",
        "code": None,
        "msg": None,
        "diff": None,
        **more,
    }


def run(state: str = "succeeded", *outcomes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": RUN_ID,
        "operation": "instances_create",
        "playbook": "instances_create.yml",
        "state": state,
        "actor": "admin",
        "created_at": "2026-11-20T09:40:00Z",
        "started_at": "2026-11-20T09:40:00Z",
        "finished_at": None,
        "done": sum(each["state"] != "pending" for each in outcomes),
        "total": len(outcomes),
        "error": None,
        "outcomes": list(outcomes),
        **more,
    }


def status(**more: Any) -> dict[str, Any]:
    return {
        "version": "0.1.0",
        "zone": {"name": "nano", "group": "224.0.0.226", "port": 5599},
        "core_id": "core-id",
        "fingerprint": FINGERPRINT,
        "database": "ok",
        "discovery": {"received": 120, "dropped": {}},
        "cells": {"online": 2},
        "instances": {"running": 5},
        "runs": {"succeeded": 9},
        **more,
    }


def page(*items: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "next": following, "total": len(items)}
