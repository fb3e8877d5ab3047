from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from skep.core.discovery.reports import Assembler
from skep.domain.announcement import Announcement


def part(number: int, of: int, sequence: int, *domains: Any, key: bytes = b"k") -> Announcement:
    said = {"part": number, "parts": of, "domains": list(domains), "load": {}}
    return Announcement("report", "nano", key, "00" * 8, sequence, 0.0, {"report": said})


def domains(announcement: Announcement | None) -> Any:
    return announcement and announcement.payload["report"]["domains"]


@given(st.permutations([1, 2, 3, 4]))
def test_parts_in_any_order_make_the_same_report(order: list[int]) -> None:
    assembler = Assembler()
    results = [assembler.add(part(number, 4, 10 + number, number)) for number in order]
    assert results[:-1] == [None] * 3
    assert domains(results[-1]) == [1, 2, 3, 4]


def test_parts_of_two_reports_are_never_mixed() -> None:
    assembler = Assembler()
    assert assembler.add(part(1, 2, 1, "old")) is None
    assert assembler.add(part(2, 2, 4, "new")) is None
    assert assembler.add(part(1, 2, 5, "newer")) is None
    assert domains(assembler.add(part(2, 2, 6, "newest"))) == ["newer", "newest"]


def test_cells_are_apart_and_memory_is_bounded() -> None:
    assembler = Assembler(most=2)
    for number in range(10):
        assembler.add(part(1, 2, 1, key=bytes([number])))
    assert len(assembler._open) == 2
    assert domains(assembler.add(part(2, 2, 2, "x", key=bytes([9])))) == ["x"]
