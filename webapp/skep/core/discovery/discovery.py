"""Discovery as one thing to start and to stop."""

import secrets
import sys
from contextlib import nullcontext
from typing import Any

from skep.core.discovery.announcer import Announcer
from skep.core.discovery.gate import Gate
from skep.core.discovery.listener import Listener
from skep.core.discovery.settings import Around, DiscoverySettings, Handler, Members
from skep.domain.announcement import raw_public_key

# Verifying releases the interpreter, and one busy thread then holds it for Python's 5 ms: 500
# announcements a second get through. With this 4600 do (measured).
_SWITCH_INTERVAL_S = 0.001


class Discovery:
    """Hears the communicate domain and announces the Core in it. Starts once.

    The handler runs in the listener's thread, inside `around`; members() is read every period.
    """

    def __init__(
        self,
        settings: DiscoverySettings,
        handler: Handler,
        members: Members,
        around: Around = nullcontext,
    ) -> None:
        boot_id = secrets.token_hex(8)
        self._gate = Gate(settings.domain, raw_public_key(settings.key), boot_id)
        self._listener = Listener(settings, self._gate, handler, members, around)
        self._announcer = Announcer(settings, boot_id)

    def start(self) -> None:
        """Listen first, so that no answer to the first announcement is missed."""
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        self._listener.start()
        self._announcer.start()

    def stop(self) -> None:
        """Be silent, then deaf; returns when both threads have ended."""
        self._announcer.stop()
        self._listener.stop()

    def counters(self) -> dict[str, Any]:
        """{received, dropped: {reason: n}} since the start."""
        return self._gate.counters()
