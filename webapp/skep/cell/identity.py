"""Who this Cell is (its key, made at first start) and whose it is (its membership)."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from skep.domain.announcement import key_from_text


class IdentityError(Exception):
    """The file is there but holds no identity; replacing it would make this another Cell."""


@dataclass(frozen=True)
class Membership:
    """The Core that accepted this Cell, by its pinned key, and the pool it was put in."""

    core_id: str
    core_public_key: bytes
    pool: str


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The identity key; made once (0600), never replaced."""
    if not path.exists():
        _write_new(path, _pem(Ed25519PrivateKey.generate()))
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise IdentityError(f"{path}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{path}: an Ed25519 key is needed")
    return key


def new_boot_id() -> str:
    """Names one life of this daemon; sequences count from its start."""
    return secrets.token_hex(8)


def read_membership(path: Path) -> Membership | None:
    """The membership, or None if this Cell is nobody's; ValueError if the file is damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{path}: {error}") from error
    try:
        fields = json.loads(text)
        key = key_from_text(fields["core_public_key"])
        return Membership(str(fields["core_id"]), key, str(fields["pool"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no membership in it: {error!r}") from error


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_new(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over a file that came meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
