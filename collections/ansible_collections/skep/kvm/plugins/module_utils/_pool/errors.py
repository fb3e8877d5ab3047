# SPDX-License-Identifier: Apache-2.0
"""What can be wrong about a storage pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.skep.kvm.plugins.module_utils._errors import CellError


@dataclass(eq=False)
class PoolDiffersError(CellError):
    """The pool exists with something that cannot be changed."""

    code: ClassVar[str] = "pool_differs"
    template: ClassVar[str] = (
        "pool {pool!r} has {field} {actual!r}, not {wanted!r}; delete it or choose another name"
    )
    pool: str
    field: str
    actual: object
    wanted: object


@dataclass(eq=False)
class PoolInUseError(CellError):
    """A domain has a volume in the pool."""

    code: ClassVar[str] = "pool_in_use"
    template: ClassVar[str] = (
        "pool {pool!r} holds {path} of domain {domain!r}; move or delete it first"
    )
    pool: str
    path: str
    domain: str


@dataclass(eq=False)
class PoolNotEmptyError(CellError):
    """Something lies in what is to be destroyed."""

    code: ClassVar[str] = "pool_not_empty"
    template: ClassVar[str] = (
        "pool {pool!r} holds {count} things, first {first}; delete them, or leave out purge"
    )
    pool: str
    count: int
    first: str


@dataclass(eq=False)
class PoolUnreachableError(CellError):
    """The server does not answer."""

    code: ClassVar[str] = "pool_unreachable"
    template: ClassVar[str] = "pool {pool!r}: {host} does not answer on port {port}: {reason}"
    pool: str
    host: str
    port: int
    reason: str


@dataclass(eq=False)
class PoolNotFoundError(CellError):
    """No pool of this Cell has the name."""

    code: ClassVar[str] = "pool_not_found"
    template: ClassVar[str] = "pool {pool!r} does not exist on this Cell; make it first"
    pool: str


@dataclass(eq=False)
class DeviceRefusedError(CellError):
    """A device is not free to be taken."""

    code: ClassVar[str] = "device_refused"
    template: ClassVar[str] = "device {device}: {reason}; nothing was written to it"
    device: str
    reason: str
