"""Says on every interface where the Core is, signed with the key that members pinned."""

import socket
import threading
import time

import structlog

from skep.core.discovery.netif import Interface, ipv4_interfaces
from skep.core.discovery.settings import DiscoverySettings
from skep.domain.announcement import Announcement, encode, raw_public_key

log = structlog.get_logger(__name__)


class Announcer:
    """A thread that announces the Core every period."""

    def __init__(self, settings: DiscoverySettings, boot_id: str) -> None:
        self._settings = settings
        self._boot_id = boot_id
        self._public_key = raw_public_key(settings.key)
        self._sequence = 0
        self._failing: set[Interface] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="discovery-announcer", daemon=True)

    def start(self) -> None:
        """Announce at once, then every period."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            while not self._stopped.is_set():
                for interface in ipv4_interfaces(self._settings.interfaces):
                    self._announce(sender, interface)
                self._stopped.wait(self._settings.period_s)

    def _announce(self, sender: socket.socket, interface: Interface) -> None:
        datagram = encode(self._announcement(interface), self._settings.key)
        source = socket.inet_aton(interface.address)
        try:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, source)
            sender.sendto(datagram, (self._settings.group, self._settings.port))
        except OSError as error:
            if interface not in self._failing:
                self._failing.add(interface)
                log.warning("cannot announce", interface=interface.name, error=str(error))
        else:
            self._failing.discard(interface)

    def _announcement(self, interface: Interface) -> Announcement:
        self._sequence += 1
        said = {
            "url": f"https://{interface.address}:{self._settings.api_port}",
            "certificate_sha256": self._settings.certificate_sha256,
            "report_port": self._settings.port,
            "name": self._settings.name,
        }
        return Announcement(
            kind="core",
            domain=self._settings.domain,
            public_key=self._public_key,
            boot_id=self._boot_id,
            sequence=self._sequence,
            sent_at=time.time(),
            payload={"core": said},
        )
