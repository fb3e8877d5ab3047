"""The codec: what goes in comes out, and nothing hostile gets through."""

import base64
import copy
import hashlib
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from skep.domain import announcement as codec
from skep.domain.announcement import Announcement, AnnouncementError, decode, encode

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = codec.raw_public_key(KEY)
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
CELL: dict[str, Any] = {
    "name": "cell-1",
    "addresses": ["10.0.0.7", "192.168.1.2"],
    "capacity": {"cpus": 8, "memory_mib": 16000, "disk_gib": 500},
    "load": {"load1": 0.25, "memory_used_mib": 800, "disk_used_gib": 20, "domains": 3},
    "versions": {"skep": "0.1.0", "libvirt": "9.0.0", "qemu": "7.2.0", "kernel": "6.1.0-18-amd64"},
    "kvm": "usable",
    "started_at": 1_700_000_000,
    "ssh_host_key": HOST_KEY,
    "pool": None,
    "core": None,
}
CORE = {
    "url": "https://10.0.0.1:5870",
    "certificate_sha256": "ab" * 32,
    "report_port": 5599,
    "name": "core",
}
UUID = "0f0e0d0c-0b0a-4908-8706-050403020100"
REPORT = {
    "part": 1,
    "parts": 2,
    "domains": [[UUID, "running"]] * codec.MAX_REPORTED_DOMAINS,
    "load": CELL["load"],
}
SAID: dict[str, dict[str, Any]] = {"cell": CELL, "core": CORE, "report": REPORT}


def announcement(kind: Any = "cell", **changes: Any) -> Announcement:
    values = {
        "kind": kind,
        "domain": "nano",
        "public_key": PUBLIC,
        "boot_id": "00112233aabbccdd",
        "sequence": 7,
        "sent_at": 1_700_000_100.125,
        "payload": {kind: copy.deepcopy(SAID[kind])},
    }
    return Announcement(**{**values, **changes})


def body_of(datagram: bytes) -> dict[str, Any]:
    return dict(json.loads(datagram[68:]))


def sign(body: bytes) -> bytes:
    return b"SKP1" + KEY.sign(b"SKP1" + body) + body


def resign(**changes: Any) -> bytes:
    body = body_of(encode(announcement(), KEY)) | changes
    return sign(json.dumps(body, separators=(",", ":")).encode())


def reason_of(datagram: bytes, domain: str = "nano") -> str:
    with pytest.raises(AnnouncementError) as caught:
        decode(datagram, domain)
    return caught.value.reason


@pytest.mark.parametrize("kind", ["cell", "core", "report"])
def test_every_kind_comes_out_as_it_went_in(kind: str) -> None:
    original = announcement(kind)
    datagram = encode(original, KEY)
    assert len(datagram) <= codec.MAX_BYTES
    assert decode(datagram, "nano") == original


def test_id_and_fingerprint_follow_from_the_key() -> None:
    heard = announcement()
    digest = hashlib.sha256(PUBLIC).digest()
    assert heard.id.replace("-", "") == digest[:16].hex()
    assert heard.fingerprint == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    assert codec.key_from_text(codec.key_to_text(PUBLIC)) == PUBLIC


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "é" * 43])
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="43 characters"):
        codec.key_from_text(text)


def test_keys_from_a_newer_sender_are_left_out() -> None:
    datagram = resign(cell={**CELL, "rack": "7"}, z=1)
    assert decode(datagram, "nano").payload == {"cell": CELL}


def test_the_widest_cell_fits_one_datagram() -> None:
    widest = {
        **CELL,
        "name": "c" * 63,
        "addresses": ["223.255.255.255"] * 16,
        "capacity": {"cpus": 8192, "memory_mib": 2**26, "disk_gib": 2**24},
        "pool": "p" * 63,
        "core": UUID,
    }
    assert len(encode(announcement(payload={"cell": widest}), KEY)) <= codec.MAX_BYTES


def test_longer_than_a_datagram_may_be_is_oversized() -> None:
    assert reason_of(sign(b"{" + b" " * 1400 + b"}")) == "oversized"
    assert reason_of(b"x" * 65_507) == "oversized"


def test_another_communicate_domain_is_foreign() -> None:
    assert reason_of(encode(announcement(), KEY), "other") == "foreign_domain"


