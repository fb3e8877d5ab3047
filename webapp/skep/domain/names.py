"""Which names are legal. Pure; a name is data, so an instance may be called almost anything."""

import re
import unicodedata

from skep.domain.errors import InvalidNameError

CELL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
INSTANCE_NAME_MAX = 64
# libvirt names files after a domain: 255 bytes less its longest ending.
INSTANCE_NAME_MAX_BYTES = 240
# Control, format (which holds the bidi marks), surrogate, private, unassigned, and line breaks.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def check_instance_name(name: str) -> str:
    """Return the name, or raise InvalidNameError.

    libvirt refuses '/' in a domain's name; everything else that prints is allowed.
    """
    if not 1 <= len(name) <= INSTANCE_NAME_MAX:
        raise InvalidNameError(
            "instance", name, f"1 to {INSTANCE_NAME_MAX} characters, got {len(name)}"
        )
    if len(name.encode(errors="replace")) > INSTANCE_NAME_MAX_BYTES:
        raise InvalidNameError(
            "instance", name, f"at most {INSTANCE_NAME_MAX_BYTES} bytes in UTF-8"
        )
    if "/" in name:
        raise InvalidNameError("instance", name, "'/' cannot be part of a libvirt domain's name")
    if name in {".", ".."}:
        raise InvalidNameError("instance", name, "no address could hold it")
    if name != name.strip():
        raise InvalidNameError("instance", name, "no space at either end")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in name):
        raise InvalidNameError("instance", name, "printable characters only")
    return name


def check_label(kind: str, name: str) -> str:
    """Return the name of a pool or image, or raise InvalidNameError."""
    if LABEL_NAME.fullmatch(name) is None:
        raise InvalidNameError(
            kind, name, "1 to 63 of A-Z a-z 0-9 . _ - and a letter or digit first"
        )
    return name


def is_cell_name(name: str) -> bool:
    """Whether the name is an RFC 1123 label in lower case."""
    return CELL_NAME.fullmatch(name) is not None


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Return NAME, or NAME-1 ... NAME-count: the longest is the last."""
    return (name,) if count == 1 else tuple(f"{name}-{number}" for number in range(1, count + 1))
