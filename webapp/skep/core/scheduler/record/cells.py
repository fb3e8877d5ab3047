"""A fleet as two packed parts: the roster, what seldom changes, and the facts that vary.

Both have the Cells in the order of their ids, so that equal facts make equal bytes whatever the
order of the rows. The roster is kept with the fleet and encoded again only after a change.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from skep.core.scheduler.fleet import Coded, Columns, Fleet, Roster
from skep.core.scheduler.fleet.kinds import Array
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
    return pack({"images": list(images)}, [*columns, *bits])


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
        key = json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else value
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
    ids, names, images = _texts(roster["ids"]), _texts(roster["names"]), _texts(varying["images"])
    numbers = {
        **_numbers(SELDOM, seldom[: len(SELDOM)]),
        **_numbers(VARYING, often[: len(VARYING)]),
    }
    every = zip(_CODED, seldom[len(SELDOM) :], strict=True)
    coded = {name: Coded(_values(name, roster["values"][name]), codes) for name, codes in every}
    if any(len(each.codes) != len(ids) for each in coded.values()):
        raise ReplayError(f"its Cells are not {len(ids)} in every column")
    coded["images"] = _images(images, often[len(VARYING) :], len(ids))
    conflicts: list[Any] = coded["conflict"].rows()
    return Columns(ids, names, conflicts, coded["facts"].rows(), numbers, coded)


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


def _images(images: Sequence[str], columns: Sequence[Array], size: int) -> Coded:
    """Return each Cell's images, of a column of bits per image."""
    width = -(-len(images) // 8)
    if len(columns) != len(images) or any(len(each) != -(-size // 8) for each in columns):
        raise ReplayError(f"{len(images)} images have {len(columns)} columns of bits")
    if not width:
        return Coded([frozenset()], np.zeros(size, dtype=np.int64))
    bits = np.unpackbits(np.array(columns, dtype=np.uint8), axis=1, count=size)
    raw = np.packbits(bits, axis=0).T.tobytes()
    found = _coded(raw[start : start + width] for start in range(0, len(raw), width))
    return Coded([_held(images, each) for each in found.values], found.codes)


def _held(images: Sequence[str], pattern: object) -> frozenset[str]:
    bits = np.unpackbits(np.frombuffer(pattern, np.uint8))  # type: ignore[call-overload]
    return frozenset(images[place] for place in np.flatnonzero(bits).tolist())
