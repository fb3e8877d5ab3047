# SPDX-License-Identifier: Apache-2.0
"""Attributes that modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation fragment `skep.kvm.attributes`."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return what would change without changing anything.
  diff_mode:
    support: full
    description: Returns what has changed, or what would change in C(check_mode), when in diff mode.
  idempotent:
    support: full
    description: When run twice in a row with the same arguments, the second run changes nothing.
  platform:
    platforms: linux
    support: full
    description: Target operating systems on which the module works.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode); this module never changes anything.
  diff_mode:
    support: N/A
    description: Returns what has changed, or what would change in C(check_mode), when in diff mode.
  idempotent:
    support: full
    description: When run twice in a row with the same arguments, the second run changes nothing.
  platform:
    platforms: linux
    support: full
    description: Target operating systems on which the module works.
"""
