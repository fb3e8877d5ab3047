"""Checks signatures with libsodium, at half the price of OpenSSL; the only file that knows PyNaCl.

Why: docs/decisions/0011-signatures-by-libsodium.md.
"""

from nacl.bindings import crypto_sign_BYTES, crypto_sign_open, crypto_sign_PUBLICKEYBYTES
from nacl.exceptions import BadSignatureError


def verify_by_libsodium(signature: bytes, message: bytes, public_key: bytes) -> bool:
    """Verifier of the Core."""
    # PyNaCl hands the key to C as it is: a short one would be read beyond its end.
    if len(public_key) != crypto_sign_PUBLICKEYBYTES or len(signature) != crypto_sign_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True
