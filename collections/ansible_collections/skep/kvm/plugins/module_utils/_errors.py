# SPDX-License-Identifier: Apache-2.0
"""The one error base on a Cell. Leaves are named after the fact, carry data and format themselves.

Private to the collection, may change at any time. Raised where the fact is known, caught in
`_items.py` (one item) and in the modules' main() (the whole call).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Mapping, Tuple


@dataclass(eq=False)
class CellError(Exception):
    """Base of everything that can go wrong with one item on a Cell."""

    code: ClassVar[str] = "error"
    template: ClassVar[str] = "something went wrong"
    came_late: ClassVar[bool] = False

    def __str__(self) -> str:
        return self.template.format(**vars(self))

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the item's result says besides code and message."""
        return {"changed": True} if self.came_late else {}

    def after_a_change(self) -> CellError:
        """Return the error, knowing that something was changed before it."""
        vars(self)["came_late"] = True
        return self


@dataclass(eq=False)
class InvalidItemError(CellError):
    """An item breaks a rule that Ansible's argument spec cannot express."""

    code: ClassVar[str] = "invalid_item"
    template: ClassVar[str] = "{field} {value!r} is not allowed: {rule}"
    field: str
    value: object
    rule: str


@dataclass(eq=False)
class BusyError(CellError):
    """Another module works on the same object."""

    code: ClassVar[str] = "busy"
    template: ClassVar[str] = (
        "{object_id}: another task still works on it after {waited_s} s; try again later"
    )
    object_id: str
    waited_s: float


@dataclass(eq=False)
class HostError(CellError):
    """The operating system refused."""

    code: ClassVar[str] = "host_error"
    template: ClassVar[str] = "{action}: {reason}"
    action: str
    reason: str


@dataclass(eq=False)
class DiskFullError(HostError):
    """No space left where the file belongs."""

    code: ClassVar[str] = "disk_full"
    template: ClassVar[str] = "{action}: {reason}; free space on this Cell or choose another"


@dataclass(eq=False)
class LibvirtUnavailableError(CellError):
    """libvirt itself cannot be reached."""

    code: ClassVar[str] = "libvirt_unavailable"
    template: ClassVar[str] = "{uri}: {reason}; see `systemctl status libvirtd` on the Cell"
    uri: str
    reason: str


@dataclass(eq=False)
class LibvirtError(CellError):
    """libvirt refused a call; `number` is its VIR_ERR_ value."""

    code: ClassVar[str] = "libvirt_error"
    template: ClassVar[str] = "{action}: {reason}"
    action: str
    reason: str
    number: int = -1


@dataclass(eq=False)
class DownloadError(CellError):
    """The content could not be fetched."""

    code: ClassVar[str] = "download_failed"
    template: ClassVar[str] = "{url}: {reason}"
    url: str
    reason: str


@dataclass(eq=False)
class ChecksumError(CellError):
    """The content fetched is not the content asked for."""

    code: ClassVar[str] = "checksum_mismatch"
    template: ClassVar[str] = "{url}: {what} is {actual}, not {expected}; upload the image again"
    url: str
    what: str
    actual: object
    expected: object


@dataclass(eq=False)
class UnsafeImageError(CellError):
    """The file is not a plain qcow2 image that stands alone."""

    code: ClassVar[str] = "unsafe_image"
    template: ClassVar[str] = "image {sha256}: {reason}; it was not placed"
    sha256: str
    reason: str


@dataclass(eq=False)
class ImageInUseError(CellError):
    """A volume on this Cell is an overlay of the image."""

    code: ClassVar[str] = "image_in_use"
    template: ClassVar[str] = (
        "image {sha256} is the backing of {count} volumes, first {volume}; delete them first"
    )
    sha256: str
    count: int
    volume: str


@dataclass(eq=False)
class ImageNotPlacedError(CellError):
    """The image that a volume needs is not on this Cell."""

    code: ClassVar[str] = "image_not_placed"
    template: ClassVar[str] = "volume {volume} needs image {sha256}, which is not on this Cell"
    volume: str
    sha256: str


@dataclass(eq=False)
class VolumeShrinkError(CellError):
    """A volume can only grow."""

    code: ClassVar[str] = "volume_shrink"
    template: ClassVar[str] = (
        "volume {volume}: {wanted_bytes} bytes wanted, least is {least_bytes}; volumes only grow"
    )
    volume: str
    wanted_bytes: int
    least_bytes: int


@dataclass(eq=False)
class VolumeBackingError(CellError):
    """The volume exists with another image below it."""

    code: ClassVar[str] = "volume_backing_differs"
    template: ClassVar[str] = (
        "volume {volume} lies on {actual!r}, not on {wanted!r}; delete it or choose another name"
    )
    volume: str
    actual: object
    wanted: object


