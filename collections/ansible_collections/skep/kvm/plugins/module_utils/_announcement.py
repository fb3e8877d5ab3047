"""The announcement: one signed datagram by which the modules of a communicate domain meet.

Layout: b"SKP1", 64 bytes Ed25519 signature over b"SKP1" + body, body (compact ASCII JSON); 1400
bytes at most, so that it never fragments. Kinds: `cell` and `core` go out by multicast, `report`
goes by unicast from a member Cell to the Core.

This file has two homes, byte for byte the same: here and `module_utils/_announcement.py` of the
collection skep.kvm, which must read announcements where nothing else of Skep is installed. So it
needs only Python 3.9 and cryptography 38.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAGIC = b"SKP1"
MAX_BYTES = 1400
MAX_SKEW_S = 90.0
MAX_REPORTED_DOMAINS = 20
DEFAULT_DOMAIN = "nano"
DEFAULT_GROUP = "224.0.0.226"
DEFAULT_PORT = 5599

Kind = Literal["cell", "core", "report"]
Reason = Literal["oversized", "malformed", "foreign_domain", "bad_signature"]
Verdict = Literal["fresh", "replayed", "skewed", "duplicate_identity"]

_SIGNATURE_BYTES = 64
_HEADER_BYTES = len(MAGIC) + _SIGNATURE_BYTES
# A legal body opens at most 2 + 20 brackets; more is an attempt to exhaust the parser's stack.
_MAX_BRACKETS = 64
# More than the Cells of one Core.
_KEYS_KEPT = 16_384

# Whether the holder of a public key made this signature over this message.
Verifier = Callable[[bytes, bytes, bytes], bool]


class AnnouncementError(Exception):
    """The datagram is no announcement of this communicate domain; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Announcement:
    """What one datagram says. `payload` has one key, the kind: `payload["cell"]["name"]`.

    sent_at is Unix time in seconds, precise to a millisecond. Sequences rise within one boot id.
    """

    kind: Kind
    domain: str
    public_key: bytes
    boot_id: str
    sequence: int
    sent_at: float
    payload: dict[str, Any]

    @property
    def id(self) -> str:
        """The UUID that follows from the public key; nobody else can claim it."""
        return module_id(self.public_key)

    @property
    def fingerprint(self) -> str:
        """What people compare before they accept a Cell."""
        return fingerprint(self.public_key)


@lru_cache(maxsize=_KEYS_KEPT)
def module_id(public_key: bytes) -> str:
    """Id of the Core or Cell that holds the key to this raw public key."""
    return str(uuid.UUID(bytes=hashlib.sha256(public_key).digest()[:16]))


def fingerprint(public_key: bytes) -> str:
    """`SHA256:` and unpadded base64, as OpenSSH writes fingerprints."""
    digest = base64.b64encode(hashlib.sha256(public_key).digest()).decode("ascii")
    return "SHA256:" + digest.rstrip("=")


def key_to_text(public_key: bytes) -> str:
    """Raw public key as unpadded base64url."""
    return base64.urlsafe_b64encode(public_key).decode("ascii").rstrip("=")


def key_from_text(text: str) -> bytes:
    """Raw public key from unpadded base64url; ValueError if it is not one."""
    if not _KEY_TEXT(text):
        raise ValueError("a public key is 43 characters of base64url")
    return base64.urlsafe_b64decode(text + "=")


