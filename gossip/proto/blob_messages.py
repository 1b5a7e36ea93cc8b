"""The messages of a blob stream: values and their bytes. `docs/protocol/files.md` has the tables.

`parse_question` is the only way from bytes to what an asker may say, `parse_answer` to what a holder may;
whatever breaks a rule is a `RemoteFault`. Whether an answer is one to a question, `gossip.proto.blobsync`
looks at. What a manifest or a chunk says is not looked at here.

    1 look      [1, blob bin32, whole bool]                       what do you hold of that blob?
    2 holding   [2, blob bin32, manifest bin or nil, held bin]    answer: this; nil unless the whole was asked
    3 want      [3, blob bin32, first int, chunks int]            these chunks, please
    4 chunk     [4, place int, data bin]                          answer: one of them
    5 no chunk  [5, place int]                                    answer: that one is not held
    6 lacking   [6, blob bin32]                                   answer: nothing of that blob is held
    7 got       [7, blob bin32]                                   hint: it is now
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from gossip.errors import RemoteFault, Severity
from gossip.proto.fields import HASH_BYTES, is_bytes, require
from gossip.proto.framing import LENGTH_BYTES
from store.blobs import CHUNK_BYTES, MAX_CHUNKS, MAX_MANIFEST_BYTES
from store.codec import decode_shaped, encode
from store.errors import InvalidEntry

MAX_WANTED_CHUNKS: Final = 64
"""Chunks in one `Want` (wire)."""

MAX_MAP_BYTES: Final = MAX_CHUNKS // 8
"""Largest bitmap of what is held."""

MAX_QUESTION_BYTES: Final = 64
"""Largest `Look` or `Want` (wire), and largest `Lacking`, `Got` and `NoChunk`: an id and a few numbers."""

MAX_CHUNK_MESSAGE_BYTES: Final = CHUNK_BYTES + 16
"""Largest `Chunk` (wire)."""

MAX_HOLDING_BYTES: Final = MAX_MAP_BYTES + MAX_QUESTION_BYTES
"""Largest `Holding` without a manifest (wire)."""

MAX_WHOLE_BYTES: Final = MAX_HOLDING_BYTES + MAX_MANIFEST_BYTES
"""Largest `Holding` with a manifest (wire)."""

_MAX_ITEMS: Final = 4
_LARGE_BIN: Final = 0xC6
"""Type byte of a byte string of 65,536 bytes or more in msgpack; its length follows in 4 bytes."""


class Look(NamedTuple):
    """What do you hold of that blob?"""

    blob: bytes
    """32 bytes."""
    whole: bool
    """With the manifest, please."""


class Want(NamedTuple):
    """Please send these chunks, one answer each, in order."""

    blob: bytes
    first: int
    """From 0."""
    chunks: int
    """1 to `MAX_WANTED_CHUNKS`."""


class Holding(NamedTuple):
    """Answer to `Look`: something of that blob is held."""

    blob: bytes
    manifest: bytes | None
    """Encoded; None where it was not asked for."""
    held: bytes
    """Bitmap over the chunks, see `store.blobs.held_map`."""


class Lacking(NamedTuple):
    """Answer to `Look`: nothing is known here of that blob."""

    blob: bytes


class Chunk(NamedTuple):
    """Answer to `Want`: one chunk of the blob that was asked for."""

    place: int
    data: bytes | memoryview


class NoChunk(NamedTuple):
    """Answer to `Want`: that chunk is not held."""

    place: int


class Got(NamedTuple):
    """Hint: that blob, which was lacking here, is held now."""

    blob: bytes


Question: TypeAlias = Look | Want
Answer: TypeAlias = Holding | Lacking | Chunk | NoChunk | Got


def encode_question(message: Question) -> bytes:
    """The bytes of a message of the asker."""
    match message:
        case Look(blob, whole):
            return encode((1, blob, whole))
        case Want(blob, first, chunks):
            return encode((3, blob, first, chunks))


def encode_answer(message: Answer) -> bytes:
    """The bytes of a message of the holder."""
    match message:
        case Holding(blob, manifest, held):
            return encode((2, blob, manifest, held))
        case Chunk(place, data):
            return encode((4, place, bytes(data)))
        case NoChunk(place):
            return encode((5, place))
        case Lacking(blob):
            return encode((6, blob))
        case Got(blob):
            return encode((7, blob))


def framed_chunk(place: int, data: bytes) -> bytes:
    """A whole frame with a `Chunk`, made with one copy of the data."""
    if len(data) < 2**16:
        payload = encode_answer(Chunk(place, data))
        return len(payload).to_bytes(LENGTH_BYTES, "big") + payload
    head = _chunk_head(place, len(data))
    return b"".join(((len(head) + len(data)).to_bytes(LENGTH_BYTES, "big"), head, data))


def parse_question(data: bytes | bytearray) -> Question:
    """What an asker says. Raises: RemoteFault."""
    values = _values_of(data, MAX_QUESTION_BYTES)
    match values:
        case (1, blob, whole) if is_bytes(blob, HASH_BYTES) and type(whole) is bool:
            return Look(blob, whole)
        case (3, blob, first, count) if is_bytes(blob, HASH_BYTES):
            require(type(first) is int and 0 <= first < MAX_CHUNKS, "number of a chunk")
            require(type(count) is int and 1 <= count <= MAX_WANTED_CHUNKS, "number of chunks")
            require(first + count <= MAX_CHUNKS, "number of chunks")
            return Want(blob, first, count)
        case _:
            raise _unknown(values, (1, 3))


def parse_answer(data: bytes | bytearray) -> Answer:
    """What a holder says; the data of a large chunk are a view of `data`. Raises: RemoteFault."""
    large = _parse_large_chunk(data)
    if large is not None:
        return large
    values = _values_of(data, MAX_WHOLE_BYTES)
    parse = _ANSWERS.get(values[0])
    if parse is None:
        raise _unknown(values, ())
    return parse(values)


def _parse_large_chunk(data: bytes | bytearray) -> Chunk | None:
    """The chunk that `data` is, if it is one of 64 KiB or more: without decoding, encoding and comparing."""
    if data[:2] != b"\x93\x04":
        return None
    at = data.find(_LARGE_BIN, 2, 8)
    if at < 0:
        return None
    size = int.from_bytes(data[at + 1 : at + 5], "big")
    place = int.from_bytes(data[at - 2 : at] if at > 4 else data[at - 1 : at], "big")
    if size < 2**16 or size > CHUNK_BYTES or place >= MAX_CHUNKS:
        return None
    head = _chunk_head(place, size)
    if len(data) != len(head) + size or not data.startswith(head):
        return None
    return Chunk(place, memoryview(data)[len(head) :])


def _chunk_head(place: int, size_bytes: int) -> bytes:
    """What stands before the data in the encoding of a `Chunk` of 64 KiB or more."""
    return encode((4, place, b""))[:-2] + bytes([_LARGE_BIN]) + size_bytes.to_bytes(4, "big")


def _values_of(data: bytes | bytearray, max_bytes: int) -> tuple[Any, ...]:
    try:
        values = decode_shaped(bytes(data), max_bytes, _MAX_ITEMS)
    except InvalidEntry as error:
        raise RemoteFault(f"no message: {error}") from error
    if type(values) is not tuple or not values or type(values[0]) is not int:
        raise RemoteFault("a message is a list that begins with its number")
    return values


def _unknown(values: tuple[Any, ...], numbers: tuple[int, ...]) -> RemoteFault:
    if values[0] in numbers:
        return RemoteFault("a malformed message about a blob")
    return RemoteFault("an unknown message about a blob", Severity.SLIGHT)


def _parse_holding(values: tuple[Any, ...]) -> Holding:
    require(len(values) == 4 and is_bytes(values[1], HASH_BYTES), "what is held of a blob")
    _, blob, manifest, held = values
    require(manifest is None or type(manifest) is bytes, "a manifest")
    require(type(held) is bytes and len(held) <= MAX_MAP_BYTES, "a bitmap")
    return Holding(blob, manifest, held)


def _parse_chunk(values: tuple[Any, ...]) -> Chunk:
    require(len(values) == 3 and _is_place(values[1]), "a chunk")
    require(type(values[2]) is bytes and 1 <= len(values[2]) <= CHUNK_BYTES, "a chunk")
    return Chunk(values[1], values[2])


def _parse_no_chunk(values: tuple[Any, ...]) -> NoChunk:
    require(len(values) == 2 and _is_place(values[1]), "number of a chunk")
    return NoChunk(values[1])


def _parse_lacking(values: tuple[Any, ...]) -> Lacking:
    require(len(values) == 2 and is_bytes(values[1], HASH_BYTES), "the id of a blob")
    return Lacking(values[1])


def _parse_got(values: tuple[Any, ...]) -> Got:
    require(len(values) == 2 and is_bytes(values[1], HASH_BYTES), "the id of a blob")
    return Got(values[1])


def _is_place(value: Any) -> bool:  # noqa: ANN401 (a value from outside)
    return type(value) is int and 0 <= value < MAX_CHUNKS


_ANSWERS: Final[dict[int, Callable[[tuple[Any, ...]], Answer]]] = {
    2: _parse_holding,
    4: _parse_chunk,
    5: _parse_no_chunk,
    6: _parse_lacking,
    7: _parse_got,
}
