"""What the Core's API returns about placement."""

from typing import Any

RESERVATION_ID = "5d1c7c1e-95c3-4b7d-8a58-3f6f3c3f0a11"


def flavor(name: str = "medium", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{name}",
        "name": name,
        "cores": 2,
        "memory_mib": 4096,
        "disk_gib": None,
        "needs": {},
        "created_at": "2026-11-20T09:00:00Z",
        "generation": 1,
        **more,
    }


def group(name: str = "db", **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-of-{name}",
        "name": name,
        "policy": "anti-affinity",
        "max_per_cell": None,
        "instances": ["db-1", "db-2"],
        "created_at": "2026-11-20T09:00:00Z",
        "generation": 1,
        **more,
    }


def reservation(**more: Any) -> dict[str, Any]:
    return {
        "id": RESERVATION_ID,
        "name": "web",
        "count": 2,
        "actor": "admin",
        "pool": "default",
        "created_at": "2026-11-20T09:00:00Z",
        "state": "partial",
        "states": {"running": 1, "failed": 1},
        **more,
    }


def part(weigher: str, weighted: float) -> dict[str, Any]:
    return {
        "weigher": weigher,
        "raw": 1.0,
        "unit": "MiB left",
        "normalised": weighted / 2,
        "multiplier": 2.0,
        "weighted": weighted,
    }


def verdict(cell: str, rank: int, score: float, *parts: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell": cell,
        "rank": rank,
        "accepted": True,
        "score": score,
        "parts": list(parts),
        "checks": [{"filter": "enabled", "reason": "enabled"}],
        "refusals": [],
        "rejected_by": None,
        "reason": None,
    }


def refusal(cell: str, *findings: tuple[str, str]) -> dict[str, Any]:
    refusals = [{"filter": name, "reason": reason} for name, reason in findings]
    return {
        "cell": cell,
        "rank": None,
        "accepted": False,
        "score": None,
        "parts": [],
        "checks": [],
        "refusals": refusals,
        "rejected_by": findings[0][0],
        "reason": findings[0][1],
    }


def explanation(*cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "instance": "web-1",
        "cell": "cell-2",
        "flavor": {"cores": 2, "memory_mib": 4096, "disk_gib": 20},
        "policy": {"name": "spread"},
        "seed": 7,
        "tie": "a permutation of the Cells with seed 7",
        "accepted": sum(each["accepted"] for each in cells),
        "removed": [],
        "cells": list(cells),
        "decided_at": "2026-11-20T09:00:00Z",
        **more,
    }


def preview(**more: Any) -> dict[str, Any]:
    places = ["cell-2", "cell-1", "cell-2"]
    assignments = [
        {
            "instance": f"web-{number}",
            "cell": cell,
            "score": 8.5,
            "runner_up": "cell-1",
            "runner_up_score": 7.5,
        }
        for number, cell in enumerate(places, 1)
    ]
    return {
        "feasible": True,
        "policy": "spread",
        "seed": 7,
        "decided_at": "2026-11-20T09:00:00Z",
        "assignments": assignments,
        "split": [{"cell": "cell-2", "count": 2}, {"cell": "cell-1", "count": 1}],
        "shortfalls": [],
        "decision": explanation(
            verdict("cell-2", 1, 8.5, part("free_memory", 1.75), part("turn", 1)),
            verdict("cell-1", 2, 7.5, part("free_memory", 1.25), part("turn", 1)),
            refusal("cell-3", ("enabled", "disabled"), ("memory", "768 MiB free, 4096 needed")),
            removed=[{"filter": "enabled", "count": 1}],
        ),
        **more,
    }


def shortfall(*, fatal: bool) -> dict[str, Any]:
    return {
        "instance": "web-3",
        "asked": 3,
        "placed": 2,
        "fatal": fatal,
        "removed": [{"filter": "memory", "count": 2}],
        "closest": {"cell": "cell-6", "lacks": [{"filter": "memory", "reason": "1 MiB free"}]},
        "words": "web-3: 2 of 3 placed, none of 2 Cells takes one more; closest is cell-6",
    }


def room(name: str | None = "medium", **more: Any) -> dict[str, Any]:
    return {
        "flavor": name,
        "cores": 2,
        "memory_mib": 4096,
        "disk_gib": 1,
        "now": 12,
        "after_loss": 5,
        "survives": True,
        "worst_cell": "cell-2",
        "displaced": 3,
        "cells": [{"cell": "cell-1", "count": 8}, {"cell": "cell-2", "count": 4}],
        **more,
    }
