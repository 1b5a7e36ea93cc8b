"""Envelopes: HPKE (RFC 9180), base mode: ML-KEM-768 and X25519 together, HKDF-SHA256, ChaCha20-Poly1305.

What is recorded today stays closed as long as one of the two key agreements holds. A private key is 96 bytes:
the seed of ML-KEM (64, FIPS 203 d ‖ z) and the X25519 key (32). A public key is 1,216: 1,184 and 32.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from node.secrecy.errors import BadBundle, Unopenable

_SEED_BYTES: Final = 64
_KEM_BYTES: Final = 1_184
PRIVATE_BYTES: Final = 96
PUBLIC_BYTES: Final = 1_216
OVERHEAD_BYTES: Final = 1_136
"""By so much an envelope is longer than what is in it: 1,120 of the key agreement, 16 of the tag."""

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class EnvelopeKey:
    """A private key, ready to open with."""

    __slots__ = ("_key",)

    def __init__(self, private: bytes) -> None:
        """`private`: 96 bytes. Raises: ValueError: another length."""
        if len(private) != PRIVATE_BYTES:
            raise ValueError(f"a private key has {PRIVATE_BYTES} bytes")
        self._key = MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(private[:_SEED_BYTES]),
            X25519PrivateKey.from_private_bytes(private[_SEED_BYTES:]),
        )

    def open_(self, info: bytes, sealed: bytes) -> bytes:
        """What is in an envelope. Raises: Unopenable."""
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError):
            raise Unopenable from None

    def __repr__(self) -> str:
        return "EnvelopeKey(…)"


def new_key() -> bytes:
    """A new private key, 96 bytes."""
    return MLKEM768PrivateKey.generate().private_bytes_raw() + X25519PrivateKey.generate().private_bytes_raw()


def public_of(private: bytes) -> bytes:
    """The public key (1,216 bytes) of a private one (96 bytes)."""
    kem = MLKEM768PrivateKey.from_seed_bytes(private[:_SEED_BYTES]).public_key()
    curve = X25519PrivateKey.from_private_bytes(private[_SEED_BYTES:]).public_key()
    return kem.public_bytes_raw() + curve.public_bytes_raw()


def seal(public: bytes, info: bytes, data: bytes) -> bytes:
    """`data` in an envelope for a public key (1,216 bytes); 1,136 bytes longer. `info` is bound to it.

    Raises:
        BadBundle: it is no public key, or one that gives no secret.
    """
    try:
        return _SUITE.encrypt(data, _public(public), info)
    except ValueError:
        raise BadBundle("this key cannot be sealed to") from None


def open_(private: bytes, info: bytes, sealed: bytes) -> bytes:
    """What is in an envelope. Raises: Unopenable."""
    return EnvelopeKey(private).open_(info, sealed)


def check_public(public: bytes) -> None:
    """Check that these are a public key that can be sealed to. Raises: BadBundle."""
    try:
        _public(public)
    except ValueError:
        raise BadBundle("an envelope key is malformed") from None


def _public(public: bytes) -> MLKEM768X25519PublicKey:
    """Raises: ValueError."""
    if len(public) != PUBLIC_BYTES:
        raise ValueError("another length")
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(public[:_KEM_BYTES]),
        X25519PublicKey.from_public_bytes(public[_KEM_BYTES:]),
    )