@dataclass(eq=False)
class VolumeInUseError(CellError):
    """A domain uses the volume."""

    code: ClassVar[str] = "volume_in_use"
    template: ClassVar[str] = "volume {volume} is used by domain {domain!r}; {advice}"
    volume: str
    domain: str
    advice: str = "delete the domain first"


@dataclass(eq=False)
class VolumeMissingError(CellError):
    """A domain's disk has no file."""

    code: ClassVar[str] = "volume_missing"
    template: ClassVar[str] = "domain {domain!r} needs {path}, which does not exist"
    domain: str
    path: str


@dataclass(eq=False)
class VolumeBrokenError(CellError):
    """The file is there and is no qcow2 file."""

    code: ClassVar[str] = "volume_broken"
    template: ClassVar[str] = "{path}: {reason}"
    path: str
    reason: str


@dataclass(eq=False)
class DomainNotFoundError(CellError):
    """No domain of this Cell has this uuid or name."""

    code: ClassVar[str] = "domain_not_found"
    template: ClassVar[str] = "domain {domain!r} does not exist on this Cell"
    domain: str


@dataclass(eq=False)
class NameInUseError(CellError):
    """The name belongs to a domain with another uuid."""

    code: ClassVar[str] = "name_in_use"
    template: ClassVar[str] = "domain name {name!r} belongs to {owner} on this Cell"
    name: str
    owner: str


@dataclass(eq=False)
class DomainStateError(CellError):
    """The domain's state does not allow what was asked."""

    code: ClassVar[str] = "invalid_state"
    template: ClassVar[str] = "domain {domain!r} is {state}; {needed}"
    domain: str
    state: str
    needed: str


@dataclass(eq=False)
class PathNotAllowedError(CellError):
    """A disk or medium would lie outside the folders meant for them."""

    code: ClassVar[str] = "path_not_allowed"
    template: ClassVar[str] = "path {path!r} is not a plain path below {allowed}"
    path: str
    allowed: str


@dataclass(eq=False)
class NeedsRecreationError(CellError):
    """A field that a domain keeps for life was to change; nothing was changed."""

    code: ClassVar[str] = "needs_recreation"
    template: ClassVar[str] = (
        "domain {domain!r}: {fields} cannot change; delete the domain, which keeps its volumes,"
        " and define it anew"
    )
    domain: str
    fields: str
    changes: Tuple[Mapping[str, Any], ...] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What would have changed, field by field."""
        return {"changes": list(self.changes)}


@dataclass(eq=False)
class VlanUnsupportedError(CellError):
    """This libvirt cannot tag frames on a Linux bridge."""

    code: ClassVar[str] = "vlan_unsupported"
    template: ClassVar[str] = (
        "VLAN {vlan} on Linux bridge {bridge} needs libvirt 11.0.0, this Cell has {version}; use"
        " a bridge of that VLAN, or Open vSwitch"
    )
    vlan: int
    bridge: str
    version: str


@dataclass(eq=False)
class ShutdownTimeoutError(CellError):
    """The guest did not follow the ACPI shutdown in time; it still runs."""

    code: ClassVar[str] = "shutdown_timeout"
    template: ClassVar[str] = (
        "domain {domain!r} still runs {timeout_s} s after ACPI shutdown; use force to power it off"
    )
    domain: str
    timeout_s: int


@dataclass(eq=False)
class MigrationError(CellError):
    """The migration failed and the domain runs on the source as before."""

    code: ClassVar[str] = "migration_failed"
    template: ClassVar[str] = "domain {domain!r} to {target}: {reason}; it still runs here"
    domain: str
    target: str
    reason: str


@dataclass(eq=False)
class OfflineMigrationError(MigrationError):
    """The definition of a domain that is off did not move."""

    template: ClassVar[str] = (
        "domain {domain!r} to {target}: {reason}; it is still defined here, off"
    )


@dataclass(eq=False)
class MigrationTimeoutError(MigrationError):
    """The migration did not end in time and was aborted."""

    code: ClassVar[str] = "migration_timeout"


@dataclass(eq=False)
class MigrationUnverifiedError(CellError):
    """Nothing shows that exactly one side runs the domain; nothing was removed."""

    code: ClassVar[str] = "migration_unverified"
    template: ClassVar[str] = (
        "domain {domain!r} is {source_state} here and {target_state} on {target}"
        " ({reason}); look at both Cells before starting it anywhere"
    )
    domain: str
    target: str
    source_state: str
    target_state: str
    reason: str
