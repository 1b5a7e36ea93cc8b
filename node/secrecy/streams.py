"""Files as streams of sealed pieces: attachments, and archives behind a passphrase. Values and bytes only.

    stream   header 24, then pieces: 65,536 bytes and 17 more each; the last is marked, and may be shorter
    file     "asterism/archive/1" and a line feed, salt 16, passes 4, memory in KiB 4 (big endian), stream

XChaCha20-Poly1305 as libsodium's secretstream has it: pieces cannot be left out, repeated, put in another
order or cut off at the end without notice. What is opened piece by piece counts only once the last came:
whoever writes it out keeps it aside until then. The key of a file is Argon2id over its passphrase.
"""

import struct
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

import nacl.exceptions
import nacl.pwhash.argon2id
import nacl.utils
from nacl import bindings

from node.secrecy.errors import SecrecyError, Unopenable

KEY_BYTES: Final = 32
HEADER_BYTES: Final[int] = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
SEAL_BYTES: Final[int] = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
_LAST: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MORE: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_init_push: Final = bindings.crypto_secretstream_xchacha20poly1305_init_push
_init_pull: Final = bindings.crypto_secretstream_xchacha20poly1305_init_pull
_push: Final = bindings.crypto_secretstream_xchacha20poly1305_push
_pull: Final = bindings.crypto_secretstream_xchacha20poly1305_pull
_State: Final = bindings.crypto_secretstream_xchacha20poly1305_state

PIECE_BYTES: Final = 65_536
"""Of what is sealed at a time: what one end holds in memory, and small beside its seal of 17 bytes."""

MIN_PADDED_BYTES: Final = 4_096
"""Small files all look like this: fewer sizes tell them apart."""

MAGIC: Final = b"asterism/archive/1\n"
_HEAD: Final = struct.Struct(">16sII")
HEAD_BYTES: Final = len(MAGIC) + _HEAD.size
"""Of a file behind a passphrase, before its stream."""

MAX_PASSPHRASE_BYTES: Final = 1_024
"""A passphrase is typed; anything longer is the wrong file."""

_MAX_OPS: Final = 64
_MAX_MEM_KIB: Final = 2**21
"""Bounds on what a file may ask of Argon2id (2 GiB), so that a malicious one cannot hang the machine."""


class NoArchive(SecrecyError):
    """This file does not begin as one behind a passphrase does."""


class Hardness(NamedTuple):
    """What Argon2id costs: passes, and memory in KiB."""

    ops: int
    mem_kib: int


MODERATE: Final = Hardness(
    nacl.pwhash.argon2id.OPSLIMIT_MODERATE, nacl.pwhash.argon2id.MEMLIMIT_MODERATE // 1_024
)
"""About 0.5 s and 256 MiB: what each guess costs whoever found the file."""

