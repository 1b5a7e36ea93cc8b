"""Blobs in dictionaries: `store.blob_interface.BlobStore` for tests. Nothing survives the process. Pure."""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from store.blob_interface import BlobState, PartsHeld, Source, Summary, take_all
from store.blobs import CHUNK_BYTES, MAX_BLOB_BYTES, BlobId, Manifest, chunk_id, held_map
from store.errors import NotFound, TooLarge


class _Kept(NamedTuple):
    manifest: Manifest
    pinned: bool
    used_ms: int


class MemoryBlobStore:
    """`BlobStore` without a disk. For one thread at a time."""

    def __init__(self, clock_ms: Callable[[], int] = lambda: 0) -> None:
        """`clock_ms`: tells when a blob was used."""
        self._clock_ms = clock_ms
        self._blobs: dict[bytes, _Kept] = {}
        self._chunks: dict[bytes, bytes] = {}
        self._parts: dict[bytes, dict[bytes, int]] = {}

    def begin(self, manifest: Manifest) -> None:
        """Keep the manifest of a blob whose chunks will come."""
        self._blobs.setdefault(manifest.id, _Kept(manifest, False, self._clock_ms()))

    def manifest(self, blob: bytes) -> Manifest | None:
        """The manifest of a blob that was begun or is complete."""
        kept = self._blobs.get(blob)
        return None if kept is None else kept.manifest

    def missing(self, blob: bytes) -> list[int]:
        """Places of the chunks of a blob that are not here."""
        chunks = self._kept(blob).manifest.chunks
        return [index for index, chunk in enumerate(chunks) if chunk not in self._chunks]

    def held(self, blob: bytes) -> bytes:
        """The bitmap of the chunks of a blob that are here."""
        chunks = self._kept(blob).manifest.chunks
        return held_map((i for i, chunk in enumerate(chunks) if chunk in self._chunks), len(chunks))

    def _kept(self, blob: bytes) -> _Kept:
        try:
            return self._blobs[blob]
        except KeyError:
            raise NotFound("nothing is held of that blob") from None

    def put_chunk(self, chunk: bytes, data: bytes | memoryview) -> None:
        """Keep a chunk, which the caller has checked."""
        self._chunks.setdefault(chunk, bytes(data))

    def read_chunk(self, chunk: bytes) -> bytes | None:
        """A chunk; None where it is not here."""
        return self._chunks.get(chunk)

    def add(self, source: Source, tell: Callable[[int], object], *, pinned: bool = True) -> Manifest:
        """All steps of `adding` at once."""
        return take_all(self.adding(source, pinned=pinned), tell)

    def adding(
        self, source: Source, *, pinned: bool = True, durable: bool = True
    ) -> Generator[int, None, Manifest]:
        """Keep everything that `source` gives as a blob, step by step."""
        content = bytearray()
        while piece := source.read(CHUNK_BYTES):
            content += piece
            if len(content) > MAX_BLOB_BYTES:
                raise TooLarge(f"a file has at most {MAX_BLOB_BYTES:,} bytes")
            yield len(content)
        parts = [bytes(content[at : at + CHUNK_BYTES]) for at in range(0, len(content), CHUNK_BYTES)]
        manifest = Manifest(len(content), tuple(map(chunk_id, parts)))
        self._chunks.update(zip(manifest.chunks, parts, strict=True))
        before = self._blobs.get(manifest.id)
        is_pinned = pinned or (before is not None and before.pinned)
        self._blobs[manifest.id] = _Kept(manifest, is_pinned, self._clock_ms())
        return manifest

    def read(self, blob: bytes, write: Callable[[bytes], object]) -> None:
        """Give a complete blob to `write`, chunk after chunk."""
        missing = self.missing(blob)
        chunks = self._kept(blob).manifest.chunks
        if missing:
            raise NotFound(f"{len(missing):,} of {len(chunks):,} chunks of that blob are not here")
        self.note_use(blob)
        for chunk in chunks:
            write(self._chunks[chunk])

    def pin(self, blob: bytes, pinned: bool) -> None:
        """Mark a blob to stay, or to go when room is needed."""
        self._blobs[blob] = self._kept(blob)._replace(pinned=pinned, used_ms=self._clock_ms())

    def pin_all(self, blobs: Sequence[bytes], pinned: bool) -> None:
        """Mark many blobs at once."""
        for blob in blobs:
            if blob in self._blobs:
                self.pin(blob, pinned)

    def note_use(self, blob: bytes) -> None:
        """Note that a blob was used just now."""
        if blob in self._blobs:
            self._blobs[blob] = self._blobs[blob]._replace(used_ms=self._clock_ms())

    def note_parts(self, blob: bytes, parts: Sequence[tuple[bytes, int]]) -> None:
        """Note which blobs the content of this one names."""
        self._kept(blob)
        self._parts.setdefault(blob, dict(parts))

    def parts_of(self, blob: bytes) -> list[tuple[BlobId, int]] | None:
        """What was noted of a blob."""
        parts = self._parts.get(blob)
        return None if parts is None else [(BlobId(part), size) for part, size in sorted(parts.items())]

    def wholes_of(self, blob: bytes) -> list[BlobId]:
        """The blobs of which this one was noted as a part."""
        return sorted(BlobId(whole) for whole, parts in self._parts.items() if blob in parts)

    def drop(self, blob: bytes) -> int:
        """Forget a blob and those of its chunks that no other blob has."""
        self._kept(blob)
        before = self.used_bytes()
        del self._blobs[blob]
        self._parts.pop(blob, None)
        self.tidy()
        return before - self.used_bytes()

    def drop_all(self, blobs: Sequence[bytes]) -> int:
        """Drop many blobs at once."""
        return sum(self.drop(blob) for blob in dict.fromkeys(blobs) if blob in self._blobs)

    def state(self, blob: bytes) -> BlobState | None:
        """How a blob stands."""
        if blob not in self._blobs:
            return None
        manifest, pinned, used_ms = self._blobs[blob]
        held = [manifest.chunk_size(i) for i, chunk in enumerate(manifest.chunks) if chunk in self._chunks]
        return BlobState(manifest.id, manifest.size, sum(held), pinned, used_ms)

    def parts_held(self, blob: bytes) -> PartsHeld | None:
        """How the parts of a blob stand."""
        if blob not in self._parts:
            return None
        states = [state for part in self._parts[blob] if (state := self.state(part)) is not None]
        sizes = [state.size for state in states if state.is_complete]
        return PartsHeld(len(self._parts[blob]), len(sizes), sum(sizes))

    def listed(self) -> list[BlobState]:
        """Every blob that was begun or is complete, the one used last first."""
        states = [state for blob in self._blobs if (state := self.state(blob)) is not None]
        return sorted(states, key=lambda state: (-state.used_ms, state.blob))

    def stale(self, used_before_ms: int, begun_before_ms: int, limit: int) -> list[BlobState]:
        """What is not pinned and was not used since."""
        found = [
            state
            for state in reversed(self.listed())
            if not state.pinned and state.used_ms < (used_before_ms if state.is_complete else begun_before_ms)
        ]
        return found[:limit]

    def stale_bytes(self, used_before_ms: int, begun_before_ms: int) -> int:
        """Bytes of all blobs that `stale` would give."""
        return sum(each.size for each in self.stale(used_before_ms, begun_before_ms, len(self._blobs)))

    def begun_bytes(self) -> int:
        """Bytes that the blobs which were begun still lack."""
        return sum(state.size - state.held_bytes for state in self.listed())

    def summary(self) -> Summary:
        """All blobs in numbers."""
        states = self.listed()
        return Summary(len(states), sum(state.size for state in states if state.pinned))

    def used_bytes(self) -> int:
        """Bytes of all chunks that are here."""
        return sum(map(len, self._chunks.values()))

    def tidy(self) -> int:
        """Remove chunks that belong to no blob."""
        wanted = {chunk for kept in self._blobs.values() for chunk in kept.manifest.chunks}
        orphans = self._chunks.keys() - wanted
        for chunk in orphans:
            del self._chunks[chunk]
        return len(orphans)

    def close(self) -> None:
        """Nothing to close."""
