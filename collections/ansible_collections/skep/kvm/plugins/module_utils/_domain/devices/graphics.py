# SPDX-License-Identifier: Apache-2.0
"""The screen: VNC that only the Cell itself can reach, and a video card. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.skep.kvm.plugins.module_utils._domain.elements import (
    add,
    attribute,
    remove_all,
)

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True)
class Graphics:
    """No screen, or VNC on 127.0.0.1 (`localhost`) or a unix socket (`socket`)."""

    type: str = "none"
    listen: str = "localhost"
    video: str = "vga"


NONE = Graphics()


def parse(item: Mapping[str, Any]) -> Graphics:
    """Return the screen; without one there is nothing else to say."""
    if item["type"] == "none":
        return NONE
    return Graphics(item["type"], item["listen"], item["video"])


def write(devices: ET.Element, graphics: Graphics) -> None:
    """Set the screen and the video card."""
    remove_all(devices, "graphics")
    remove_all(devices, "video")
    if graphics.type == "none":
        return
    if graphics.listen == "socket":
        element = add(devices, "graphics", {"type": "vnc"})
        add(element, "listen", {"type": "socket"})
    else:
        attributes = {"type": "vnc", "port": "-1", "autoport": "yes", "listen": LOCALHOST}
        element = add(devices, "graphics", attributes)
        add(element, "listen", {"type": "address", "address": LOCALHOST})
    add(add(devices, "video"), "model", {"type": graphics.video})


def read(devices: ET.Element) -> Graphics:
    """Return the screen; what others gave it to listen on is said as it is."""
    element = devices.find("graphics")
    if element is None:
        return NONE
    address = attribute(element, "listen", "address") or element.get("listen", "")
    kind = attribute(element, "listen", "type")
    listen = "localhost" if address == LOCALHOST else address or kind or "localhost"
    video = attribute(devices, "video/model", "type", "none")
    return Graphics(element.get("type", "vnc"), listen, video)
