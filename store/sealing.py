"""Sealing of what lies on this machine's disk: AES-256-GCM of NIST SP 800-38D. The only door to
`cryptography` on this floor. Pure: the nonce comes in as an argument.

OpenSSL's works without the interpreter's lock, and takes 0.03 ms for a chunk of a file where the processor
has instructions for AES, so that files can be fetched as fast as the wire gives them.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.errors import Damaged

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
"""By so much what is sealed is longer than what went in."""


def seal_in_place(key: bytes, nonce: bytes, data: memoryview) -> None:
    """Encrypt and authenticate all of `data` but its last `TAG_BYTES`, which the tag takes.

    `key`: 32 bytes; `nonce`: 12 bytes. Under one key no nonce may serve for two different texts.
    """
    AESGCM(key).encrypt_into(nonce, data[:-TAG_BYTES], None, data)


def unseal_in_place(key: bytes, nonce: bytes, data: memoryview) -> None:
    """Turn what `seal_in_place` left back; the last `TAG_BYTES` stay as they are.

    Raises:
        Damaged: these bytes were not sealed with this key and nonce. Nothing in `data` is of use then.
    """
    try:
        AESGCM(key).decrypt_into(nonce, data, None, data[:-TAG_BYTES])
    except InvalidTag as error:
        raise Damaged("what was sealed is damaged, or was sealed with another key") from error
