"""The Core's keys and certificates, as files below its state directory.

identity.pem       Ed25519, signs announcements; Cells pin its public half when they join
tls/ca.pem, .key   the cluster's authority, ECDSA P-256
tls/server.*       what the API shows; issued anew when the host's addresses change
ssh/id_ed25519     opens the Cells

Private files are 0600 and appear whole or not at all. No identity or authority is ever replaced.
"""

import hashlib
import ipaddress
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skep.domain import announcement

_CA_LIFE: Final = timedelta(days=3650)
_CELL_LIFE: Final = timedelta(days=1825)
# Clients of Apple and others refuse server certificates of more than 825 days.
_SERVER_LIFE: Final = timedelta(days=820)
_RENEW_BEFORE: Final = timedelta(days=60)
_CLOCK_SKEW: Final = timedelta(hours=1)
_SPKI: Final = PublicFormat.SubjectPublicKeyInfo
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1")

_PublicKey = ec.EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True)
class Identity:
    """The key by which Cells know this Core."""

    key: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes."""
        return announcement.raw_public_key(self.key)

    @property
    def public_key_b64(self) -> str:
        """As memberships carry it: unpadded base64url."""
        return announcement.key_to_text(self.public_key)

    @property
    def id(self) -> str:
        """The Core's id."""
        return announcement.module_id(self.public_key)

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return announcement.fingerprint(self.public_key)


@dataclass(frozen=True)
class Authority:
    """The cluster's certificate authority."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def ensure_identity(state_dir: Path) -> Identity:
    """The Core's identity, made if there is none."""
    path = state_dir / "identity.pem"
    if not path.exists():
        _write(path, _private_pem(Ed25519PrivateKey.generate()))
    return load_identity(state_dir)


def load_identity(state_dir: Path) -> Identity:
    """The Core's identity; FileNotFoundError before `skep-core init`."""
    key = load_pem_private_key((state_dir / "identity.pem").read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{state_dir / 'identity.pem'}: an Ed25519 key is needed")
    return Identity(key)


def ensure_ca(state_dir: Path) -> Authority:
    """The authority, made if there is none."""
    key_file, certificate_file = state_dir / "tls" / "ca.key", state_dir / "tls" / "ca.pem"
    if not key_file.exists():
        _write(key_file, _private_pem(ec.generate_private_key(ec.SECP256R1())))
    if not certificate_file.exists():
        # Also after a crash between the two files: the key is what the authority is.
        key = _load_ec_key(key_file)
        _write(certificate_file, _pem(_self_signed(key)), mode=0o644)
    return load_ca(state_dir)


def load_ca(state_dir: Path) -> Authority:
    """The authority; FileNotFoundError before `skep-core init`."""
    certificate = (state_dir / "tls" / "ca.pem").read_bytes()
    key = _load_ec_key(state_dir / "tls" / "ca.key")
    return Authority(key, x509.load_pem_x509_certificate(certificate))


def ensure_server_certificate(
    state_dir: Path, hostname: str, addresses: Iterable[str], now: datetime | None = None
) -> Path:
    """Path of a valid tls/server.pem for these names; issued anew if names changed or it ends soon.

    The file holds the certificate and then the authority's. Its key is tls/server.key.
    """
    authority, path = ensure_ca(state_dir), state_dir / "tls" / "server.pem"
    key_file = state_dir / "tls" / "server.key"
    names = sorted({hostname, *_LOCAL_NAMES, *addresses})
    now = now or datetime.now(UTC)
    if not key_file.exists():
        _write(key_file, _private_pem(ec.generate_private_key(ec.SECP256R1())))
    public_key = _load_ec_key(key_file).public_key()
    if not _still_serves(path, authority, public_key, names, now):
        wish = _Wish(hostname, names, [ExtendedKeyUsageOID.SERVER_AUTH], now, _SERVER_LIFE)
        issued = _issue(authority, public_key, wish)
        _write(path, _pem(issued) + _pem(authority.certificate), mode=0o644)
    return path


def issue_cell_certificate(
    authority: Authority, name: str, addresses: Sequence[str], public_key: bytes
) -> str:
    """PEM by which libvirt on a Cell proves itself to other Cells, as server and as client.

    public_key is the raw Ed25519 key of the Cell's announcements: it has one key for everything.
    """
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    wish = _Wish(name, [name, *addresses], usages, datetime.now(UTC), _CELL_LIFE)
    return _pem(_issue(authority, Ed25519PublicKey.from_public_bytes(public_key), wish)).decode()


def certificate_sha256(path: Path) -> str:
    """Hexadecimal fingerprint of the first certificate in a PEM file, as announced."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def ensure_ssh_key(state_dir: Path) -> str:
    """Public line of the key that opens the Cells; the pair is made if there is none."""
    path = state_dir / "ssh" / "id_ed25519"
    if not path.exists():
        _write(path, _private_pem(Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH))
    key = load_ssh_private_key(path.read_bytes(), password=None)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    line = public.decode("ascii") + " skep-core"
    public_file = path.with_suffix(".pub")
    if not public_file.exists() or public_file.read_text(encoding="ascii").strip() != line:
        _write(public_file, line.encode("ascii") + b"\n", mode=0o644)
    return line


@dataclass(frozen=True)
class _Wish:
    """What a certificate shall say."""

    common_name: str
    names: Sequence[str]
    usages: Sequence[x509.ObjectIdentifier]
    start: datetime
    life: timedelta


def _issue(authority: Authority, public_key: _PublicKey, wish: _Wish) -> x509.Certificate:
    # No key usage: libvirt 9 wants key encipherment in it, which RFC 8410 forbids for Ed25519.
    return (
        _builder(_name(wish.common_name), public_key, wish.start, wish.life)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(wish.usages), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(each) for each in wish.names]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    # Two clusters must not have authorities of one name: clients find issuers by it.
    digest = hashlib.sha256(key.public_key().public_bytes(Encoding.DER, _SPKI)).hexdigest()
    subject = _name(f"Skep cluster {digest[:16]}")
    return (
        _builder(subject, key.public_key(), datetime.now(UTC), _CA_LIFE)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, public_key: _PublicKey, start: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _CLOCK_SKEW)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _still_serves(
    path: Path,
    authority: Authority,
    key: ec.EllipticCurvePublicKey,
    names: Sequence[str],
    now: datetime,
) -> bool:
    """Whether the certificate is ours, for this key and these names, and lasts long enough."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        certificate.public_key() == key
        and set(found) == {_general_name(each) for each in names}
        and certificate.not_valid_after_utc - now > _RENEW_BEFORE
    )


def _key_usage(**granted: bool) -> x509.KeyUsage:
    usages = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{usage: granted.get(usage, False) for usage in usages})


def _name(common_name: str) -> x509.Name:
    # X.520 allows 64 characters; the full name stands among the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _load_ec_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path}: an ECDSA key is needed")
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _private_pem(
    key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the file as a whole; a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
