"""Stored bytes that were damaged or forged are refused, whatever they are."""

import json
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.scheduler.cases import any_cells, few_cells, parts, recorded

from skep.core.scheduler import CellRow, Fleet, ReplayError, recorded_fleet, replay
from skep.core.scheduler.record import packed
from skep.core.scheduler.record.cells import digest_of, varying_of


@settings(max_examples=60, deadline=None)
@given(any_cells(), st.data())
def test_damaged_bytes_are_refused(rows: list[CellRow], data: st.DataObject) -> None:
    document, *both = parts(recorded(Fleet(rows)))
    part = data.draw(st.integers(0, 1))
    place_ = data.draw(st.integers(0, len(both[part]) - 1))
    damage = data.draw(
        st.binary(max_size=3).filter(lambda it: it != both[part][place_ : place_ + 1])
    )
    both[part] = both[part][:place_] + damage + both[part][place_ + 1 :]
    with pytest.raises(ReplayError):
        recorded_fleet(document, *both)


def forged(document: dict[str, object], roster: bytes, varying: bytes) -> Fleet:
    """Read bytes as somebody sends them who can compute digests."""
    digest = digest_of(varying, digest_of(roster))
    return recorded_fleet({**document, "digest": digest}, roster, varying)


@settings(max_examples=80, deadline=None)
@given(any_cells(), st.data())
def test_forged_bytes_are_refused_or_read_as_a_sane_fleet(
    rows: list[CellRow], data: st.DataObject
) -> None:
    document, *both = parts(recorded(Fleet(rows)))
    part = data.draw(st.integers(0, 1))
    raw = bytearray(zlib.decompress(both[part]))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    both[part] = zlib.compress(bytes(raw))
    try:
        found = forged(document, *both)
    except ReplayError:
        return
    assert list(Fleet(found)) == list(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ids", ["id-0", "id-0", "id-2"]),
        ("ids", ["id-0"]),
        ("ids", [1, 2, 3]),
        ("names", ["only one"]),
        ("names", "abc"),
        ("values", {}),
        ("values", {"tags": [["a", 1]]}),
        ("values", {"facts": ["no document"]}),
        ("values", {"pool": [7]}),
        ("values", {"tags": []}),
        ("columns", [["<f8", 1 << 60]]),
        ("columns", [["|O8", 1]]),
        ("columns", [["<u2", -1]]),
        ("columns", 7),
    ],
)
def test_a_forged_roster_is_refused(name: str, value: object) -> None:
    document, roster, varying = parts(recorded(few_cells()))
    raw = zlib.decompress(roster)
    end = 4 + int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4:end])
    head[name] = {**head[name], **value} if value and isinstance(value, dict) else value
    text = json.dumps(head).encode()
    made = zlib.compress(len(text).to_bytes(4, "little") + text + raw[end:])
    with pytest.raises(ReplayError):
        forged(document, made, varying)


@pytest.mark.parametrize(
    ("change", "number"), [("nan", float("nan")), ("infinite", float("inf")), ("negative", -1.0)]
)
def test_forged_numbers_are_refused(change: str, number: float) -> None:
    every = few_cells()
    document, roster, _ = parts(recorded(every))
    every._columns["load1"][0] = number
    with pytest.raises(ReplayError, match="load1"):
        forged(document, roster, varying_of(every))


def test_bytes_that_unpack_to_very_many_are_refused_early() -> None:
    document, roster, _ = parts(recorded(few_cells()))
    bomb = zlib.compress(bytes(4 * packed.MOST_BYTES), 1)
    tracemalloc.start()
    try:
        with pytest.raises(ReplayError, match="cut or above"):
            forged(document, roster, bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * packed.MOST_BYTES


@pytest.mark.parametrize("text", [b"[" * 100_000, b"7", b"{}", b"\xff", b'{"columns":[[]]}'])
def test_heads_that_are_none_are_refused(text: bytes) -> None:
    document, roster, _ = parts(recorded(few_cells()))
    made = zlib.compress(len(text).to_bytes(4, "little") + text)
    with pytest.raises(ReplayError, match="what is stored of its Cells"):
        forged(document, roster, made)


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"format": None}, {"request": {}}, {"policy": []}, {"shortfalls": 7}]
)
def test_documents_of_another_kind_are_refused(change: dict[str, object]) -> None:
    document, roster, varying = parts(recorded(few_cells()))
    with pytest.raises(ReplayError):
        replay({**document, **change}, roster, varying)
    with pytest.raises(ReplayError):
        replay({}, roster, varying)