def raw_public_key(private_key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key."""
    return private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def encode(announcement: Announcement, private_key: Ed25519PrivateKey) -> bytes:
    """Signed datagram; AnnouncementError if a receiver would refuse it."""
    body = {
        "k": announcement.kind,
        "d": announcement.domain,
        "p": key_to_text(announcement.public_key),
        "b": announcement.boot_id,
        "s": announcement.sequence,
        "t": round(announcement.sent_at, 3),
        **announcement.payload,
    }
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    signed = MAGIC + text.encode("ascii")
    datagram = MAGIC + private_key.sign(signed) + signed[len(MAGIC) :]
    decode(datagram, announcement.domain)
    return datagram


def verify_ed25519(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Verifier of cryptography, which every host has."""
    try:
        _key(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def decode(datagram: bytes, domain: str, verifier: Verifier = verify_ed25519) -> Announcement:
    """Announcement with a proven sender, or AnnouncementError; cheap checks come first.

    Keys of the payload that this version does not know are left out.
    """
    announcement = peek(datagram, domain)
    verify(datagram, announcement.public_key, verifier)
    return announcement


def peek(datagram: bytes, domain: str) -> Announcement:
    """As decode, but the signature is not checked: good only for deciding to verify it."""
    if len(datagram) > MAX_BYTES:
        raise AnnouncementError("oversized")
    body = datagram[_HEADER_BYTES:]
    if not datagram.startswith(MAGIC) or not body.startswith(b"{") or not body.isascii():
        raise AnnouncementError("malformed")
    if body.count(b"[") + body.count(b"{") > _MAX_BRACKETS:
        raise AnnouncementError("malformed")
    try:
        fields = _parse(body.decode("ascii"))
    except (ValueError, RecursionError):
        raise AnnouncementError("malformed") from None
    return _read(fields, domain)


def verify(datagram: bytes, public_key: bytes, verifier: Verifier = verify_ed25519) -> None:
    """AnnouncementError unless the holder of the key signed exactly this datagram."""
    signature = datagram[len(MAGIC) : _HEADER_BYTES]
    if not verifier(signature, MAGIC + datagram[_HEADER_BYTES:], public_key):
        raise AnnouncementError("bad_signature")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# json.loads() would make a decoder each time.
_parse = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _read(fields: Mapping[str, Any], domain: str) -> Announcement:
    head = _clean(fields, _HEAD)
    if head["d"] != domain:
        raise AnnouncementError("foreign_domain")
    kind: Kind = head["k"]
    return Announcement(
        kind=kind,
        domain=domain,
        public_key=base64.urlsafe_b64decode(head["p"] + "="),
        boot_id=head["b"],
        sequence=head["s"],
        sent_at=float(head["t"]),
        payload={kind: _said(kind, fields.get(kind))},
    )


def _said(kind: Kind, value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON held
    said = _clean(value, _PAYLOADS[kind])
    for key, shape in _NESTED.items():
        if key in said:
            said[key] = _clean(said[key], shape)
    if kind == "report" and said["part"] > said["parts"]:
        raise AnnouncementError("malformed")
    return said


@lru_cache(maxsize=_KEYS_KEPT)
def _key(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)


# What each field must be. Texts hold only inert characters, numbers only what a host can have:
# a Cell that claims more would draw every instance to itself.

_Check = Callable[[Any], bool]


def _text(pattern: str) -> _Check:
    match = re.compile(pattern).fullmatch
    return lambda value: type(value) is str and match(value) is not None


def _integer(low: int, high: int) -> _Check:
    return lambda value: type(value) is int and low <= value <= high


def _number(low: float, high: float) -> _Check:
    # NaN and the infinities fail the comparison; True is no number.
    return lambda value: type(value) in {int, float} and low <= value <= high


def _nullable(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _list(check: _Check, most: int) -> _Check:
    return lambda value: type(value) is list and len(value) <= most and all(map(check, value))


def _domain_state(value: Any) -> bool:  # noqa: ANN401 - whatever JSON held
    return type(value) is list and len(value) == 2 and _UUID(value[0]) and _STATE(value[1])  # noqa: PLR2004


def _mapping(value: Any) -> bool:  # noqa: ANN401 - whatever JSON held
    return type(value) is dict


def _clean(value: Any, shape: Mapping[str, _Check]) -> dict[str, Any]:  # noqa: ANN401 - as above
    """The known keys of a JSON object, each checked."""
    if type(value) is not dict:
        raise AnnouncementError("malformed")
    try:
        clean = {key: value[key] for key, check in shape.items() if check(value[key])}
    except KeyError:
        raise AnnouncementError("malformed") from None
    if len(clean) < len(shape):
        raise AnnouncementError("malformed")
    return clean


_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HOST_FIRST_OCTET = r"(22[0-3]|2[01][0-9]|1[0-9][0-9]|[1-9][0-9]?)"
_IPV4 = _text(rf"{_HOST_FIRST_OCTET}(\.{_OCTET}){{3}}")
_UUID = _text(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STATE = _text(r"running|paused|stopped")
_CELL_NAME = _text(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = _text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_VERSION = _text(r"[A-Za-z0-9.+~:_-]{1,64}")
_UNIX_TIME = _number(0, 1e11)
_COUNT = _integer(0, 100_000)
_MEMORY_MIB_MAX = 2**26  # 64 TiB
_DISK_GIB_MAX = 2**24  # 16 PiB

_KEY_TEXT = _text(r"[A-Za-z0-9_-]{43}")

_HEAD: dict[str, _Check] = {
    "k": _text(r"cell|core|report"),
    "d": _LABEL,
    "p": _KEY_TEXT,
    "b": _text(r"[0-9a-f]{16}"),
    "s": _integer(0, 2**53),
    "t": _UNIX_TIME,
}
_CELL: dict[str, _Check] = {
    "name": _CELL_NAME,
    "addresses": _list(_IPV4, 16),
    "capacity": _mapping,
    "load": _mapping,
    "versions": _mapping,
    "kvm": _text(r"usable|unusable|unknown"),
    "started_at": _UNIX_TIME,
    "ssh_host_key": _nullable(_text(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}")),
    "pool": _nullable(_LABEL),
    "core": _nullable(_UUID),
}
_CORE: dict[str, _Check] = {
    "url": _text(r"https://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?:[1-9][0-9]{0,4}"),
    "certificate_sha256": _text(r"[0-9a-f]{64}"),
    "report_port": _integer(1, 65535),
    "name": _CELL_NAME,
}
_REPORT: dict[str, _Check] = {
    "part": _integer(1, 500),
    "parts": _integer(1, 500),
    "domains": _list(_domain_state, MAX_REPORTED_DOMAINS),
    "load": _mapping,
}
_PAYLOADS: dict[str, dict[str, _Check]] = {"cell": _CELL, "core": _CORE, "report": _REPORT}
_NESTED: dict[str, dict[str, _Check]] = {
    "capacity": {
        "cpus": _integer(1, 8192),
        "memory_mib": _integer(1, _MEMORY_MIB_MAX),
        "disk_gib": _integer(0, _DISK_GIB_MAX),
    },
    "load": {
        "load1": _number(0, 100_000),
        "memory_used_mib": _integer(0, _MEMORY_MIB_MAX),
        "disk_used_gib": _integer(0, _DISK_GIB_MAX),
        "domains": _COUNT,
    },
    "versions": {key: _nullable(_VERSION) for key in ("skep", "libvirt", "qemu", "kernel")},
}


class ReplayGuard:
    """Tells fresh announcements from replayed ones, and two holders of one key from one.

    Call it with verified announcements only. Holds `max_senders` keys at most and forgets the one
    heard longest ago, so give keys that matter a guard of their own.
    """

    def __init__(self, max_senders: int = 10_000, conflict_s: float = 60.0) -> None:
        self._senders: OrderedDict[bytes, _Sender] = OrderedDict()
        self._max_senders = max_senders
        self._conflict_s = conflict_s

    def check(self, announcement: Announcement, now: float) -> Verdict:
        """Verdict at Unix time `now`; after a duplicate identity it stays for `conflict_s`."""
        if abs(now - announcement.sent_at) > MAX_SKEW_S:
            return "skewed"
        sender = self._sender(announcement.public_key)
        verdict = sender.check(announcement)
        if verdict == "duplicate_identity":
            sender.conflict_until = now + self._conflict_s
        elif verdict == "fresh" and now < sender.conflict_until:
            return "duplicate_identity"
        return verdict

    def _sender(self, key: bytes) -> _Sender:
        sender = self._senders.get(key)
        if sender is None:
            sender = self._senders[key] = _Sender()
            if len(self._senders) > self._max_senders:
                self._senders.popitem(last=False)
        else:
            self._senders.move_to_end(key)
        return sender


_MAX_LIVES = 4


@dataclass
class _Life:
    """One boot id of a key: when it was first and last signed, by the sender's clock."""

    first_sent_at: float
    sent_at: float
    # One sequence per kind: multicast and unicast may overtake each other.
    sequences: dict[str, int] = field(default_factory=dict)


@dataclass
class _Sender:
    """The lives of one key, the one heard last at the end; only the current one is believed."""

    current: str = ""
    lives: OrderedDict[str, _Life] = field(default_factory=OrderedDict)
    conflict_until: float = 0.0

    def check(self, announcement: Announcement) -> Verdict:
        boot, sent_at = announcement.boot_id, announcement.sent_at
        current, life = self.lives.get(self.current), self.lives.get(boot)
        if life and announcement.sequence <= life.sequences.get(announcement.kind, -1):
            return "replayed"
        if current and boot != self.current and sent_at <= current.first_sent_at:
            return "replayed"  # signed before the current life began
        # It goes on after another life was heard: two machines hold the key, whatever their clocks.
        both_live = life is not None and next(reversed(self.lives)) != boot
        takes_over = current is None or (boot != self.current and sent_at > current.sent_at)
        self._hear(announcement)
        if takes_over:
            self.current = boot
        if both_live:
            return "duplicate_identity"
        return "fresh" if boot == self.current else "replayed"

    def _hear(self, announcement: Announcement) -> None:
        boot, sent_at = announcement.boot_id, announcement.sent_at
        life = self.lives.get(boot)
        if life is None:
            life = self.lives[boot] = _Life(sent_at, sent_at)
        life.sent_at = max(life.sent_at, sent_at)
        life.sequences[announcement.kind] = announcement.sequence
        self.lives.move_to_end(boot)
        if len(self.lives) > _MAX_LIVES:
            del self.lives[next(each for each in self.lives if each != self.current)]
