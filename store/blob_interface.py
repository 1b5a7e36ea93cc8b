"""Where blobs are kept, as the rest of the program sees it. Two real implementations:
`store.blob_memory` (tests) and `store.sqlite.blobs` (a home on disk).

Every method is synchronous and may be called from any thread; those that touch chunks take milliseconds,
`add` and `read` take as long as the file is long. What a chunk contains is checked before it is put
(`store.blobs.check_chunk`), and never after that: what is kept is sealed, so a damaged chunk is one that is
not here.

A blob that is known by its manifest but of which chunks are missing is *begun*; it is *complete* when none
is. Chunks are kept once, however many blobs they belong to.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import NamedTuple, Protocol

from store.blobs import BlobId, Manifest


class BlobState(NamedTuple):
    """A blob that was begun or is complete, as `BlobStore.listed` tells it."""

    blob: BlobId
    size: int
    """Bytes of the whole blob."""
    held_bytes: int
    """Bytes of its chunks that are here; `size`, where it is complete."""
    pinned: bool
    """Stays until somebody unpins it."""
    used_ms: int
    """When it was last added, finished, read or pinned, by the clock of this machine."""

    @property
    def is_complete(self) -> bool:
        """Is every chunk here?"""
        return self.held_bytes == self.size


class PartsHeld(NamedTuple):
    """How the parts of a blob stand, each blob counted once."""

    total: int
    complete: int
    """How many of them are complete here."""
    complete_bytes: int
    """Bytes of these."""


class Summary(NamedTuple):
    """All blobs in numbers."""

    blobs: int
    pinned_bytes: int
    """Bytes of those that are pinned, whole or begun."""


class Source(Protocol):
    """What `BlobStore.add` reads from: a binary file, or anything like it."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end, and only there."""
        ...


class BlobStore(Protocol):
    """Blobs with their manifests and chunks."""

    def begin(self, manifest: Manifest) -> None:
        """Keep the manifest of a blob whose chunks will come. Does nothing where it is known already.

        Raises: StorageFull.
        """
        ...

    def manifest(self, blob: bytes) -> Manifest | None:
        """The manifest of a blob that was begun or is complete; else None."""
        ...

    def missing(self, blob: bytes) -> list[int]:
        """Places (from 0, ascending) of the chunks of a blob that are not here. Empty: it is complete.

        Raises: NotFound: its manifest is not here.
        """
        ...

    def held(self, blob: bytes) -> bytes:
        """The bitmap (`store.blobs.held_map`) of the chunks of a blob that are here.

        Raises: NotFound: its manifest is not here.
        """
        ...

    def put_chunk(self, chunk: bytes, data: bytes | memoryview) -> None:
        """Keep a chunk, which the caller has checked, of a blob that was begun.

        A process that is killed afterwards has not lost it. Does nothing where it is here already.

        Raises: StorageFull.
        """
        ...

    def read_chunk(self, chunk: bytes) -> bytes | None:
        """A chunk; None where it is not here. One that was cut or damaged is not here."""
        ...

    def adding(
        self, source: Source, *, pinned: bool = True, durable: bool = True
    ) -> Generator[int, None, Manifest]:
        """Keep everything that `source` gives as a blob, in one pass and in bounded memory, step by step.

        Each step keeps a chunk and gives the bytes read so far; the steps may be taken in several threads,
        one at a time. It returns the manifest once all is durable; if not `durable`, once the next blob is
        that is added durably. Where `source` raises, or it is closed before its end, nothing is kept.

        Raises:
            TooLarge: more than `store.blobs.MAX_BLOB_BYTES`.
            StorageFull: as it says.
        """
        ...

    def add(self, source: Source, tell: Callable[[int], object], *, pinned: bool = True) -> Manifest:
        """All steps of `adding` at once; `tell` is called with what each gives. Raises: as that."""
        ...

    def read(self, blob: bytes, write: Callable[[bytes], object]) -> None:
        """Give a complete blob to `write`, chunk after chunk. Notes that it was used.

        Raises: NotFound: it is not complete here; nothing was written, unless a chunk proved damaged only
            when its turn came.
        """
        ...

    def pin(self, blob: bytes, pinned: bool) -> None:
        """Mark a blob to stay, or to go when room is needed. Raises: NotFound: its manifest is not here."""
        ...

    def pin_all(self, blobs: Sequence[bytes], pinned: bool) -> None:
        """Mark many blobs at once; unknown ones are ignored."""
        ...

    def note_use(self, blob: bytes) -> None:
        """Note that a blob was used just now: those unused for longest go first. Unknown ones are ignored."""
        ...

    def note_parts(self, blob: bytes, parts: Sequence[tuple[bytes, int]]) -> None:
        """Note which blobs the content of this one names (32 bytes, size): the files of a folder.

        Once noted, it stays until the blob is dropped. Raises: NotFound: its manifest is not here.
        """
        ...

    def parts_of(self, blob: bytes) -> list[tuple[BlobId, int]] | None:
        """What was noted of a blob, by id; None where nothing was noted."""
        ...

    def wholes_of(self, blob: bytes) -> list[BlobId]:
        """The blobs of which this one was noted as a part."""
        ...

    def drop(self, blob: bytes) -> int:
        """Forget a blob, pinned or not, and those of its chunks that no other blob has.

        Gives the bytes of chunks that went. Raises: NotFound: its manifest is not here.
        """
        ...

    def drop_all(self, blobs: Sequence[bytes]) -> int:
        """Drop many blobs at once; unknown ones are ignored. Gives the bytes of chunks that went."""
        ...

    def state(self, blob: bytes) -> BlobState | None:
        """How a blob stands; None where its manifest is not here."""
        ...

    def parts_held(self, blob: bytes) -> PartsHeld | None:
        """How the parts of a blob stand; None where nothing was noted."""
        ...

    def listed(self) -> list[BlobState]:
        """Every blob that was begun or is complete, the one used last first."""
        ...

    def stale(self, used_before_ms: int, begun_before_ms: int, limit: int) -> list[BlobState]:
        """What is not pinned and was not used since, the one unused for longest first; at most `limit`.

        A blob that was begun counts from `begun_before_ms` on, a complete one from `used_before_ms` on.
        """
        ...

    def stale_bytes(self, used_before_ms: int, begun_before_ms: int) -> int:
        """Bytes of all blobs that `stale` would give."""
        ...

    def begun_bytes(self) -> int:
        """Bytes that the blobs which were begun still lack."""
        ...

    def summary(self) -> Summary:
        """All blobs in numbers."""
        ...

    def used_bytes(self) -> int:
        """Bytes that the chunks take, each counted once."""
        ...

    def tidy(self) -> int:
        """Remove chunks that belong to no blob, as a crash may leave them. Gives their number."""
        ...

    def close(self) -> None:
        """Close; safe to call twice."""
        ...


def take_all(steps: Generator[int, None, Manifest], tell: Callable[[int], object]) -> Manifest:
    """Take all steps of `BlobStore.adding`. What `tell` raises ends them."""
    with closing(steps):
        while True:
            try:
                done_bytes = next(steps)
            except StopIteration as end:
                manifest: Manifest = end.value
                return manifest
            tell(done_bytes)
