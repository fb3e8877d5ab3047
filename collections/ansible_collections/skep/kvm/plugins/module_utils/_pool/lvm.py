# SPDX-License-Identifier: Apache-2.0
"""The one file that calls LVM's programs, and blkdiscard and wipefs beside them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Sequence

from ansible_collections.skep.kvm.plugins.module_utils._errors import HostError

_TIMEOUT_S = 300
_WIPE_TIMEOUT_S = 24 * 3600


@dataclass(frozen=True)
class VolumeGroup:
    """A volume group and the devices that it is made of."""

    name: str
    size_bytes: int
    free_bytes: int
    extent_bytes: int
    tags: FrozenSet[str]
    autostart: bool


@dataclass(frozen=True)
class LogicalVolume:
    """A logical volume; `pool` is the thin pool that it lies in."""

    name: str
    path: str
    size_bytes: int
    pool: str
    is_thin_pool: bool
    tags: FrozenSet[str]
    data_percent: float
    metadata_percent: float
    autostart: bool


def volume_groups() -> List[VolumeGroup]:
    """Return all volume groups of the Cell; none where LVM is not installed."""
    sizes = ("vg_size", "vg_free", "vg_extent_size")
    fields = ("vg_name", *sizes, "vg_tags", "vg_autoactivation")
    return [
        VolumeGroup(
            name=row["vg_name"],
            size_bytes=int(row["vg_size"]),
            free_bytes=int(row["vg_free"]),
            extent_bytes=int(row["vg_extent_size"]),
            tags=_tags(row["vg_tags"]),
            autostart=bool(row["vg_autoactivation"]),
        )
        for row in _report("vgs", "vg", fields)
    ]


def logical_volumes(group: str) -> List[LogicalVolume]:
    """Return the logical volumes of a group."""
    more = ("lv_tags", "lv_autoactivation", "data_percent", "metadata_percent")
    fields = ("lv_name", "lv_path", "lv_size", "pool_lv", "segtype", *more)
    return [
        LogicalVolume(
            name=row["lv_name"],
            path=row["lv_path"] or f"/dev/{group}/{row['lv_name']}",
            size_bytes=int(row["lv_size"]),
            pool=row["pool_lv"],
            is_thin_pool=row["segtype"] == "thin-pool",
            tags=_tags(row["lv_tags"]),
            data_percent=float(row["data_percent"] or 0),
            metadata_percent=float(row["metadata_percent"] or 0),
            autostart=bool(row["lv_autoactivation"]),
        )
        for row in _report("lvs", "lv", fields, group)
    ]


def physical_volumes() -> Dict[str, str]:
    """Return {device: its volume group, empty for none}."""
    rows = _report("pvs", "pv", ("pv_name", "vg_name"))
    return {os.path.realpath(row["pv_name"]): row["vg_name"] for row in rows}


def signatures(device: str) -> List[str]:
    """Return what a device seems to hold already."""
    done = _run(["wipefs", "--no-act", "--json", device])
    found = json.loads(done)["signatures"] if done.strip() else []
    return [each["type"] for each in found]


def order(program: str, *arguments: str) -> None:
    """Call one of LVM's programs to change something; it asks nothing back."""
    _run([program, "--quiet", "--quiet", *arguments])


def wipe(device: str, start_bytes: int, length_bytes: int) -> None:
    """Write zeroes, so that nobody reads what another had there."""
    span = ["--offset", str(start_bytes), "--length", str(length_bytes)]
    _run(["blkdiscard", "--force", "--zeroout", *span, device], _WIPE_TIMEOUT_S)


def _report(
    program: str, kind: str, fields: Sequence[str], *arguments: str
) -> List[Dict[str, str]]:
    options = ["--reportformat", "json", "--units", "b", "--nosuffix", "-o", ",".join(fields)]
    try:
        text = _run([program, *options, *arguments])
    except FileNotFoundError:
        return []
    (report,) = json.loads(text)["report"]
    rows: List[Dict[str, str]] = report[kind]
    return rows


def _tags(text: str) -> FrozenSet[str]:
    return frozenset(each for each in text.split(",") if each)


def _run(command: Sequence[str], timeout_s: int = _TIMEOUT_S) -> str:
    # LVM complains of file descriptors that it did not open itself.
    environment = {**os.environ, "LC_ALL": "C", "LVM_SUPPRESS_FD_WARNINGS": "1"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(command[0], f"no end after {timeout_s} s") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise HostError(command[0], said or f"exit {done.returncode}")
    text: str = done.stdout.decode("utf-8", "replace")
    return text
