"""A fleet as two packed parts: the roster, what seldom changes, and the facts that vary.

Both have the Cells in the order of their ids, so that equal facts make equal bytes whatever the
order of the rows. The roster is kept with the fleet and encoded again only after a change.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from skep.core.scheduler.fleet import Coded, Columns, Fleet, Roster
from skep.core.scheduler.fleet.kinds import Array, Bools
from skep.core.scheduler.fleet.row import FLOATS, SELDOM, VARYING
from skep.core.scheduler.fleet.traits import TRAITS
from skep.core.scheduler.record.codec import plain
from skep.core.scheduler.record.packed import ReplayError, pack, reading, unpack

# How the distinct values of a coded fact are written; the other traits are lists.
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "conflict": (str, type(None)),
    "facts": dict,
    "pool": str,
    "architecture": str,
    "labels": dict,
}
_TRAITS = tuple(name for name in TRAITS if name != "images")
_BYTE = 8
_HASHED = (str, frozenset, type(None))
_TEXT = json.JSONEncoder(sort_keys=True, default=dict).encode
_CODED = ("conflict", "facts", *_TRAITS)


def roster_of(fleet: Fleet) -> Roster:
    """Return the facts that seldom change, encoded once until one of them does."""
    if fleet.derived.roster is None:
        fleet.derived.roster = _roster(fleet)
    return fleet.derived.roster


def varying_of(fleet: Fleet) -> bytes:
    """Return the facts that vary: numbers, and for each image a bit per Cell."""
    order, images = roster_of(fleet).order, fleet.traits.held("images")
    columns = [fleet.column(name)[order] for name in VARYING]
    bits = [np.packbits(column[order]) for column in images.values()]
    return pack({"images": list(images)}, [*columns, *bits], zlib.Z_RLE)


def digest_of(content: bytes, *others: str) -> str:
    """Return a digest of bytes and of digests of others."""
    found = hashlib.blake2b(content, digest_size=32)
    found.update("".join(others).encode())
    return found.hexdigest()


def fleet_of(roster: bytes, varying: bytes) -> Fleet:
    """Return the fleet that both parts describe.

    Raises:
        ReplayError: they were not written by this module, or do not belong together.
    """
    seldom, often = unpack(roster), unpack(varying)
    with reading("what is stored of its Cells"):
        return Fleet.from_columns(_columns(*seldom, *often))


def _roster(fleet: Fleet) -> Roster:
    order = sorted(range(len(fleet)), key=fleet.ids.__getitem__)
    rows = np.array(order, dtype=np.int64)
    held: dict[str, Sequence[object]] = {
        "conflict": fleet.conflicts,
        "facts": fleet.facts,
        **fleet.traits.of,
    }
    coded = {name: _coded(held[name][row] for row in order) for name in _CODED}
    head = {
        "ids": [fleet.ids[row] for row in order],
        "names": [fleet.names[row] for row in order],
        "values": {name: plain(each.values) for name, each in coded.items()},
    }
    numbers = [fleet.column(name)[rows] for name in SELDOM]
    content = pack(head, [*numbers, *(each.codes for each in coded.values())])
    return Roster(content, digest_of(content), rows)


def _coded(values: Iterable[object]) -> Coded:
    numbers: dict[object, int] = {}
    found: list[object] = []
    codes: list[int] = []
    for value in values:
        key = value if isinstance(value, _HASHED) else _TEXT(value)
        code = numbers.setdefault(key, len(numbers))
        if code == len(found):
            found.append(value)
        codes.append(code)
    return Coded(found, np.array(codes, dtype=np.int64))


def _columns(
    roster: Mapping[str, Any],
    seldom: Sequence[Array],
    varying: Mapping[str, Any],
    often: Sequence[Array],
) -> Columns:
    ids, names = _texts(roster["ids"]), _texts(roster["names"])
    every = zip(_CODED, seldom[len(SELDOM) :], strict=True)
    coded = {name: Coded(_values(name, roster["values"][name]), codes) for name, codes in every}
    if any(len(each.codes) != len(ids) for each in coded.values()):
        raise ReplayError(f"its Cells are not {len(ids)} in every column")
    conflicts: list[Any] = coded.pop("conflict").rows()
    return Columns(
        ids=ids,
        names=names,
        conflicts=conflicts,
        facts=coded.pop("facts").rows(),
        numbers={
            **_numbers(SELDOM, seldom[: len(SELDOM)]),
            **_numbers(VARYING, often[: len(VARYING)]),
        },
        traits=coded,
        images=_images(_texts(varying["images"]), often[len(VARYING) :], len(ids)),
    )


def _texts(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ReplayError("its Cells or images have names that are no text")
    return values


def _numbers(names: Sequence[str], columns: Sequence[Array]) -> dict[str, Array]:
    found = dict(zip(names, columns, strict=True))
    for name, column in found.items():
        if (column.dtype.kind == "f") != (name in FLOATS):
            raise ReplayError(f"{name} of its Cells is of type {column.dtype}")
    return found


def _values(name: str, values: Sequence[object]) -> list[object]:
    """Return the distinct values of a fact, lists as sets; each of the kind that it must have."""
    kind = _KINDS.get(name, list)
    for value in values:
        if not isinstance(value, kind):
            raise ReplayError(f"{name} of its Cells has {value!r:.40}")
    if kind is not list:
        return list(values)
    return [frozenset(sorted(each)) for each in values]  # type: ignore[call-overload]


def _images(images: Sequence[str], columns: Sequence[Array], size: int) -> dict[str, Bools]:
    """Return which Cells hold each image, of a bit per Cell."""
    if any(len(each) != -(-size // _BYTE) or each.dtype != np.uint8 for each in columns):
        raise ReplayError(f"images of its Cells are not {size} bits each")
    bits = [np.unpackbits(each, count=size).astype(np.bool_) for each in columns]
    return dict(zip(images, bits, strict=True))
