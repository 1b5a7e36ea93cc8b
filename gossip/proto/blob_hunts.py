"""What `gossip.proto.blobsync` remembers: hunts (wanted blobs) and sources (peers with a stream).

Bitmaps are ints here: bit i stands for chunk i. Nothing is decided in this room.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from gossip.proto import blob_limits
from gossip.proto.blob_messages import MAX_WANTED_CHUNKS, Look
from store.blobs import CHUNK_BYTES, Manifest
from store.ids import AuthorId


class Owed(NamedTuple):
    """A chunk that a source was asked for."""

    blob: bytes
    place: int


@dataclass(slots=True)
class Asked:
    """Who was asked for a chunk and did not answer yet."""

    peers: list[AuthorId]
    since_s: float
    keeping: bool = False
    """It came, and is being checked and kept."""


@dataclass(slots=True)
class Hunt:
    """A blob that is wanted."""

    blob: bytes
    sizes: frozenset[int]
    """How many bytes it may have; empty: whatever it has."""
    first: bool = False
    """Goes before those that are not."""
    manifest: Manifest | None = None
    lacking: int = 0
    todo: int = 0
    """Of the lacking chunks those that nobody was asked for. Of equal ones the first alone."""
    start: int = 0
    """Where the next run is taken."""
    asked: dict[int, Asked] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    """Of chunks that occur several times: all places of the one at that place."""
    whole_from: AuthorId | None = None
    """Who was asked for the manifest."""
    whole_since_s: float = 0.0
    beginning: bool = False
    """The manifest came, and is being kept."""
    is_alone: bool = False
    """It was said that nobody has what is lacking."""

    def begin(self, manifest: Manifest, lacking: Iterable[int], start: int) -> None:
        """The manifest is known, and which chunks are lacking."""
        self.manifest = manifest
        self.beginning = False
        self.start = start
        first_of: dict[bytes, int] = {}
        todo = []
        places = list(lacking)
        for place in places:
            first = first_of.setdefault(manifest.chunks[place], place)
            if first == place:
                todo.append(place)
            else:
                self.twins[first] = self.twins.get(first, 1 << first) | 1 << place
        self.lacking, self.todo = bitmap_of(places), bitmap_of(todo)

    def may_have(self, size: int) -> bool:
        """Is that a size that the blob was said to have?"""
        return not self.sizes or size in self.sizes

    def take(self, held: int, others: int, most: int) -> tuple[int, int]:
        """A run (first, count) of chunks out of `held` that nobody was asked for; count 0: there is none.

        `others`: what other sources hold. Chunks that they lack go first.
        """
        free = self.todo & held
        if not free:
            return 0, 0
        free = free & ~others or free
        ahead = free >> self.start
        first = self.start + _lowest(ahead) if ahead else _lowest(free)
        count = min(_lowest(~(free >> first)), most, MAX_WANTED_CHUNKS)
        self.todo &= ~(((1 << count) - 1) << first)
        self.start = first + count
        return first, count

    def put_back(self, place: int, peer: AuthorId | None) -> None:
        """A source will not send a chunk, or (None) what came was wrong: others may be asked."""
        asked = self.asked.get(place)
        if asked is None:
            return
        if peer in asked.peers:
            asked.peers.remove(peer)
        if not asked.peers and not asked.keeping:
            del self.asked[place]
            self.todo |= 1 << place & self.lacking

    def kept(self, place: int) -> None:
        """A chunk is here now, at every place where it occurs."""
        self.asked.pop(place, None)
        self.lacking &= ~self.twins.get(place, 1 << place)
        self.todo &= self.lacking

    @property
    def held_bytes(self) -> int:
        """Bytes of the chunks that are here."""
        if self.manifest is None or self.beginning:
            return 0
        if not self.manifest.chunks:
            return 0
        last = len(self.manifest.chunks) - 1
        short_by = (self.lacking >> last & 1) * (CHUNK_BYTES - self.manifest.chunk_size(last))
        return self.manifest.size - self.lacking.bit_count() * CHUNK_BYTES + short_by


@dataclass(slots=True)
class Source:
    """A peer with a stream."""

    quiet_since_s: float
    """When it ended an answer last, or was asked while it owed nothing."""
    useful_s: float
    """When it last had something for us."""
    owing: deque[Look | Owed] = field(default_factory=deque)
    """What it was asked for, in the order in which it has to answer."""
    chunks: int = 0
    """Of these, chunks."""
    holds: dict[bytes, int] = field(default_factory=dict)
    """What it holds of each hunted blob that it said something about; 0: nothing."""
    looked_s: dict[bytes, float] = field(default_factory=dict)
    """When it was last asked what it holds of a hunted blob."""
    lacked: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    """Blobs that it lacked when it was asked, the last asked last."""
    pace_s: float = blob_limits.CHUNKS_AHEAD_S / blob_limits.FIRST_CHUNKS_AHEAD
    """Seconds that it takes for a chunk."""

    @property
    def room(self) -> int:
        """Chunks that it may be asked for now; 0 until half of its window is free."""
        window = int(blob_limits.CHUNKS_AHEAD_S / max(self.pace_s, 0.001))
        window = min(max(window, blob_limits.LEAST_CHUNKS_AHEAD), blob_limits.CHUNKS_AHEAD)
        return window - self.chunks if 2 * self.chunks <= window else 0

    def is_looking(self, blob: bytes) -> bool:
        """Does it owe an answer about what it holds of a blob?"""
        return any(isinstance(owed, Look) and owed.blob == blob for owed in self.owing)

    def note_lacking(self, blob: bytes) -> None:
        """It lacks a blob, and may say later that it got it."""
        self.lacked[blob] = None
        self.lacked.move_to_end(blob)
        if len(self.lacked) > blob_limits.REMEMBERED_LOOKS:
            self.lacked.popitem(last=False)

    def forget(self, blob: bytes) -> None:
        """A blob is not hunted any more."""
        self.holds.pop(blob, None)
        self.looked_s.pop(blob, None)


def bitmap_of(places: Iterable[int]) -> int:
    """The bitmap in which the bits of `places` are set."""
    bits = bytearray()
    for place in places:
        if place >> 3 >= len(bits):
            bits.extend(bytes((place >> 3) + 1 - len(bits)))
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def is_map_over(held: bytes, manifest: Manifest) -> bool:
    """Has the bitmap of a message one bit for each chunk, and no other bit set?"""
    count = len(manifest.chunks)
    return len(held) == (count + 7) // 8 and int.from_bytes(held, "little").bit_length() <= count


def _lowest(bits: int) -> int:
    """Place of the lowest bit that is set, of a number that is not 0."""
    return (bits & -bits).bit_length() - 1
