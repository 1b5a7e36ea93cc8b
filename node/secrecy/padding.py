"""Padding to size classes: ISO/IEC 7816-4, a byte 0x80, then zeros. Of a ciphertext only its class is seen.

It is undone only after the ciphertext was found to be genuine, so how long that takes tells nobody anything.
"""

from collections.abc import Sequence
from typing import Final

from node.secrecy.errors import Unopenable

MESSAGE_CLASSES: Final = (128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 24_576, 30_720)
"""Bytes of what goes into Megolm: a short message is one of few sizes, the largest fits into an entry."""

PACKET_CLASSES: Final = (384, 1_024, 4_096, 16_384)
"""Bytes of what goes into Olm: the first holds a session's key, or a handful of receipts."""

_MARK: Final = b"\x80"


def pad(data: bytes, classes: Sequence[int]) -> bytes:
    """`data` padded to the smallest of these sizes (ascending) that leaves at least one byte.

    Raises:
        ValueError: it is too long for the largest.
    """
    for size in classes:
        if len(data) < size:
            return (data + _MARK).ljust(size, b"\x00")
    raise ValueError(f"more than {classes[-1] - 1} bytes")


def unpad(data: bytes) -> bytes:
    """What was padded. Raises: Unopenable: this is no padded text."""
    plain = data.rstrip(b"\x00")
    if not plain.endswith(_MARK):
        raise Unopenable
    return plain[:-1]