LIGHT: Final = Hardness(nacl.pwhash.argon2id.OPSLIMIT_MIN, nacl.pwhash.argon2id.MEMLIMIT_MIN // 1_024)
"""For tests only."""


class Source(Protocol):
    """What is read from: a binary file, or anything like it."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end, and only there."""
        ...


class Joined:
    """Pieces of any length as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end. Raises: as the pieces."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


def new_key() -> bytes:
    """A new key, 32 bytes. One for each stream."""
    return nacl.utils.random(KEY_BYTES)


def padded_bytes(size: int) -> int:
    """The length to which a file of so many bytes is padded: Padmé, which adds at most 12 %.

    Of a length that is seen only its first few bits say anything.
    """
    wanted = max(size, MIN_PADDED_BYTES)
    exponent = wanted.bit_length() - 1
    kept = exponent.bit_length()
    mask = (1 << (exponent - kept)) - 1
    return (wanted + mask) & ~mask


def sealed_bytes(size: int) -> int:
    """The length of the stream of a file of so many bytes, padded."""
    padded = padded_bytes(size)
    return HEADER_BYTES + padded + -(-padded // PIECE_BYTES) * SEAL_BYTES


class Sealing:
    """A stream as something to read from, while it is made of what `source` gives. Bounded memory."""

    def __init__(self, source: Source, key: bytes, *, padded: bool) -> None:
        """`key`: 32 bytes, for this stream alone. `padded`: see `padded_bytes`; zeros follow the file."""
        self._source = source
        self._padded = padded
        self._state = _State()
        self._ready = bytearray(_init_push(self._state, key))
        self._waiting = b""
        self._zeros = -1
        self._ended = False
        self.plain_bytes = 0
        """Bytes of the file, so far."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes of the stream; empty at its end. Raises: as the source."""
        while len(self._ready) < size and not self._ended:
            self._seal_next()
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken

    def _seal_next(self) -> None:
        piece = self._waiting or self._next_piece()
        self._waiting = self._next_piece() if len(piece) == PIECE_BYTES else b""
        self._ended = not self._waiting
        self._ready += _push(self._state, piece, None, _LAST if self._ended else _MORE)

    def _next_piece(self) -> bytes:
        """The next 64 KiB of the file and its padding; fewer at the end."""
        found = bytearray()
        while len(found) < PIECE_BYTES and self._zeros < 0:
            data = self._source.read(PIECE_BYTES - len(found))
            self.plain_bytes += len(data)
            found += data
            if not data:
                self._zeros = padded_bytes(self.plain_bytes) - self.plain_bytes if self._padded else 0
        if self._zeros > 0:
            zeros = min(self._zeros, PIECE_BYTES - len(found))
            found += bytes(zeros)
            self._zeros -= zeros
        return bytes(found)


def opened(source: Source, key: bytes, plain_bytes: int | None = None) -> Iterator[bytes]:
    """The pieces of the file in a stream, as they are read. None of them counts before the last came.

    `plain_bytes`: how long the file is; what follows it is padding. None: there is no padding.

    Raises: Unopenable: another key, damaged, cut short, or shorter than `plain_bytes`.
    """
    left = plain_bytes
    for piece in _pieces(source, key):
        if left is None:
            yield piece
        elif left:
            yield piece[:left]
            left -= min(left, len(piece))
    if left:
        raise Unopenable


def _pieces(source: Source, key: bytes) -> Iterator[bytes]:
    state = _State()
    try:
        _init_pull(state, _read(source, HEADER_BYTES), key)
        tag = _MORE
        while tag != _LAST:
            piece, tag = _pull(state, _read(source, PIECE_BYTES + SEAL_BYTES))
            if tag == _LAST and source.read(1):
                raise Unopenable  # something follows the end
            yield piece
    except nacl.exceptions.CryptoError:  # the root of all that PyNaCl raises
        raise Unopenable from None


def _read(source: Source, size: int) -> bytes:
    """So many bytes, or what is left of them."""
    found = bytearray()
    while len(found) < size and (data := source.read(size - len(found))):
        found += data
    return bytes(found)


# --- passphrases --------------------------------------------------------------------------------------


def new_head(hardness: Hardness = MODERATE) -> bytes:
    """The beginning of a new file behind a passphrase, 43 bytes."""
    return MAGIC + _HEAD.pack(nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES), *hardness)


def read_head(source: Source) -> bytes:
    """The beginning of a file behind a passphrase. Raises: NoArchive."""
    head = _read(source, HEAD_BYTES)
    if len(head) != HEAD_BYTES or not head.startswith(MAGIC):
        raise NoArchive("this is no file behind a passphrase")
    return head


def key_behind(head: bytes, passphrase: str) -> bytes:
    """The key (32 bytes) of the stream in a file that begins with `head`. Takes half a second and 256 MiB.

    Raises: Unopenable: the head asks for more than is reasonable, or the passphrase is empty or too long.
    """
    salt, ops, mem_kib = _HEAD.unpack(head[len(MAGIC) :])
    data = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    if ops > _MAX_OPS or mem_kib > _MAX_MEM_KIB or not 0 < len(data) <= MAX_PASSPHRASE_BYTES:
        raise Unopenable
    try:
        return nacl.pwhash.argon2id.kdf(KEY_BYTES, data, salt, ops, mem_kib * 1_024)
    except nacl.exceptions.CryptoError:
        raise Unopenable from None
