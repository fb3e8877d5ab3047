# SPDX-License-Identifier: Apache-2.0
"""One domain of a libvirt connection, in the words of the collection."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, TypeVar

from ansible_collections.skep.kvm.plugins.module_utils._errors import LibvirtError
from ansible_collections.skep.kvm.plugins.module_utils._host.binding import libvirt

T = TypeVar("T")

_KIB_PER_MIB = 1024
_POLL_S = 0.2
# A guest that still boots misses the event; a second one does no harm.
_PRESS_AGAIN_S = 5.0


@dataclass(frozen=True)
class Size:
    """What a domain may use."""

    vcpus: int
    memory_mib: int


@dataclass(frozen=True)
class MigrationRequest:
    """Where a domain goes and how; zero bandwidth is no limit, zero downtime QEMU's own."""

    uri: str
    address: str | None
    copy_storage: bool
    timeout_s: int
    bandwidth_mib_s: int = 0
    downtime_ms: int = 0
    auto_converge: bool = True
    post_copy: bool = False
    offline: bool = False


class LiveDomain:
    """A domain; every call is one question or order to libvirt."""

    def __init__(self, handle: libvirt.virDomain) -> None:
        self._handle = handle
        self.uuid: str = handle.UUIDString()
        self.name: str = handle.name()

    def state(self) -> str:
        """Return running, paused, shutoff or, if it vanished, absent."""
        number = self._ask(lambda: self._handle.state()[0])
        if number is None:
            return "absent"
        return _states().get(number, "running")

    def is_migrating(self) -> bool:
        """Whether it is paused because a migration holds it: resuming could run it twice."""
        answer = self._ask(self._handle.state)
        return answer is not None and tuple(answer) in _held_by_migration()

    def size(self) -> Size:
        """Return what its definition gives it."""
        with self._translated():
            _, memory_kib, _, vcpus, _ = self._handle.info()
        return Size(vcpus, memory_kib // _KIB_PER_MIB)

    def persistent_xml(self) -> str:
        """Return the definition that the next start uses."""
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        with self._translated():
            xml: str = self._handle.XMLDesc(flags)
        return xml

    def running_xml(self) -> str:
        """Return the definition that the running domain has; empty when it is off."""
        if self.state() not in {"running", "paused"}:
            return ""
        return self._ask(lambda: str(self._handle.XMLDesc(0))) or ""

    def autostart(self) -> bool:
        """Whether it starts with the Cell; a domain that is not kept does not."""
        with self._translated():
            return bool(self._handle.isPersistent() and self._handle.autostart())

    def set_autostart(self, wanted: bool) -> None:  # noqa: FBT001  libvirt's own shape
        """Start it with the Cell, or not."""
        with self._translated():
            self._handle.setAutostart(int(wanted))

    def descriptions(self) -> List[str]:
        """Return the running and the persistent definition; nothing if it vanished."""
        found = (
            self._ask(lambda: self._handle.XMLDesc(0)),
            self._ask(lambda: self._handle.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)),
        )
        return [xml for xml in found if xml is not None]

    def start(self) -> None:
        """Start it."""
        self._order(self._handle.create, "running")

    def start_paused(self) -> None:
        """Start it with its CPUs halted."""
        flags = libvirt.VIR_DOMAIN_START_PAUSED
        self._order(lambda: self._handle.createWithFlags(flags), "paused")

    def pause(self) -> None:
        """Halt its CPUs."""
        self._order(self._handle.suspend, "paused")

    def reset(self) -> None:
        """Press the reset button."""
        with self._translated():
            self._handle.reset(0)

    def resume(self) -> None:
        """Let a paused domain go on."""
        answer = self._ask(self._handle.state)
        asleep = answer is not None and answer[0] == libvirt.VIR_DOMAIN_PMSUSPENDED
        self._order(self._handle.pMWakeup if asleep else self._handle.resume, "running")

    def rename(self, name: str) -> None:
        """Give a domain that is shut off another name."""
        with self._translated():
            self._handle.rename(name)

    def shut_down(self, timeout_s: int) -> bool:
        """Press the power button until it is off; False when it still runs after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        press_at = time.monotonic()
        while self.state() not in {"shutoff", "absent"}:
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= press_at:
                self._order(self._handle.shutdown, "shutoff", "absent")
                press_at = now + _PRESS_AGAIN_S
            time.sleep(min(_POLL_S, deadline - now))
        return True

    def destroy(self) -> None:
        """Pull the plug."""
        self._order(self._handle.destroy, "shutoff", "absent")

    def undefine(self) -> None:
        """Forget it with all that libvirt keeps beside it; without these flags libvirt refuses."""
        flags = (
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
            # Newer than the oldest libvirt we know; without it the TPM's state goes as well.
            | getattr(libvirt, "VIR_DOMAIN_UNDEFINE_TPM", 0)
        )
        self._order(lambda: self._handle.undefineFlags(flags), "absent")

    def plug(self, xml: str) -> None:
        """Put a device into the running domain."""
        with self._translated():
            self._handle.attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def unplug(self, xml: str) -> None:
        """Ask the guest to let go of a device; libvirt waits some seconds for it."""
        with self._translated():
            self._handle.detachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def update(self, xml: str) -> None:
        """Change a device of the running domain; a locked CD drive is opened by force."""
        flags = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE
        with self._translated():
            self._handle.updateDeviceFlags(xml, flags)

    def limit_disk(self, device: str, limits: Mapping[str, int]) -> None:
        """Limit a disk of the running domain; 0 is no limit."""
        with self._translated():
            self._handle.setBlockIoTune(device, dict(limits), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_vcpus(self, count: int) -> None:
        """Plug CPUs in, or ask the guest for them."""
        with self._translated():
            self._handle.setVcpusFlags(count, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_memory(self, mib: int) -> None:
        """Ask the guest's balloon to leave it this much."""
        with self._translated():
            self._handle.setMemoryFlags(mib * _KIB_PER_MIB, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def schedule(self, values: Mapping[str, int]) -> None:
        """Set weight and limit of the running domain's CPUs."""
        with self._translated():
            self._handle.setSchedulerParametersFlags(dict(values), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_metadata(self, xml: str, prefix: str, namespace: str) -> None:
        """Replace one element of the running domain's metadata."""
        kind, flags = libvirt.VIR_DOMAIN_METADATA_ELEMENT, libvirt.VIR_DOMAIN_AFFECT_LIVE
        with self._translated():
            self._handle.setMetadata(kind, xml, prefix, namespace, flags)

    def migrate(self, request: MigrationRequest) -> bool:
        """Move it while it runs; False when it was aborted after `timeout_s`."""
        expired, ended = threading.Event(), threading.Event()
        timer = threading.Timer(request.timeout_s, self._abort, [expired])
        timer.start()
        if request.post_copy:
            threading.Thread(target=self._switch_over, args=[ended], daemon=True).start()
        try:
            with self._translated():
                if request.downtime_ms:
                    self._handle.migrateSetMaxDowntime(request.downtime_ms, 0)
                self._handle.migrateToURI3(request.uri, _parameters(request), _flags(request))
        except LibvirtError:
            if expired.is_set():
                return False
            raise
        finally:
            timer.cancel()
            ended.set()
        return True

    def move_definition(self, request: MigrationRequest) -> None:
        """Move the definition of a domain that is off."""
        flags = (
            libvirt.VIR_MIGRATE_OFFLINE
            | libvirt.VIR_MIGRATE_PEER2PEER
            | libvirt.VIR_MIGRATE_PERSIST_DEST
            | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
        )
        with self._translated():
            self._handle.migrateToURI3(request.uri, {}, flags)

    def _abort(self, expired: threading.Event) -> None:
        """End the migration; libvirt refuses once the guest runs on the target after post-copy."""
        expired.set()
        with contextlib.suppress(libvirt.libvirtError):
            self._handle.abortJob()

    def _switch_over(self, ended: threading.Event) -> None:
        """Let the guest go on at the target once all its memory was copied a first time."""
        while not ended.wait(_POLL_S):
            with contextlib.suppress(libvirt.libvirtError):
                if self._handle.jobStats().get("memory_iteration", 0) > 1:
                    self._handle.migrateStartPostCopy(0)
                    return

    def _order(self, call: Callable[[], object], *goals: str) -> None:
        """Call; a refusal because the domain got there by itself meanwhile is no error."""
        try:
            with self._translated():
                call()
        except LibvirtError:
            if self.state() not in goals:
                raise

    def _ask(self, call: Callable[[], T]) -> T | None:
        """Call and return the answer, None if the domain is gone."""
        try:
            with self._translated():
                return call()
        except LibvirtError as error:
            if error.number == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def _translated(self) -> contextlib.AbstractContextManager[None]:
        return refusals_translated(f"domain {self.name!r}")


@contextlib.contextmanager
def refusals_translated(action: str) -> Iterator[None]:
    """Turn libvirt's error into a CellError."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise LibvirtError(action, str(error), error.get_error_code()) from error


def _states() -> Dict[int, str]:
    return {
        libvirt.VIR_DOMAIN_PAUSED: "paused",
        libvirt.VIR_DOMAIN_PMSUSPENDED: "paused",
        libvirt.VIR_DOMAIN_SHUTOFF: "shutoff",
        libvirt.VIR_DOMAIN_CRASHED: "shutoff",
    }


def _held_by_migration() -> frozenset[tuple[int, int]]:
    reasons = (
        libvirt.VIR_DOMAIN_PAUSED_MIGRATION,
        libvirt.VIR_DOMAIN_PAUSED_POSTCOPY,
        libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
    )
    return frozenset((libvirt.VIR_DOMAIN_PAUSED, each) for each in reasons)


def _parameters(request: MigrationRequest) -> Dict[str, Any]:
    parameters: Dict[str, Any] = {}
    if request.address is not None:
        host = f"[{request.address}]" if ":" in request.address else request.address
        parameters[libvirt.VIR_MIGRATE_PARAM_URI] = f"tcp://{host}"
        parameters[libvirt.VIR_MIGRATE_PARAM_LISTEN_ADDRESS] = request.address
    if request.bandwidth_mib_s:
        parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = request.bandwidth_mib_s
        if request.post_copy:
            parameters[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY] = request.bandwidth_mib_s
    return parameters


def _flags(request: MigrationRequest) -> int:
    flags: int = (
        libvirt.VIR_MIGRATE_LIVE
        | libvirt.VIR_MIGRATE_PEER2PEER
        | libvirt.VIR_MIGRATE_PERSIST_DEST
        | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
        | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
    )
    wanted = {
        libvirt.VIR_MIGRATE_AUTO_CONVERGE: request.auto_converge,
        libvirt.VIR_MIGRATE_POSTCOPY: request.post_copy,
        libvirt.VIR_MIGRATE_NON_SHARED_INC: request.copy_storage,
    }
    for flag, is_wanted in wanted.items():
        flags |= flag if is_wanted else 0
    return flags
