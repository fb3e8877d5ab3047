# SPDX-License-Identifier: Apache-2.0
"""Seeds for cloud-init: an ISO image per instance, of the kind NoCloud.

The same data give the same bytes, so that comparing the files tells whether something changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Dict, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._errors import HostError, InvalidItemError
from ansible_collections.skep.kvm.plugins.module_utils._host import files
from ansible_collections.skep.kvm.plugins.module_utils._items import Item, Plan
from ansible_collections.skep.kvm.plugins.module_utils._storage.errors import SeedInUseError
from ansible_collections.skep.kvm.plugins.module_utils._storage.usage import Usage, User

_TEXT_MAX = 1 << 20
_TIMEOUT_S = 60
_EPOCH = 1704067200  # 2024-01-01: one time for every file
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOSTNAME_MAX = 253
# How cloud-init knows what user-data are; text without one of these is ignored by it.
_HEADERS = ("#cloud-config", "#!", "#include", "#cloud-boothook", "#part-handler", "## template:")
_MIME = ("Content-Type:", "MIME-Version:")


class Step(Enum):
    """What can happen to a seed."""

    WRITE = "write"
    REMOVE = "remove"


@dataclass(frozen=True)
class SeedSpec:
    """A seed as wanted: its files by name."""

    uuid: str
    state: str
    content: Mapping[str, str]


@dataclass(frozen=True)
class CurrentSeed:
    """What is there and what should be, as checksums; the user only for a removal."""

    sha256: str | None = None
    wanted: str | None = None
    mode: int = 0
    user: User | None = None


@dataclass(frozen=True)
class SeedStore:
    """The directory of seeds of a Cell."""

    noun: ClassVar[str] = "seed"
    directory: Path
    usage: Usage

    def identify(self, item: Item) -> str:
        """Return the uuid as it was given."""
        return str(item["uuid"])

    def resolve(self, item: Item) -> SeedSpec:
        """Return the checked item."""
        uuid = files.check_uuid(item["uuid"])
        if item["state"] == "absent":
            return SeedSpec(uuid, "absent", {})
        return SeedSpec(uuid, "present", contents(item, uuid))

    def lock_id(self, spec: SeedSpec) -> str:
        """The lock of the instance."""
        return spec.uuid

    def read(self, spec: SeedSpec) -> CurrentSeed:
        """Return the checksums of the file and of what it should be."""
        path = self._path(spec)
        wanted = _digest(build(spec.content)) if spec.state == "present" else None
        if not path.exists():
            return CurrentSeed(wanted=wanted)
        user = self.usage.of(str(path)) if spec.state == "absent" else None
        mode = path.stat().st_mode & 0o777
        return CurrentSeed(_digest(path.read_bytes()), wanted, mode, user)

    def plan(self, spec: SeedSpec, current: CurrentSeed) -> Plan:
        """Decide; user-data may hold secrets, so that only checksums are shown."""
        before = _shown(current.sha256, current.mode)
        if spec.state == "absent":
            if current.sha256 is None:
                return Plan()
            if current.user is not None:
                raise SeedInUseError(spec.uuid, current.user.name)
            return Plan((Step.REMOVE,), before, _shown(None, 0))
        after = _shown(current.wanted, 0o600)
        return Plan() if before == after else Plan((Step.WRITE,), before, after)

    def apply(self, spec: SeedSpec, plan: Plan) -> None:
        """Write or remove the file."""
        path = self._path(spec)
        if Step.REMOVE in plan.steps:
            path.unlink()
            return
        files.make_directory(self.directory)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(build(spec.content))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        files.sync_directory(self.directory)

    def observe(self, spec: SeedSpec) -> Mapping[str, Any]:
        """Where the seed lies, None when there is none."""
        path = self._path(spec)
        return {"path": str(path) if path.exists() else None}

    def _path(self, spec: SeedSpec) -> Path:
        return self.directory / f"{spec.uuid}.iso"


def contents(item: Item, uuid: str) -> Dict[str, str]:
    """Return the files of a seed, or raise InvalidItemError. Pure.

    Data are written as JSON, which is YAML: nobody's text is ever pasted into another's.
    """
    meta: Dict[str, Any] = {"instance-id": uuid, **(item["meta_data"] or {})}
    if item["hostname"]:
        meta["local-hostname"] = _hostname(item["hostname"])
    found = {
        "meta-data": _json(meta),
        "user-data": _user_data(item["user_data"] or "#cloud-config"),
    }
    if item["network_config"]:
        found["network-config"] = _json(item["network_config"])
    for name, text in found.items():
        if len(text.encode("utf-8", "replace")) > _TEXT_MAX:
            raise InvalidItemError(name.replace("-", "_"), "...", f"at most {_TEXT_MAX} bytes")
    return found


def build(content: Mapping[str, str]) -> bytes:
    """Return the ISO image that holds these files, the same for the same content."""
    with tempfile.TemporaryDirectory(prefix="skep-seed-") as folder:
        for name, text in content.items():
            path = Path(folder, name)
            path.write_bytes(text.encode())
            os.utime(path, (_EPOCH, _EPOCH))
        command = ["xorriso", "-as", "mkisofs", "-quiet", "-volid", "cidata"]
        layout = ["-rational-rock", "-joliet", "-uid", "0", "-gid", "0", "-file-mode", "0444"]
        return _run([*command, *layout, "-output", "image.iso", *sorted(content)], folder)


def _run(command: list[str], folder: str) -> bytes:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(_EPOCH)}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise HostError("xorriso", "it is not installed on this Cell") from error
    except subprocess.TimeoutExpired as error:
        raise HostError("xorriso", f"no end after {_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise HostError("xorriso", done.stderr.decode("utf-8", "replace").strip()[-500:])
    return Path(folder, "image.iso").read_bytes()


def _user_data(text: str) -> str:
    if not text.startswith((*_HEADERS, *_MIME)):
        raise InvalidItemError("user_data", "...", f"starts with {', '.join(_HEADERS)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidItemError("user_data", "...", "text in UTF-8") from error
    return text


def _hostname(value: str) -> str:
    is_name = all(_LABEL.fullmatch(each) for each in value.split("."))
    if len(value) > _HOSTNAME_MAX or not is_name:
        raise InvalidItemError("hostname", value[:80], "letters, digits, '-' and '.' between them")
    return value


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, indent=1) + "\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _shown(sha256: str | None, mode: int) -> Dict[str, Any]:
    if sha256 is None:
        return {"state": "absent"}
    return {"state": "present", "sha256": sha256, "mode": f"{mode:04o}"}
