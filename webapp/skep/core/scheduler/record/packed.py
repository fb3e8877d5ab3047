"""Bytes that hold a JSON head and columns of numbers: `pack` writes them, `unpack` reads them.

Compressed: the head's length (4 bytes), the head, the columns. Each column has the narrowest type
that holds its numbers, named in the head, and lies byte by byte (all first bytes, then all second
ones), which compresses better. Reading bytes of any origin runs nothing and takes bounded memory.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from skep.core.scheduler.fleet.kinds import Array
from skep.domain.errors import SkepError

MOST_BYTES = 64 << 20
_QUICK = 1
_TYPES = frozenset({"|u1", "<u2", "<u4", "<u8", "<f8"})
_LENGTH = 4
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclass(eq=False)
class ReplayError(SkepError):
    """The stored inputs are not those of the stored plan."""

    code: ClassVar[str] = "not_replayable"
    template: ClassVar[str] = "the plan can't be made again: {problem}"
    problem: str


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what goes wrong with stored values into ReplayError."""
    try:
        yield
    except ReplayError:
        raise
    except (*_UNREADABLE, zlib.error, SkepError) as error:
        raise ReplayError(f"{what} can't be read ({error})") from error


def pack(
    head: Mapping[str, Any], columns: Iterable[Array], strategy: int = zlib.Z_DEFAULT_STRATEGY
) -> bytes:
    """Return the bytes; numbers are finite and at least 0.

    Repeated texts want zlib's default strategy. Numbers that hardly repeat do not: `Z_RLE` takes
    half the time for them, and fewer bytes.

    Raises:
        ReplayError: they would be more than `unpack` takes.
    """
    narrow = [_narrow(column) for column in columns]
    types = [[column.dtype.str, len(column)] for column in narrow]
    text = json.dumps({**head, "columns": types}, sort_keys=True, separators=(",", ":")).encode()
    parts = [len(text).to_bytes(_LENGTH, "little"), text, *map(_interleaved, narrow)]
    size = sum(map(len, parts))
    if size > MOST_BYTES:
        raise ReplayError(f"the facts of its Cells take {size} bytes, at most {MOST_BYTES} do")
    stream = zlib.compressobj(_QUICK, strategy=strategy)
    return stream.compress(b"".join(parts)) + stream.flush()


def unpack(content: bytes) -> tuple[dict[str, Any], list[Array]]:
    """Return the head and the columns of what `pack` wrote.

    Raises:
        ReplayError: something else wrote it, or it is more than `MOST_BYTES`.
    """
    with reading("what is stored of its Cells"):
        raw = _decompressed(content)
        start = _LENGTH + int.from_bytes(raw[:_LENGTH], "little")
        head = json.loads(raw[_LENGTH:start])
        columns = []
        for kind, length in head.pop("columns"):
            column = _column(raw, start, kind, length)
            columns.append(column)
            start += column.nbytes
        if start != len(raw):
            raise ReplayError(f"{len(raw)} bytes are stored of its Cells, {start} make sense")
        return head, columns


def _decompressed(content: bytes) -> bytes:
    stream = zlib.decompressobj()
    raw = stream.decompress(content, MOST_BYTES)
    if not stream.eof or stream.unused_data:
        raise ReplayError(f"what is stored of its Cells is cut or above {MOST_BYTES} bytes")
    return raw


def _narrow(column: Array) -> Array:
    if column.dtype.kind == "f":
        return column.astype("<f8")
    most = int(column.max(initial=0))
    return column.astype(np.min_scalar_type(most).newbyteorder("<"))


def _interleaved(column: Array) -> bytes:
    width = column.dtype.itemsize
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, width).T.tobytes()


def _column(raw: bytes, start: int, kind: str, length: int) -> Array:
    if kind not in _TYPES or not isinstance(length, int) or length < 0:
        raise ReplayError(f"a column has {length!r} numbers of type {kind!r}")
    width = np.dtype(kind).itemsize
    planes = np.frombuffer(raw, np.uint8, length * width, start).reshape(width, length)
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind)
