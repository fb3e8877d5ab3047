"""Keys and certificates are made once, renewed when they must be, and hold under TLS."""

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from skep.core import identity
from skep.domain.announcement import raw_public_key


def test_everything_is_made_once(tmp_path: Path) -> None:
    first = identity.ensure_identity(tmp_path)
    authority = identity.ensure_ca(tmp_path)
    line = identity.ensure_ssh_key(tmp_path)
    assert identity.ensure_identity(tmp_path).public_key == first.public_key
    assert identity.load_identity(tmp_path).id == first.id
    assert identity.ensure_ca(tmp_path).certificate == authority.certificate
    assert identity.ensure_ssh_key(tmp_path) == line
    assert (tmp_path / "ssh/id_ed25519.pub").read_text() == line + "\n"


def test_private_files_are_for_their_owner_only(tmp_path: Path) -> None:
    identity.ensure_identity(tmp_path)
    identity.ensure_ssh_key(tmp_path)
    identity.ensure_server_certificate(tmp_path, "core", ["10.0.0.1"])
    for name in ("identity.pem", "ssh/id_ed25519", "tls/ca.key", "tls/server.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_before_init_there_is_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        identity.load_identity(tmp_path)
    with pytest.raises(FileNotFoundError):
        identity.load_ca(tmp_path)


def test_an_authority_whose_certificate_was_lost_keeps_its_key(tmp_path: Path) -> None:
    before = identity.ensure_ca(tmp_path).certificate
    (tmp_path / "tls/ca.pem").unlink()
    after = identity.ensure_ca(tmp_path).certificate
    assert after.public_key() == before.public_key()
    assert after.subject == before.subject


def test_the_server_certificate_is_kept_until_names_change_or_it_ends(tmp_path: Path) -> None:
    path = identity.ensure_server_certificate(tmp_path, "core", ["10.0.0.1"])
    first = identity.certificate_sha256(path)
    assert len(first) == 64
    identity.ensure_server_certificate(tmp_path, "core", ["10.0.0.1"])
    assert identity.certificate_sha256(path) == first
    identity.ensure_server_certificate(tmp_path, "core", ["10.0.0.2"])
    second = identity.certificate_sha256(path)
    assert second != first
    late = datetime.now(UTC) + timedelta(days=800)
    identity.ensure_server_certificate(tmp_path, "core", ["10.0.0.2"], late)
    assert identity.certificate_sha256(path) != second


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_server_certificate_is_replaced(tmp_path: Path, damage: bytes) -> None:
    path = identity.ensure_server_certificate(tmp_path, "core", [])
    path.write_bytes(damage)
    identity.ensure_server_certificate(tmp_path, "core", [])
    x509.load_pem_x509_certificate(path.read_bytes())


def test_another_authority_means_another_server_certificate(tmp_path: Path) -> None:
    path = identity.ensure_server_certificate(tmp_path, "core", [])
    (tmp_path / "tls/ca.pem").unlink()
    (tmp_path / "tls/ca.key").unlink()
    before = identity.certificate_sha256(path)
    identity.ensure_server_certificate(tmp_path, "core", [])
    assert identity.certificate_sha256(path) != before


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, hostname: str
) -> tuple[dict[str, object], dict[str, object]]:
    """Certificates that server and client saw of each other."""
    near, far = socket.socketpair()
    seen: list[dict[str, object]] = []

    def serve() -> None:
        with server.wrap_socket(far, server_side=True) as stream:
            seen.append(dict(stream.getpeercert() or {}))
            stream.sendall(b"x")

    thread = threading.Thread(target=serve)
    thread.start()
    with client.wrap_socket(near, server_hostname=hostname) as stream:
        shown = dict(stream.getpeercert() or {})
        stream.recv(1)
    thread.join(5)
    return seen[0], shown


@pytest.mark.parametrize("name", ["core", "localhost", "127.0.0.1", "10.0.0.1"])
def test_python_accepts_the_server_certificate_strictly(tmp_path: Path, name: str) -> None:
    path = identity.ensure_server_certificate(tmp_path, "core", ["10.0.0.1"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path, tmp_path / "tls/server.key")
    client = ssl.create_default_context(cafile=tmp_path / "tls/ca.pem")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    handshake(server, client, name)


def test_a_cell_proves_itself_both_ways_with_its_announced_key(tmp_path: Path) -> None:
    authority = identity.ensure_ca(tmp_path)
    key = Ed25519PrivateKey.generate()
    pem = identity.issue_cell_certificate(authority, "cell-1", ["10.0.0.7"], raw_public_key(key))
    certificate_file, key_file = tmp_path / "cell.pem", tmp_path / "cell.key"
    certificate_file.write_text(pem)
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "tls/ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=tmp_path / "tls/ca.pem")
    for context in (server, client):
        context.load_cert_chain(certificate_file, key_file)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    for peer in handshake(server, client, "10.0.0.7"):
        assert peer["subject"] == ((("commonName", "cell-1"),),)
        assert peer["subjectAltName"] == (("DNS", "cell-1"), ("IP Address", "10.0.0.7"))


def test_a_long_host_name_is_cut_only_where_it_must_be(tmp_path: Path) -> None:
    name = ".".join(["x" * 40] * 3)
    path = identity.ensure_server_certificate(tmp_path, name, [])
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name in names.get_values_for_type(x509.DNSName)
