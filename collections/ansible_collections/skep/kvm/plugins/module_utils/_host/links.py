# SPDX-License-Identifier: Apache-2.0
"""The one file that calls ip. /sys is not asked: it may show the network of another namespace."""

from __future__ import annotations

import os
import subprocess

from ansible_collections.skep.kvm.plugins.module_utils._errors import HostError

_ACTION = "ip -j -d link"
_TIMEOUT_S = 10


def read_links() -> str:
    """Return what ip says of the network interfaces, as JSON; HostError if it cannot."""
    # The PATH of a service user ends before /sbin.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    try:
        done = subprocess.run(
            ["ip", "-j", "-d", "link"],
            env={"PATH": path, "LC_ALL": "C"},
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise HostError(_ACTION, str(error)) from error
    return done.stdout.decode("utf-8", "replace")
