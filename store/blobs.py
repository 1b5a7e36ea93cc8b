"""Blobs: files cut into chunks, a manifest that names the chunks, and the checks of both. The only door to
BLAKE3. Pure.

A blob is any string of bytes up to 16 GiB. It is cut into chunks of 262,144 bytes; the last one may be
shorter, and is never empty.

    chunk id   BLAKE3 in its mode for key derivation, context "asterism/chunk/1", over the chunk; 32 bytes
    manifest   canonical msgpack [1, size int, ids bin of 32 · n], where n = ceil(size / 262,144)
    blob id    BLAKE3 in its mode for key derivation, context "asterism/blob/1", over the manifest; 32 bytes

So whoever knows the id of a blob can check its manifest, and whoever has the manifest can check each chunk
alone, from whomever it came. The empty blob has a manifest without ids. Specification:
docs/protocol/files.md.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Final, NewType

from blake3 import blake3

from store.codec import decode_shaped, encode
from store.errors import InvalidBlob, InvalidEntry, TooLarge
from store.ids import ID_BYTES

BlobId = NewType("BlobId", bytes)
"""32 bytes: names a blob by its manifest."""

ChunkId = NewType("ChunkId", bytes)
"""32 bytes: names a chunk by its content."""

CHUNK_BYTES: Final = 262_144
"""Bytes in every chunk but the last. Small enough that little is fetched twice after a crash, and large
enough that a manifest is an eight-thousandth of its blob."""

MAX_CHUNKS: Final = 65_536
"""Chunks in one blob: a manifest of 2 MiB, which fits one message."""

MAX_BLOB_BYTES: Final = MAX_CHUNKS * CHUNK_BYTES
"""Bytes in one blob: 16 GiB."""

MAX_MANIFEST_BYTES: Final = MAX_CHUNKS * ID_BYTES + 16
"""Bytes in a manifest: its ids and at most 16 bytes around them."""

_VERSION: Final = 1
_CHUNK_HASHER: Final = blake3(derive_key_context="asterism/chunk/1")
_BLOB_HASHER: Final = blake3(derive_key_context="asterism/blob/1")


def chunk_id(data: bytes | memoryview) -> ChunkId:
    """The 32-byte id of a chunk with this content."""
    hasher = _CHUNK_HASHER.copy()
    hasher.update(data)
    return ChunkId(hasher.digest())


def blob_id(manifest: bytes) -> BlobId:
    """The 32-byte id of the blob that has this encoded manifest."""
    hasher = _BLOB_HASHER.copy()
    hasher.update(manifest)
    return BlobId(hasher.digest())


def chunks_in(size_bytes: int) -> int:
    """How many chunks a blob of `size_bytes` has."""
    return -(-size_bytes // CHUNK_BYTES)


class Manifest:
    """Which chunks a blob consists of, in order. One that exists keeps the rules of its format."""

    def __init__(self, size: int, chunks: tuple[ChunkId, ...]) -> None:
        """`size`: bytes of the whole blob. `chunks`: ids of 32 bytes each.

        Raises:
            TooLarge: more than `MAX_BLOB_BYTES`.
            InvalidBlob: size and number of chunks do not go together, or an id has another length.
        """
        if size > MAX_BLOB_BYTES:
            raise TooLarge(f"a blob has at most {MAX_BLOB_BYTES:,} bytes")
        if size < 0 or len(chunks) != chunks_in(size):
            raise InvalidBlob(f"{size:,} bytes are {chunks_in(size):,} chunks, not {len(chunks):,}")
        if any(len(chunk) != ID_BYTES for chunk in chunks):
            raise InvalidBlob(f"the id of a chunk has {ID_BYTES} bytes")
        self.size: Final = size
        self.chunks: Final = chunks

    @cached_property
    def id(self) -> BlobId:
        """The id of the blob, 32 bytes."""
        return blob_id(self.encode())

    def encode(self) -> bytes:
        """The one encoding of this manifest, at most `MAX_MANIFEST_BYTES`."""
        return encode((_VERSION, self.size, b"".join(self.chunks)))

    @classmethod
    def parse(cls, data: bytes) -> "Manifest":
        """The manifest that `data` is the encoding of. Whose it is, `of_blob` checks as well.

        Raises:
            InvalidBlob: too long, not canonical, of another version, or size and ids do not go together.
        """
        try:
            value = decode_shaped(data, MAX_MANIFEST_BYTES, max_items=3)
        except InvalidEntry as error:
            raise InvalidBlob(f"no manifest: {error}") from error
        match value:
            case (version, size, bytes(ids)) if type(version) is int and type(size) is int:
                pass
            case _:
                raise InvalidBlob("a manifest is a list of a version, a size and the ids of the chunks")
        if version != _VERSION:
            raise InvalidBlob("a manifest of a version that this program does not know")
        if not 0 <= size <= MAX_BLOB_BYTES:
            raise InvalidBlob(f"a manifest of {size:,} bytes, where a blob has at most {MAX_BLOB_BYTES:,}")
        if len(ids) != ID_BYTES * chunks_in(size):
            raise InvalidBlob(
                f"a manifest that says {size:,} bytes, which are {chunks_in(size):,} chunks, and holds "
                f"{len(ids):,} bytes of ids"
            )
        return cls(size, tuple(ChunkId(ids[at : at + ID_BYTES]) for at in range(0, len(ids), ID_BYTES)))

    @classmethod
    def of_blob(cls, blob: bytes, data: bytes) -> "Manifest":
        """The manifest of the blob with the 32-byte id `blob`, from bytes that somebody gave.

        Raises:
            InvalidBlob: it is no manifest, or the manifest of another blob.
        """
        manifest = cls.parse(data)
        if blob_id(data) != blob:
            raise InvalidBlob("the manifest of another blob")
        return manifest

    def chunk_size(self, index: int) -> int:
        """Bytes of chunk `index` (from 0). Raises: IndexError: there is no such chunk."""
        if not 0 <= index < len(self.chunks):
            raise IndexError(index)
        return min(CHUNK_BYTES, self.size - index * CHUNK_BYTES)

    def __eq__(self, other: object) -> bool:
        """Manifests are equal where their blobs are."""
        return isinstance(other, Manifest) and (self.size, self.chunks) == (other.size, other.chunks)

    def __hash__(self) -> int:
        """By the size and the ids."""
        return hash((self.size, self.chunks))

    def __repr__(self) -> str:
        """Size and number of chunks; the ids would fill the screen."""
        return f"Manifest({self.size} bytes, {len(self.chunks)} chunks)"


def check_chunk(manifest: Manifest, index: int, data: bytes | memoryview) -> ChunkId:
    """Check that `data` is chunk `index` (from 0) of the blob; give its id.

    Raises:
        InvalidBlob: there is no such chunk, or it has another size or another content.
    """
    if not 0 <= index < len(manifest.chunks):
        raise InvalidBlob(f"chunk {index:,} of a blob that has {len(manifest.chunks):,}")
    if len(data) != manifest.chunk_size(index):
        raise InvalidBlob(f"chunk {index:,} has {len(data):,} bytes, not {manifest.chunk_size(index):,}")
    found = chunk_id(data)
    if found != manifest.chunks[index]:
        raise InvalidBlob(f"chunk {index:,} has another content than the manifest says")
    return found


def held_map(held: Iterable[int], count: int) -> bytes:
    """The bitmap over `count` chunks in which the bits of the places `held` (from 0) are set.

    Chunk i is bit i mod 8, counted from the least significant one, of byte i div 8; spare bits are zero.
    """
    bits = bytearray((count + 7) // 8)
    for index in held:
        bits[index >> 3] |= 1 << (index & 7)
    return bytes(bits)


def held_places(bitmap: bytes, count: int) -> list[int]:
    """The places whose bits are set in a bitmap over `count` chunks, ascending.

    Raises:
        InvalidBlob: it has another length, or a spare bit is set.
    """
    if len(bitmap) != (count + 7) // 8:
        raise InvalidBlob(f"a bitmap of {len(bitmap):,} bytes for {count:,} chunks")
    places = [index for index in range(8 * len(bitmap)) if bitmap[index >> 3] >> (index & 7) & 1]
    if places and places[-1] >= count:
        raise InvalidBlob("a bitmap with a bit set behind the last chunk")
    return places
