"""Bundles: the keys that a device publishes, with which it can be written to."""

from typing import Final, NamedTuple

from node.secrecy.errors import BadBundle

CURVE_BYTES: Final = 32
ENVELOPE_BYTES: Final = 1_216
_PROBE: Final = bytes(31) + b"\x40"
"""Any private key finds points of small order: with them every secret is zero (RFC 7748, section 6.1)."""


class Bundle(NamedTuple):
    """Public keys of one device."""

    identity: bytes
    """Olm identity key, Curve25519, 32 bytes. It stays for the life of the device."""
    fallback: bytes
    """Olm fallback key, Curve25519, 32 bytes. Replaced every week."""
    envelope: bytes
    """HPKE key, 1,216 bytes, see `node.secrecy.envelope`. Replaced every week."""


def check(bundle: Bundle) -> None:
    """Check that a device can be written to with these keys.

    Raises:
        BadBundle: a key has the wrong length, is malformed, or of small order.
    """
    # late: who only reads what was said needs no library for this
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    from node.secrecy.envelope import check_public

    probe = X25519PrivateKey.from_private_bytes(_PROBE)
    for key in (bundle.identity, bundle.fallback, bundle.envelope[-CURVE_BYTES:]):
        if len(key) != CURVE_BYTES:
            raise BadBundle("a key has the wrong length")
        try:
            probe.exchange(X25519PublicKey.from_public_bytes(key))
        except ValueError:
            raise BadBundle("a key is of small order") from None
    check_public(bundle.envelope)
