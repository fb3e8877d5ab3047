"""What an uploaded file really is, decided before any tool that follows references opens it.

Two independent parsers must agree: the format inspector of oslo.utils, which reads the header in
Python and refuses references to other files, and qemu-img under resource limits, which refuses the
broken headers that the inspector calls safe. Neither alone catches the whole list of known abuses.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from oslo_utils.imageutils import format_inspector

from skep.domain.errors import SkepError
from skep.domain.states import ImageKind

VIRTUAL_SIZE_MAX_BYTES = 2 * 2**40
# An honest `qemu-img info` needs milliseconds and `check` about a second for 64 GiB.
_CPU_LIMIT_S = 30
_MEMORY_LIMIT_BYTES = 2**30
_WALL_LIMIT_S = 120
_LIMITS = (
    "prlimit",
    f"--cpu={_CPU_LIMIT_S}",
    f"--as={_MEMORY_LIMIT_BYTES}",
    "--fsize=0",
    "--core=0",
)
_SECTOR_BYTES = 512
_CHUNK_BYTES = 64 * 1024


@dataclass(eq=False)
class NotAnImageError(SkepError):
    """The file is not a usable image of the kind that it was announced as."""

    code: ClassVar[str] = "not_an_image"
    template: ClassVar[str] = "the file is no usable {kind} image: {reason}"
    kind: str
    reason: str


@dataclass(eq=False)
class UnsafeImageError(SkepError):
    """The file refers to other files, or hides something."""

    code: ClassVar[str] = "unsafe_image"
    template: ClassVar[str] = (
        "the {kind} image is refused: {reason}; `qemu-img convert -O qcow2` makes one file of it"
    )
    kind: str
    reason: str


@dataclass(eq=False)
class ImageTooLargeError(SkepError):
    """The file, or the disk that it describes, is larger than allowed."""

    code: ClassVar[str] = "image_too_large"
    template: ClassVar[str] = "{what} is {size_bytes} bytes; at most {limit_bytes} are allowed"
    what: str
    size_bytes: int
    limit_bytes: int


@dataclass(frozen=True)
class ImageFacts:
    """What both parsers say of the file."""

    format: str
    virtual_size_bytes: int


def inspect(path: Path, kind: ImageKind) -> ImageFacts:
    """Return what the file is; a disk image is qcow2, a media image is ISO 9660 or UDF.

    Raises:
        NotAnImageError: another format, damaged, truncated, or the parsers disagree.
        UnsafeImageError: a backing file, an external data file, or unknown features.
        ImageTooLargeError: the virtual disk is larger than VIRTUAL_SIZE_MAX_BYTES.
    """
    facts = _inspect_disk(path) if kind is ImageKind.DISK else _inspect_media(path)
    if facts.virtual_size_bytes > VIRTUAL_SIZE_MAX_BYTES:
        raise ImageTooLargeError(
            "the virtual disk", facts.virtual_size_bytes, VIRTUAL_SIZE_MAX_BYTES
        )
    return facts


def _inspect_disk(path: Path) -> ImageFacts:
    kind = ImageKind.DISK
    header = _detect(path, kind, frozenset({"qcow2"}))
    size = int(header.virtual_size)
    if size > VIRTUAL_SIZE_MAX_BYTES:
        raise ImageTooLargeError("the virtual disk", size, VIRTUAL_SIZE_MAX_BYTES)
    info = _qemu_img("info", path, "qcow2", kind)
    _refuse_references(info, kind)
    _require_agreement(info, "qcow2", size, kind)
    check = _qemu_img("check", path, "qcow2", kind)
    if check.get("corruptions") or check.get("check-errors"):
        raise NotAnImageError(kind, "qemu-img check finds it damaged or cut short")
    return ImageFacts("qcow2", size)


def _inspect_media(path: Path) -> ImageFacts:
    kind = ImageKind.MEDIA
    # An ISO that also boots from a USB stick carries a partition table; both formats then match.
    header = _detect(path, kind, frozenset({"iso", "gpt"}))
    described, actual = int(header.virtual_size), path.stat().st_size
    if described > actual:
        raise NotAnImageError(kind, f"{actual} bytes, but its volume needs {described}: cut short")
    padded = -(-actual // _SECTOR_BYTES) * _SECTOR_BYTES
    _require_agreement(_qemu_img("info", path, "raw", kind), "raw", padded, kind)
    return ImageFacts("iso", actual)


def _detect(path: Path, kind: ImageKind, allowed: frozenset[str]) -> format_inspector.FileInspector:
    """Return the inspector of the wanted format, its safety checks passed."""
    wanted = "qcow2" if kind is ImageKind.DISK else "iso"
    try:
        found = {str(each): each for each in _matches(path)}
        if wanted not in found or not found.keys() <= allowed:
            raise NotAnImageError(kind, f"found {_spell(found)}, wanted {wanted}")
        found[wanted].safety_check()
    except format_inspector.SafetyCheckFailed as error:
        reasons = ", ".join(f"{name} ({fact})" for name, fact in sorted(error.failures.items()))
        raise UnsafeImageError(kind, reasons) from error
    except (format_inspector.ImageFormatError, ValueError, LookupError) as error:
        raise NotAnImageError(kind, "its header cannot be read") from error
    return found[wanted]


def _matches(path: Path) -> list[format_inspector.FileInspector]:
    with path.open("rb") as source:
        wrapper = format_inspector.InspectWrapper(source)
        while wrapper.formats is None and wrapper.read(_CHUNK_BYTES):
            pass
        wrapper.close()
        return wrapper.formats or []


def _spell(found: dict[str, Any]) -> str:
    return " and ".join(sorted(found)) or "nothing known"


def _refuse_references(info: dict[str, Any], kind: ImageKind) -> None:
    details = info.get("format-specific", {}).get("data", {})
    if any(key in info for key in ("backing-filename", "full-backing-filename")):
        raise UnsafeImageError(kind, "it has a backing file")
    if "data-file" in details or details.get("data-file-raw"):
        raise UnsafeImageError(kind, "it has an external data file")
    if info.get("encrypted") or "encrypt" in details:
        raise NotAnImageError(kind, "it is encrypted")
    if details.get("corrupt"):
        raise NotAnImageError(kind, "it is marked as corrupt")


def _require_agreement(info: dict[str, Any], image_format: str, size: int, kind: ImageKind) -> None:
    said = (info.get("format"), info.get("virtual-size"))
    if said != (image_format, size):
        raise NotAnImageError(kind, f"two parsers disagree: {image_format}, {size} against {said}")


def _qemu_img(command: str, path: Path, image_format: str, kind: ImageKind) -> dict[str, Any]:
    """Return the JSON answer of one qemu-img command under limits; the format is never probed."""
    arguments = [*_LIMITS, "qemu-img", command, "--output=json", "-f", image_format, str(path)]
    try:
        done = subprocess.run(arguments, capture_output=True, check=False, timeout=_WALL_LIMIT_S)
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise NotAnImageError(kind, f"qemu-img {command} cannot read it") from error
    if not isinstance(answer, dict):
        raise NotAnImageError(kind, f"qemu-img {command} cannot read it")
    return answer
