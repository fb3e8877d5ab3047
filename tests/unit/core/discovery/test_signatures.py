"""Both verifiers say the same of what honest and hostile senders send."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from skep.core.discovery.signatures import verify_by_libsodium
from skep.domain.announcement import raw_public_key, verify_ed25519

MESSAGES = st.binary(max_size=1400)
KEYS = st.binary(min_size=32, max_size=32).map(Ed25519PrivateKey.from_private_bytes)


@given(KEYS, MESSAGES)
def test_an_honest_signature_is_good_for_both(key: Ed25519PrivateKey, message: bytes) -> None:
    signed = (key.sign(message), message, raw_public_key(key))
    assert verify_by_libsodium(*signed)
    assert verify_ed25519(*signed)


@given(KEYS, MESSAGES, st.integers(0, 511), st.binary(min_size=1, max_size=4))
def test_a_changed_signature_or_message_is_bad_for_both(
    key: Ed25519PrivateKey, message: bytes, bit: int, more: bytes
) -> None:
    signature, public = key.sign(message), raw_public_key(key)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    for verify in (verify_by_libsodium, verify_ed25519):
        assert not verify(bytes(changed), message, public)
        assert not verify(signature, message + more, public)


@given(st.binary(max_size=70), st.binary(max_size=70), st.binary(max_size=40))
def test_noise_of_any_length_is_bad_and_never_an_error(
    signature: bytes, message: bytes, key: bytes
) -> None:
    assert not verify_by_libsodium(signature, message, key)


@pytest.mark.parametrize("cut", [1, 31, 64])
def test_a_boundary_moved_between_signature_and_message_is_bad(cut: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    signature, public = key.sign(b"hello"), raw_public_key(key)
    assert not verify_by_libsodium(signature[:-cut], signature[-cut:] + b"hello", public)


def test_a_key_of_small_order_signs_for_nobody() -> None:
    # With the neutral element as key, the signature (neutral element, 0) fits every message.
    neutral = b"\x01" + bytes(31)
    assert not verify_by_libsodium(neutral + bytes(32), b"whatever", neutral)
