"""What a Cell says, and which Core it believes."""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skep.cell.identity import Membership
from skep.cell.messages import CORE_SILENT_S, CoreWatch, Writer, cell_payload, report_payloads
from skep.domain.announcement import Announcement, raw_public_key

T = 1_700_000_000.0
CORE_KEY = raw_public_key(Ed25519PrivateKey.from_private_bytes(b"c" * 32))
ROGUE_KEY = raw_public_key(Ed25519PrivateKey.from_private_bytes(b"r" * 32))
MEMBERSHIP = Membership("0f0e0d0c-0b0a-4908-8706-050403020100", CORE_KEY, "default")
LOAD = {"load1": 0.0, "memory_used_mib": 1, "disk_used_gib": 1, "domains": 1}


def core(sequence: int, key: bytes = CORE_KEY, address: str = "10.0.0.1") -> Announcement:
    said = {
        "url": f"https://{address}:5870",
        "certificate_sha256": "00" * 32,
        "report_port": 5599,
        "name": "core",
    }
    sent_at = T + sequence
    return Announcement("core", "nano", key, "00" * 8, sequence, sent_at, {"core": said})


def test_a_writer_counts_up_over_all_kinds() -> None:
    writer = Writer("nano", CORE_KEY, "ab" * 8)
    first, second = writer.write("cell", {"a": 1}, T), writer.write("report", {}, T)
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.payload == {"cell": {"a": 1}}


def test_a_cell_says_whose_it_is() -> None:
    stranger = cell_payload({"name": "c"}, "10.0.0.2", ["10.0.0.2"], None)
    assert (stranger["pool"], stranger["core"]) == (None, None)
    member = cell_payload({"name": "c"}, "10.0.0.2", ["10.0.0.2"], MEMBERSHIP)
    assert (member["pool"], member["core"]) == ("default", MEMBERSHIP.core_id)


def test_the_source_is_among_the_addresses_even_if_there_are_too_many() -> None:
    many = [f"10.0.{number}.1" for number in range(40)]
    addresses = cell_payload({}, "10.9.9.9", many, None)["addresses"]
    assert "10.9.9.9" in addresses
    assert len(addresses) == 16


def test_a_report_of_nothing_has_one_part() -> None:
    assert list(report_payloads([], LOAD)) == [{"part": 1, "parts": 1, "domains": [], "load": LOAD}]


def test_a_report_of_many_has_parts_of_twenty() -> None:
    domains = [(f"{number}", "running") for number in range(41)]
    parts = list(report_payloads(domains, LOAD))
    assert [(each["part"], each["parts"], len(each["domains"])) for each in parts] == [
        (1, 3, 20),
        (2, 3, 20),
        (3, 3, 1),
    ]
    assert [tuple(domain) for each in parts for domain in each["domains"]] == domains


def test_without_a_membership_no_core_is_believed() -> None:
    watch = CoreWatch()
    assert watch.hear(core(1), None, T) is None
    assert watch.target(None, T) is None


def test_the_pinned_core_is_reported_to_where_it_says_it_is() -> None:
    watch = CoreWatch()
    assert watch.hear(core(1), MEMBERSHIP, T) == "reporting to the core at 10.0.0.1:5599"
    assert watch.target(MEMBERSHIP, T) == ("10.0.0.1", 5599)
    assert watch.hear(core(2), MEMBERSHIP, T + 2) is None
    watch.hear(core(3, address="10.0.0.9"), MEMBERSHIP, T + 4)
    assert watch.target(MEMBERSHIP, T + 4) == ("10.0.0.9", 5599)


def test_a_rogue_core_is_refused_counted_and_told_of_once() -> None:
    watch = CoreWatch()
    watch.hear(core(1), MEMBERSHIP, T)
    news = [watch.hear(core(2, ROGUE_KEY, "10.6.6.6"), MEMBERSHIP, T) for _ in range(3)]
    assert "10.6.6.6" in str(news[0])
    assert news[1:] == [None, None]
    assert watch.refused == 3
    assert watch.target(MEMBERSHIP, T) == ("10.0.0.1", 5599)


def test_a_replayed_or_old_core_announcement_moves_nothing() -> None:
    watch = CoreWatch()
    watch.hear(core(2, address="10.0.0.9"), MEMBERSHIP, T)
    watch.hear(core(1, address="10.0.0.1"), MEMBERSHIP, T)
    watch.hear(core(200, address="10.0.0.1"), MEMBERSHIP, T)
    assert watch.target(MEMBERSHIP, T) == ("10.0.0.9", 5599)


def test_a_silent_core_gets_no_reports_until_it_is_back() -> None:
    watch = CoreWatch()
    watch.hear(core(1), MEMBERSHIP, T)
    late = T + CORE_SILENT_S + 1
    assert watch.target(MEMBERSHIP, late) is None
    watch.hear(core(31), MEMBERSHIP, late)
    assert watch.target(MEMBERSHIP, late) == ("10.0.0.1", 5599)


def test_a_restarted_core_is_believed() -> None:
    watch = CoreWatch()
    watch.hear(core(9), MEMBERSHIP, T)
    restarted = replace(core(1, address="10.0.0.2"), boot_id="ff" * 8, sent_at=T + 20)
    watch.hear(restarted, MEMBERSHIP, T + 20)
    assert watch.target(MEMBERSHIP, T + 20) == ("10.0.0.2", 5599)


def test_a_cell_that_changed_hands_forgets_where_the_old_core_was() -> None:
    watch = CoreWatch()
    watch.hear(core(1), MEMBERSHIP, T)
    assert watch.target(replace(MEMBERSHIP, core_public_key=ROGUE_KEY), T) is None
