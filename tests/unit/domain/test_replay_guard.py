"""Replays are told from restarts, and restarts from clones."""

import pytest

from skep.domain.announcement import Announcement, ReplayGuard

T = 1_700_000_000.0


def heard(
    boot: str, sequence: int, sent_at: float, *, kind: str = "cell", key: bytes = b"k" * 32
) -> Announcement:
    boot_id = boot.encode().hex().ljust(16, "0")
    return Announcement(kind, "nano", key, boot_id, sequence, T + sent_at, {})  # type: ignore[arg-type]


def verdicts(guard: ReplayGuard, *sent: tuple[str, int, float]) -> list[str]:
    """Verdicts when every announcement arrives as soon as the newest of them was sent."""
    return [
        guard.check(heard(boot, sequence, at), T + max(s[2] for s in sent))
        for boot, sequence, at in sent
    ]


def test_rising_sequences_are_fresh() -> None:
    assert verdicts(ReplayGuard(), ("A", 0, 0), ("A", 1, 2), ("A", 5, 4)) == ["fresh"] * 3


def test_the_same_or_an_older_sequence_is_replayed() -> None:
    sent = [("A", 3, 0), ("A", 3, 0), ("A", 2, -2)]
    assert verdicts(ReplayGuard(), *sent) == ["fresh", "replayed", "replayed"]  # type: ignore[arg-type]


def test_kinds_have_sequences_of_their_own() -> None:
    guard = ReplayGuard()
    assert guard.check(heard("A", 2, 0, kind="report"), T) == "fresh"
    assert guard.check(heard("A", 1, 0, kind="cell"), T) == "fresh"
    assert guard.check(heard("A", 2, 0, kind="report"), T) == "replayed"


@pytest.mark.parametrize("skew", [-91.0, 91.0, 1e9])
def test_a_clock_off_by_more_than_90_s_is_skewed_and_changes_nothing(skew: float) -> None:
    guard = ReplayGuard()
    assert guard.check(heard("B", 9, skew), T) == "skewed"
    assert guard.check(heard("A", 0, 0), T) == "fresh"


def test_a_restart_is_fresh_and_the_old_life_is_replayed_from_then_on() -> None:
    sent = [("A", 8, 0), ("B", 0, 3), ("A", 9, 1), ("A", 9, 3)]
    assert verdicts(ReplayGuard(), *sent) == ["fresh", "fresh", "replayed", "replayed"]


def test_a_new_boot_id_with_an_older_time_is_replayed() -> None:
    assert verdicts(ReplayGuard(), ("A", 8, 0), ("B", 0, -5)) == ["fresh", "replayed"]


def test_an_old_life_withheld_and_delivered_late_does_not_look_like_a_clone() -> None:
    sent = [("A", 1, 0), ("B", 0, 10), ("A", 2, 2), ("A", 3, 4), ("B", 1, 12)]
    assert verdicts(ReplayGuard(), *sent)[2:] == ["replayed", "replayed", "fresh"]


def test_alternating_boot_ids_are_a_duplicate_identity() -> None:
    sent = [("A", 5, 0), ("B", 2, 1), ("A", 6, 2), ("B", 3, 3)]
    expected = ["fresh", "fresh", "duplicate_identity", "duplicate_identity"]
    assert verdicts(ReplayGuard(), *sent) == expected


@pytest.mark.parametrize("skew", [-40.0, -1.5, 1.5, 40.0])
def test_a_clone_with_another_clock_is_noticed_too(skew: float) -> None:
    guard = ReplayGuard()
    seen = []
    for step in range(40):
        seen.append(guard.check(heard("A", step, 2 * step), T + 2 * step))
        seen.append(guard.check(heard("B", step, 2 * step + 1 + skew), T + 2 * step + 1))
    assert "duplicate_identity" in seen
    assert set(seen[-10:]) <= {"duplicate_identity", "replayed"}


def test_a_clock_set_back_before_a_restart_is_no_clone() -> None:
    sent = [("A", 0, 0), ("A", 1, 60), ("B", 0, 50), ("B", 1, 52), ("B", 2, 61)]
    expected = ["fresh", "fresh", "replayed", "replayed", "fresh"]
    assert verdicts(ReplayGuard(), *sent) == expected


def test_a_duplicate_identity_stays_until_one_of_the_two_is_silent_for_a_while() -> None:
    guard = ReplayGuard(conflict_s=60)
    for boot, sequence, at in [("A", 0, 0), ("B", 0, 1), ("A", 1, 2)]:
        last = guard.check(heard(boot, sequence, at), T + at)
    assert last == "duplicate_identity"
    assert guard.check(heard("A", 2, 4), T + 4) == "duplicate_identity"
    assert guard.check(heard("A", 3, 63), T + 63) == "fresh"


def test_keys_are_apart() -> None:
    guard = ReplayGuard()
    assert guard.check(heard("A", 1, 0, key=b"a" * 32), T) == "fresh"
    assert guard.check(heard("B", 1, 0, key=b"b" * 32), T) == "fresh"


def test_memory_is_bounded_in_keys_and_in_boot_ids() -> None:
    guard = ReplayGuard(max_senders=3)
    for number in range(50):
        guard.check(heard("A", 0, 0, key=bytes([number]) * 32), T)
        guard.check(heard(f"{number:02}", number, number / 10), T + 5)
    assert len(guard._senders) <= 3
    assert all(len(sender.lives) <= 4 for sender in guard._senders.values())
