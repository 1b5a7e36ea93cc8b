"""Padding to size classes: ISO/IEC 7816-4, as libsodium does it. Of a ciphertext only its class is seen."""

from collections.abc import Sequence
from typing import Final

import nacl.bindings
import nacl.exceptions

from node.secrecy.errors import Unopenable

MESSAGE_CLASSES: Final = (128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 24_576, 30_720)
"""Bytes of what goes into Megolm: a short message is one of few sizes, the largest fits into an entry."""

PACKET_CLASSES: Final = (384, 1_024, 4_096, 16_384)
"""Bytes of what goes into Olm: the first holds a session's key, or a handful of receipts."""


def pad(data: bytes, classes: Sequence[int]) -> bytes:
    """`data` padded to the smallest of these sizes (ascending) that leaves at least one byte.

    Raises:
        ValueError: it is too long for the largest.
    """
    for size in classes:
        if len(data) < size:
            padded: bytes = nacl.bindings.sodium_pad(data, size)
            return padded
    raise ValueError(f"more than {classes[-1] - 1} bytes")


def unpad(data: bytes) -> bytes:
    """What was padded. Raises: Unopenable: this is no padded text."""
    if not data:
        raise Unopenable
    try:
        plain: bytes = nacl.bindings.sodium_unpad(data, len(data))
    except nacl.exceptions.CryptoError:
        raise Unopenable from None
    return plain
