# SPDX-License-Identifier: Apache-2.0
"""libvirt's binding, or None: its absence is told when a connection is asked for."""

from __future__ import annotations

__all__ = ["libvirt"]

try:
    import libvirt
except ImportError:
    libvirt = None
