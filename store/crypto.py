"""The only door to PyNaCl: sign, verify, digest. A check that fails raises; none returns a bool.

Signatures are Ed25519 as libsodium 1.0.x checks them: strict encodings, no points of small order, no
cofactor. Other libraries accept more (of the 914 cases of C2SP's CCTV set OpenSSL takes 208, zebra
826, PyNaCl 43), so nothing else may check a signature here: two nodes that disagree about one entry
would split the network. `self_test` refuses to start on a library that decides otherwise.
"""

import hashlib
from typing import Final

import nacl.bindings
import nacl.exceptions

from store.crypto_vectors import ACCEPTED, REFUSED, REFUSED_KEYS
from store.errors import BadSignature, StoreError
from store.ids import AuthorId

SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
PUBLIC_KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 32

_open = nacl.bindings.crypto_sign_open
_blake2b = hashlib.blake2b


class UnfitLibrary(StoreError):
    """The installed libsodium decides signatures otherwise than this network does."""


class SigningKey:
    """An Ed25519 key pair made from a 32-byte seed. Signs only what begins with ``asterism/``."""

    __slots__ = ("_secret", "author")

    def __init__(self, seed: bytes) -> None:
        """Raises: ValueError: the seed is not 32 bytes."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        public, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.author = AuthorId(public)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over `message`.

        Raises:
            ValueError: the message is outside our signing domain.
        """
        if not message.startswith(b"asterism/"):
            raise ValueError("we sign nothing outside the domain asterism/")
        signed: bytes = nacl.bindings.crypto_sign(message, self._secret)
        return signed[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "SigningKey(…)"


def verify(author: bytes, signature: bytes, message: bytes) -> None:
    """Check a 64-byte Ed25519 signature over `message` by the 32-byte public key `author`.

    Raises:
        BadSignature: it does not fit, or a part has the wrong length.
    """
    if len(author) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise BadSignature("a key or signature has the wrong length")
    try:
        _open(signature + message, author)
    except nacl.exceptions.BadSignatureError as error:
        raise BadSignature("the signature does not fit") from error


def check_author(author: bytes) -> None:
    """Check that 32 bytes are a usable public key: a canonical point of the prime-order group.

    Raises:
        BadSignature: they are not.
    """
    if len(author) != PUBLIC_KEY_BYTES or not nacl.bindings.crypto_core_ed25519_is_valid_point(author):
        raise BadSignature("not a valid Ed25519 public key")


def digest(data: bytes) -> bytes:
    """BLAKE2b-256 of `data`, 32 bytes."""
    return _blake2b(data, digest_size=DIGEST_BYTES).digest()


def keyed_digest(key: bytes, data: bytes, size_bytes: int) -> bytes:
    """Keyed BLAKE2b of `data`, `size_bytes` (1 to 64) long; `key` has at most 64 bytes."""
    return _blake2b(data, digest_size=size_bytes, key=key).digest()


def self_test() -> None:
    """Check on edge cases that the installed library decides as this network does. About 1 ms.

    Raises:
        UnfitLibrary: it does not; the node must not start.
    """
    for name, author, signature, message in ACCEPTED:
        try:
            verify(author, signature, message)
        except BadSignature as error:
            raise UnfitLibrary(f"libsodium refuses the signature of test case {name!r}") from error
    for name, author, signature, message in REFUSED:
        try:
            verify(author, signature, message)
        except BadSignature:
            continue
        raise UnfitLibrary(f"libsodium accepts the signature of test case {name!r}")
    for name, author in REFUSED_KEYS:
        try:
            check_author(author)
        except BadSignature:
            continue
        raise UnfitLibrary(f"libsodium accepts the public key of test case {name!r}")
