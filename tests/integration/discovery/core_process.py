"""A Core in a process of its own: prints the names of the Cells it hears and where from."""

import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.core.discovery.discovery import Discovery
from skep.core.discovery.settings import DiscoverySettings
from skep.domain.announcement import Announcement


def show(announcement: Announcement, source: str, *, is_local: bool, duplicate: bool) -> None:
    del is_local, duplicate
    print("heard", announcement.payload["cell"]["name"], source, flush=True)


settings = DiscoverySettings(
    name="core",
    api_port=5870,
    certificate_sha256="00" * 32,
    key=Ed25519PrivateKey.generate(),
    domain="test",
    port=int(sys.argv[1]),
    period_s=0.5,
)
Discovery(settings, show, frozenset).start()
time.sleep(120)