@pytest.mark.parametrize("where", [4, 40, 67, 70, 200])
def test_one_changed_byte_is_refused(where: int) -> None:
    datagram = bytearray(encode(announcement(), KEY))
    datagram[where] ^= 1
    assert reason_of(bytes(datagram)) in {"bad_signature", "malformed", "foreign_domain"}


def test_a_signature_by_another_key_is_bad() -> None:
    other = Ed25519PrivateKey.generate()
    body = encode(announcement(), KEY)[68:]
    assert reason_of(b"SKP1" + other.sign(b"SKP1" + body) + body) == "bad_signature"


def test_encoding_with_the_wrong_private_key_is_refused() -> None:
    with pytest.raises(AnnouncementError, match="bad_signature"):
        encode(announcement(), Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"SKP1",
        b"SKP2" + encode(announcement(), KEY)[4:],
        encode(announcement(), KEY)[:67],
        encode(announcement(), KEY)[:-1],
        sign(b"[]"),
        sign(b"null"),
        sign(b"{}"),
        sign(b"{" * 1300),
        sign(b'{"a":' * 60 + b"1" + b"}" * 60),
        sign(b'{"k":"' + "é".encode() + b'"}'),
        sign(b'{"s":' + b"9" * 1300 + b"}"),
        sign(b"{\xff\xfe}"),
    ],
)
def test_what_is_no_announcement_is_malformed(datagram: bytes) -> None:
    assert reason_of(datagram) == "malformed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("k", "core"),
        ("k", "spy"),
        ("k", 1),
        ("d", ["nano"]),
        ("d", ""),
        ("p", "A" * 42),
        ("p", 5),
        ("b", "XYZ"),
        ("b", "00112233AABBCCDD"),
        ("s", -1),
        ("s", 1.0),
        ("s", True),
        ("s", 2**60),
        ("t", "now"),
        ("t", -1),
        ("t", True),
        ("t", float("nan")),
        ("t", float("inf")),
        ("cell", None),
        ("cell", []),
        ("cell", "cell"),
    ],
)
def test_a_wrong_head_is_malformed(key: str, value: Any) -> None:
    assert reason_of(resign(**{key: value})) == "malformed"


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("capacity", "cpus", 0),
        ("capacity", "cpus", -8),
        ("capacity", "cpus", 10**9),
        ("capacity", "cpus", 8.0),
        ("capacity", "cpus", True),
        ("capacity", "cpus", "8"),
        ("capacity", "cpus", None),
        ("capacity", "memory_mib", -1),
        ("capacity", "memory_mib", 2**60),
        ("capacity", "disk_gib", 10**9),
        ("capacity", "disk_gib", float("nan")),
        ("load", "load1", -1),
        ("load", "load1", float("nan")),
        ("load", "load1", float("inf")),
        ("load", "load1", float("-inf")),
        ("load", "load1", [1]),
        ("load", "memory_used_mib", -5),
        ("load", "domains", 10**7),
        ("load", "domains", False),
        ("versions", "qemu", "{{ lookup('pipe','id') }}"),
        ("versions", "qemu", "7.2 beta"),
        ("versions", "kernel", "x" * 65),
        ("versions", "kernel", 6),
    ],
)
def test_absurd_values_of_a_cell_are_malformed(group: str, key: str, value: Any) -> None:
    assert reason_of(resign(cell={**CELL, group: {**CELL[group], key: value}})) == "malformed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "Cell-1"),
        ("name", "-cell"),
        ("name", "cell\n"),
        ("name", "cell.example"),
        ("name", "x" * 64),
        ("name", "{{ 7*7 }}"),
        ("name", "zelle-ü"),
        ("name", None),
        ("addresses", "10.0.0.1"),
        ("addresses", ["10.0.0.256"]),
        ("addresses", ["010.0.0.1"]),
        ("addresses", ["0.0.0.0"]),  # noqa: S104 - refused, not bound
        ("addresses", ["224.0.0.226"]),
        ("addresses", ["255.255.255.255"]),
        ("addresses", ["fe80::1"]),
        ("addresses", ["10.0.0.1 -oProxyCommand=id"]),
        ("addresses", [1]),
        ("addresses", ["10.0.0.1"] * 17),
        ("kvm", "yes"),
        ("kvm", True),
        ("started_at", -1),
        ("ssh_host_key", "ssh-rsa AAAA"),
        ("ssh_host_key", HOST_KEY + "\nevil ssh-ed25519 AAAA"),
        ("pool", ""),
        ("pool", "a b"),
        ("core", "core"),
        ("capacity", None),
        ("capacity", []),
        ("load", "high"),
    ],
)
def test_other_wrong_values_of_a_cell_are_malformed(key: str, value: Any) -> None:
    assert reason_of(resign(cell={**CELL, key: value})) == "malformed"


