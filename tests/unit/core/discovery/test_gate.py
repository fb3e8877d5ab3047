"""What gets through the gate, what does not, and what strangers can cost."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.core.discovery.gate import Admitted, Gate
from skep.domain.announcement import Announcement, encode, raw_public_key

T = 1_700_000_000.0
LOAD = {"load1": 0.0, "memory_used_mib": 1, "disk_used_gib": 1, "domains": 1}
UUID = "0f0e0d0c-0b0a-4908-8706-05040302{:04d}"
SAID: dict[str, dict[str, Any]] = {
    "cell": {
        "name": "cell-1",
        "addresses": ["10.0.0.7"],
        "capacity": {"cpus": 8, "memory_mib": 16000, "disk_gib": 500},
        "load": LOAD,
        "versions": {"skep": None, "libvirt": None, "qemu": None, "kernel": None},
        "kvm": "unknown",
        "started_at": 0,
        "ssh_host_key": None,
        "pool": None,
        "core": None,
    },
    "core": {
        "url": "https://10.0.0.1:5870",
        "certificate_sha256": "00" * 32,
        "report_port": 5599,
        "name": "core",
    },
    "report": {"part": 1, "parts": 1, "domains": [], "load": LOAD},
}


class Sender:
    """A host that signs what it says."""

    def __init__(self, seed: int = 1, boot: str = "aa" * 8) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
        self.public = raw_public_key(self.key)
        self.boot = boot
        self.sequence = 0

    def says(self, kind: Any = "cell", now: float = T, **changes: Any) -> bytes:
        self.sequence += 1
        said = {kind: {**SAID[kind], **changes}}
        spoken = Announcement(kind, "nano", self.public, self.boot, self.sequence, now, said)
        return encode(spoken, self.key)


OWN = Sender(99, "00" * 8)


@pytest.fixture
def gate() -> Gate:
    return Gate("nano", OWN.public, OWN.boot)


def admit(gate: Gate, datagram: bytes, source: str = "10.0.0.7", now: float = T) -> Admitted | None:
    return gate.admit(datagram, source, now)


def test_a_strangers_announcement_is_let_in(gate: Gate) -> None:
    admitted = admit(gate, Sender().says())
    assert admitted is not None
    assert not admitted.duplicate
    assert gate.counters() == {"received": 1, "dropped": {}}


def test_the_cores_own_announcement_is_nothing(gate: Gate) -> None:
    assert admit(gate, OWN.says("core")) is None
    assert gate.counters() == {"received": 0, "dropped": {}}


@pytest.mark.parametrize("seed", [99, 7])
def test_a_second_core_is_counted_even_with_our_own_key(gate: Gate, seed: int) -> None:
    assert admit(gate, Sender(seed, "bb" * 8).says("core")) is None
    assert gate.dropped == {"foreign_core": 1}


def test_replayed_skewed_forged_and_foreign_are_dropped_by_name(gate: Gate) -> None:
    sender = Sender()
    first = sender.says()
    admit(gate, first)
    admit(gate, first)
    admit(gate, sender.says(now=T - 100))
    admit(gate, first[:10] + b"x" + first[11:])
    admit(gate, b"noise")
    admit(gate, b"x" * 2000)
    assert gate.received == 6
    assert gate.dropped == {
        "replayed": 1,
        "skewed": 1,
        "bad_signature": 1,
        "malformed": 1,
        "oversized": 1,
    }
    foreign = Gate("other", OWN.public, OWN.boot)
    admit(foreign, sender.says())
    assert foreign.dropped == {"foreign_domain": 1}


def test_a_datagram_carried_to_another_source_is_dropped(gate: Gate) -> None:
    assert admit(gate, Sender().says(), source="10.6.6.6") is None
    assert gate.dropped == {"foreign_source": 1}


def test_two_hosts_with_one_key_are_a_duplicate(gate: Gate) -> None:
    original, clone = Sender(boot="aa" * 8), Sender(boot="bb" * 8)
    gate.members = {original.public}
    said = [original.says(now=T), clone.says(now=T + 1), original.says(now=T + 2)]
    admitted = [admit(gate, datagram, now=T + at) for at, datagram in enumerate(said)]
    assert [each is not None and each.duplicate for each in admitted] == [False, False, True]


def test_reports_of_strangers_are_dropped_before_their_signature(gate: Gate) -> None:
    assert admit(gate, Sender().says("report")) is None
    assert gate.dropped == {"unknown_sender": 1}


def test_a_report_comes_out_whole(gate: Gate) -> None:
    member = Sender()
    gate.members = {member.public}
    domains = [[UUID.format(number), "running"] for number in range(25)]
    first = member.says("report", part=1, parts=2, domains=domains[:20])
    second = member.says("report", part=2, parts=2, domains=domains[20:])
    assert admit(gate, first) is None
    whole = admit(gate, second)
    assert whole is not None
    assert whole.announcement.payload["report"] == {
        "part": 1,
        "parts": 1,
        "domains": domains,
        "load": LOAD,
    }
    assert gate.dropped == {}


def test_a_report_with_a_lost_part_never_comes_out(gate: Gate) -> None:
    member = Sender()
    gate.members = {member.public}
    member.says("report", part=1, parts=2)
    assert admit(gate, member.says("report", part=2, parts=2)) is None
    assert admit(gate, member.says("report", part=1, parts=2)) is None
    assert admit(gate, member.says("report", part=2, parts=2)) is not None


def test_a_flood_from_one_source_leaves_other_sources_alone(gate: Gate) -> None:
    for _ in range(5000):
        admit(gate, b"noise", source="10.6.6.6")
    assert gate.dropped["rate_limited"] == 4800
    assert admit(gate, Sender().says()) is not None


def test_a_flood_of_new_keys_from_many_sources_leaves_members_alone(gate: Gate) -> None:
    member = Sender(1)
    gate.members = {member.public}
    checked: list[bytes] = []

    def note(_signature: bytes, _message: bytes, key: bytes) -> bool:
        checked.append(key)
        return True

    gate.verifier = note
    for number in range(1000):
        stranger = Sender(1000 + number)
        source = f"10.7.{number // 250}.{number % 250 + 1}"
        admit(gate, stranger.says(addresses=[source]), source=source)
    assert len(checked) == 300
    assert gate.dropped["rate_limited"] == 700
    assert admit(gate, member.says()) is not None


def test_one_source_can_hold_few_places_among_the_pending(gate: Gate) -> None:
    admitted = [admit(gate, Sender(1000 + number).says()) for number in range(20)]
    assert sum(each is not None for each in admitted) == 16
    assert gate.dropped == {"pending_full": 4}


def test_tables_stay_bounded_under_spoofed_sources(gate: Gate) -> None:
    for number in range(20_000):
        admit(gate, b"noise", source=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(gate._sources._buckets) == 16_384
    assert len(gate._pending) == 0
