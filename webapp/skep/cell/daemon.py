"""The daemon: announces this Cell on every interface, hears the Core, reports to it."""

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from skep import __version__
from skep.cell import kvm_probe
from skep.cell.config import Config
from skep.cell.host import Host
from skep.cell.hypervisor import Hypervisor
from skep.cell.identity import Membership, load_or_create_key, new_boot_id, read_membership
from skep.cell.messages import CoreWatch, Writer, cell_payload, report_payloads
from skep.cell.netif import Network, ipv4_interfaces
from skep.domain.announcement import AnnouncementError, decode, encode, raw_public_key

PERIOD_S = 2.0


class Daemon:
    """One Cell. run() blocks until stop(), which may be called from a signal handler."""

    def __init__(self, config: Config, log: Callable[[str], None]) -> None:
        self._config = config
        self._log = log
        self._key = load_or_create_key(config.state_dir / "identity.pem")
        self._writer = Writer(config.domain.name, raw_public_key(self._key), new_boot_id())
        self._host = Host(data_dir=config.data_dir)
        self._hypervisor = Hypervisor(config.libvirt_uri, self._wake, log)
        self._network = Network(config.domain, log)
        self._core = CoreWatch()
        self._membership: Membership | None = None
        self._kvm = "unknown"
        self._qemu: str | None = None
        self._started_at = int(time.time())
        self._stopped = False
        self._said = ""
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)  # noqa: FBT003 - the socket's way
        self._woken.setblocking(False)  # noqa: FBT003 - the socket's way

    def run(self) -> None:
        """Announce, listen and report until stopped."""
        self._log(f"cell {self._config.name}: {self._writer.write('cell', {}, 0).fingerprint}")
        self._hypervisor.start()
        threading.Thread(target=self._probe_kvm, name="kvm-probe", daemon=True).start()
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ, self._on_wake)
            selector.register(self._network.receiver, selectors.EVENT_READ, self._on_datagram)
            self._loop(selector)
        self._hypervisor.stop()
        self._network.close()

    def stop(self) -> None:
        """End run() soon."""
        self._stopped = True
        self._wake()

    def _loop(self, selector: selectors.BaseSelector) -> None:
        due = time.monotonic()
        while not self._stopped:
            now = time.monotonic()
            if now >= due:
                due = max(due + PERIOD_S, now)
                self._tick()
            for ready, _ in selector.select(max(0.0, due - time.monotonic())):
                ready.data()

    def _tick(self) -> None:
        try:
            self._announce()
        except (AnnouncementError, OSError, ValueError, KeyError) as error:
            # A fact that cannot be read now; the next tick tries again.
            self._say(f"cannot announce: {error!r}")
        self._report()

    def _announce(self) -> None:
        interfaces = ipv4_interfaces(self._config.interfaces)
        self._network.join(interfaces)
        self._membership = self._read_membership()
        addresses = [each.address for each in interfaces]
        facts = self._facts()
        for interface in interfaces:
            said = cell_payload(facts, interface.address, addresses, self._membership)
            datagram = encode(self._writer.write("cell", said, time.time()), self._key)
            self._network.announce(datagram, interface)

    def _facts(self) -> dict[str, Any]:
        snapshot = self._hypervisor.snapshot(time.monotonic())
        versions = {"skep": __version__, "libvirt": snapshot.libvirt, "qemu": self._qemu}
        return {
            "name": self._config.name,
            "capacity": self._host.capacity(),
            "load": self._host.load(snapshot.running),
            "versions": {**versions, "kernel": self._host.kernel()},
            "kvm": self._kvm,
            "started_at": self._started_at,
            "ssh_host_key": self._host.ssh_host_key(),
        }

    def _report(self) -> None:
        snapshot = self._hypervisor.snapshot(time.monotonic())
        target = self._core.target(self._membership, time.time())
        # Unknown is not empty: a Core that hears of no domain would give them up for lost.
        if target is None or snapshot.domains is None:
            return
        load = self._host.load(snapshot.running)
        for said in report_payloads(snapshot.domains, load):
            report = self._writer.write("report", said, time.time())
            self._network.send(encode(report, self._key), target)

    def _on_wake(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        self._report()

    def _on_datagram(self) -> None:
        datagram = self._network.receive()
        try:
            announcement = decode(datagram, self._config.domain.name)
        except AnnouncementError:
            return
        news = self._core.hear(announcement, self._membership, time.time())
        if news:
            self._say(news)

    def _read_membership(self) -> Membership | None:
        try:
            return read_membership(self._config.membership_file)
        except ValueError as error:
            self._say(str(error))
            return None

    def _probe_kvm(self) -> None:
        folders = (self._config.run_dir, self._config.state_dir)
        self._qemu = kvm_probe.qemu_version(self._config.qemu)
        try:
            self._kvm = kvm_probe.probe(self._config.qemu, folders, self._host.kernel_boot_id())
        except OSError as error:
            self._log(f"kvm probe: {error}")
        self._log(f"kvm is {self._kvm}")

    def _wake(self) -> None:
        # A full pipe wakes as well as one more byte would.
        with suppress(BlockingIOError):
            self._waker.send(b"w")

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._log(text)