@pytest.mark.parametrize("key", sorted(CELL))
def test_a_missing_key_is_malformed(key: str) -> None:
    cell = {name: value for name, value in CELL.items() if name != key}
    assert reason_of(resign(cell=cell)) == "malformed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", "http://10.0.0.1:5870"),
        ("url", "https://10.0.0.1"),
        ("url", "https://user@10.0.0.1:5870"),
        ("url", "https://10.0.0.1:5870/../x"),
        ("certificate_sha256", "AB" * 32),
        ("report_port", 0),
        ("report_port", 65536),
        ("name", "a b"),
    ],
)
def test_wrong_values_of_a_core_are_malformed(key: str, value: Any) -> None:
    with pytest.raises(AnnouncementError, match="malformed"):
        encode(announcement("core", payload={"core": {**CORE, key: value}}), KEY)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("part", 0),
        ("part", 3),
        ("parts", 501),
        ("domains", [[UUID, "running"]] * 21),
        ("domains", [[UUID, "shutoff"]]),
        ("domains", [[UUID.upper(), "running"]]),
        ("domains", [[UUID]]),
        ("domains", [[UUID, "running", 1]]),
        ("domains", ["running"]),
        ("domains", {UUID: "running"}),
        ("domains", None),
        ("load", None),
    ],
)
def test_wrong_values_of_a_report_are_malformed(key: str, value: Any) -> None:
    with pytest.raises(AnnouncementError, match=r"malformed|oversized"):
        encode(announcement("report", payload={"report": {**REPORT, key: value}}), KEY)


def test_a_forged_datagram_costs_less_than_a_signature_check_to_refuse() -> None:
    forged = resign(cell={**CELL, "kvm": "yes"})
    started = time.perf_counter()
    for _ in range(1000):
        with pytest.raises(AnnouncementError):
            decode(forged, "nano")
    # 50 us is the target on an idle machine; ten times that still catches a quadratic check.
    assert time.perf_counter() - started < 0.5


@given(st.binary(max_size=1500))
def test_random_bytes_raise_nothing_else(noise: bytes) -> None:
    for datagram in (noise, b"SKP1" + b"s" * 64 + b"{" + noise):
        with pytest.raises(AnnouncementError):
            decode(datagram, "nano")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(st.sampled_from(["k", "d", "p", "b", "s", "t", "cell"]), _JSON)
@settings(max_examples=300)
def test_any_json_in_any_place_is_read_or_refused(key: str, value: Any) -> None:
    try:
        heard = decode(resign(**{key: value}), "nano")
    except AnnouncementError:
        return
    assert heard.kind == "cell"


@given(
    name=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True),
    addresses=st.lists(st.ip_addresses(v=4, network="10.0.0.0/8").map(str), max_size=16),
    cpus=st.integers(1, 8192),
    load1=st.floats(0, 1000).map(lambda value: round(value, 2)),
    sequence=st.integers(0, 2**53),
    sent_at=st.floats(0, 4e9).map(lambda value: round(value, 3)),
    seed=st.binary(min_size=32, max_size=32),
)
def test_round_trip(  # noqa: PLR0913, PLR0917 - one argument per drawn value
    name: str,
    addresses: list[str],
    cpus: int,
    load1: float,
    sequence: int,
    sent_at: float,
    seed: bytes,
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    said = {
        **CELL,
        "name": name,
        "addresses": addresses,
        "capacity": {**CELL["capacity"], "cpus": cpus},
        "load": {**CELL["load"], "load1": load1},
    }
    original = announcement(
        payload={"cell": said},
        sequence=sequence,
        sent_at=sent_at,
        public_key=codec.raw_public_key(key),
    )
    assert decode(encode(original, key), "nano") == original
