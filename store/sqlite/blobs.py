"""The blobs of a home on disk: `store.blob_interface.BlobStore`.

The tables (`store.sqlite.blob_tables`) lie in an encrypted SQLite file of their own, because the home's has
one writer already. The chunks lie beside it in a `ChunkFolder`, and the folder is what counts: a chunk is
here if its file is. Rows are written before chunks of a blob that will come, after those of a file that is
added, and go before chunks do: a crash leaves at most chunks that belong to no blob, which `tidy` removes.
The column `complete` spares looking at every file: where it is 0, one has to look.

One process writes, any number reads.
"""

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from store.blob_interface import BlobState, PartsHeld, Source, Summary, take_all
from store.blobs import CHUNK_BYTES, MAX_BLOB_BYTES, BlobId, ChunkId, Manifest, chunk_id, held_map
from store.crypto import keyed_digest
from store.errors import Damaged, InvalidBlob, NotFound, StoreError, TooLarge
from store.sqlite import blob_tables
from store.sqlite.blob_tables import first_row
from store.sqlite.chunk_folder import ChunkFolder
from store.sqlite.connection import KEY_BYTES, Database, insert_rows

CACHE_BYTES: Final = 4 * 2**20
"""Pages of the file that are kept decrypted: it is small, and asked seldom."""

SYNC_CHUNKS: Final = 256
"""Chunks of an added file that are synced together, 64 MiB: the disk works while the next are read."""

_STALE: Final = "NOT pinned AND used_ms < CASE WHEN complete THEN ?1 ELSE ?2 END"
_STATES: Final = "SELECT blob, size, pinned, complete, used_ms FROM blobs"
_DATABASE_DOMAIN: Final = b"asterism/blobs/1/database"
_NAME_DOMAIN: Final = b"asterism/blobs/1/names"
_SEAL_DOMAIN: Final = b"asterism/blobs/1/seal"


class SqliteBlobStore:
    """`BlobStore` over an encrypted file and a folder of sealed chunks."""

    def __init__(
        self, path: Path, folder: Path, home_key: bytes, clock_ms: Callable[[], int], *, read_only: bool
    ) -> None:
        """Open the file `path` and the `folder`; both are made where this may write.

        `home_key`: 32 bytes, from which the keys of both are derived.

        Raises:
            NotFound: there is nothing, and nothing may be written.
            StoreLocked, WrongKey, Damaged, StorageFull: as they say.
        """
        key = keyed_digest(home_key, _DATABASE_DOMAIN, KEY_BYTES)
        self._database = Database(path, key, create=True, read_only=read_only, cache_bytes=CACHE_BYTES)
        try:
            blob_tables.prepare(self._database)
            self._folder = ChunkFolder(
                folder,
                keyed_digest(home_key, _NAME_DOMAIN, KEY_BYTES),
                keyed_digest(home_key, _SEAL_DOMAIN, KEY_BYTES),
                read_only=read_only,
            )
        except BaseException:
            self._database.close()
            raise
        self._clock_ms = clock_ms
        self._read_only = read_only
        self._changing = threading.RLock()
        """Held while chunks come to belong to blobs or cease to."""
        self._adding: Counter[bytes] = Counter()
        """Chunks of files that are being added, which no row names yet."""
        self._unsynced: set[bytes] = set()
        """Chunks of files that were added, but not durably."""

    # --- blobs --------------------------------------------------------------------------------------

    def begin(self, manifest: Manifest) -> None:
        """Keep the manifest of a blob whose chunks will come."""
        with self._changing:
            self._keep(manifest, pinned=False, complete=not manifest.size, durable=False)

    def _keep(self, manifest: Manifest, *, pinned: bool, complete: bool, durable: bool) -> None:
        """Write the rows of a blob; what is known of it already stays, and may only become more."""
        row = (manifest.id, manifest.size, pinned, complete, self._clock_ms(), manifest.encode())
        with self._database.write(durable=durable) as connection:
            is_known = first_row(connection, "SELECT n FROM blobs WHERE blob = ?", manifest.id) is not None
            if is_known:
                connection.execute(
                    "UPDATE blobs SET pinned = max(pinned, ?), complete = max(complete, ?),"
                    " used_ms = max(used_ms, ?) WHERE blob = ?",
                    (pinned, complete, row[4], manifest.id),
                ).fetchall()
                return
            connection.execute(
                "INSERT INTO blobs (blob, size, pinned, complete, used_ms, manifest)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            ).fetchall()
            number = connection.last_insert_rowid()
            chunks = sorted(set(manifest.chunks))
            insert_rows(connection, "chunks", ("chunk", "n"), [(chunk, number) for chunk in chunks])

    def manifest(self, blob: bytes) -> Manifest | None:
        """The manifest of a blob that was begun or is complete."""
        row = self._row("SELECT manifest FROM blobs WHERE blob = ?", blob)
        if row is None:
            return None
        try:
            return Manifest.parse(row[0])
        except InvalidBlob as error:
            raise Damaged(f"a manifest in the store of blobs is damaged: {error}") from error

    def missing(self, blob: bytes) -> list[int]:
        """Places of the chunks of a blob that are not here."""
        places = self._absent(self._manifest(blob))
        if not self._read_only:
            self._note_complete(blob, not places)
        return places

    def held(self, blob: bytes) -> bytes:
        """The bitmap of the chunks of a blob that are here."""
        manifest = self._manifest(blob)
        absent = frozenset(self._absent(manifest))
        count = len(manifest.chunks)
        return held_map((index for index in range(count) if index not in absent), count)

    def _manifest(self, blob: bytes) -> Manifest:
        manifest = self.manifest(blob)
        if manifest is None:
            raise NotFound("nothing is held of that blob")
        return manifest

    def _absent(self, manifest: Manifest) -> list[int]:
        has, size_of = self._folder.has, manifest.chunk_size
        return [index for index, chunk in enumerate(manifest.chunks) if not has(chunk, size_of(index))]

    def _note_complete(self, blob: bytes, complete: bool) -> None:
        if self._row("SELECT 1 FROM blobs WHERE blob = ? AND complete <> ?", blob, complete) is None:
            return
        with self._database.write() as connection:
            connection.execute(
                "UPDATE blobs SET complete = ?, used_ms = max(used_ms, ?) WHERE blob = ?",
                (complete, self._clock_ms() if complete else 0, blob),
            ).fetchall()

    # --- chunks -------------------------------------------------------------------------------------

    def put_chunk(self, chunk: bytes, data: bytes | memoryview) -> None:
        """Keep a chunk, which the caller has checked, of a blob that was begun."""
        self._folder.put(chunk, data, over=False, cached=False)

    def read_chunk(self, chunk: bytes) -> bytes | None:
        """A chunk; None where it is not here. What is damaged goes, so that it can be fetched again."""
        data = self._folder.read(chunk)
        if data is None and not self._read_only and self._folder.remove_damaged(chunk):
            self._forget_complete(chunk)
        return data

    def _forget_complete(self, chunk: bytes) -> None:
        with self._database.write() as connection:
            sql = "UPDATE blobs SET complete = 0 WHERE n IN (SELECT n FROM chunks WHERE chunk = ?)"
            connection.execute(sql, (chunk,)).fetchall()

    # --- whole files --------------------------------------------------------------------------------

    def add(self, source: Source, tell: Callable[[int], object], *, pinned: bool = True) -> Manifest:
        """All steps of `adding` at once."""
        return take_all(self.adding(source, pinned=pinned), tell)

    def adding(
        self, source: Source, *, pinned: bool = True, durable: bool = True
    ) -> Generator[int, None, Manifest]:
        """Keep everything that `source` gives as a blob, step by step."""
        if self._read_only:
            raise StoreError("this store was opened for reading only")
        chunks: list[ChunkId] = []
        written: list[ChunkId] = []
        size = synced = 0
        try:
            while data := _read_chunk(source):
                size += len(data)
                if size > MAX_BLOB_BYTES:
                    raise TooLarge(f"a file has at most {MAX_BLOB_BYTES:,} bytes")
                chunk = chunk_id(data)
                chunks.append(chunk)
                with self._changing:
                    self._adding[chunk] += 1
                if self.read_chunk(chunk) is None:
                    self._folder.put(chunk, data, over=True, cached=True)
                    written.append(chunk)
                yield size
                if len(written) - synced >= SYNC_CHUNKS:
                    self._folder.sync(written[synced:])
                    synced = len(written)
            if durable:
                self._sync(written[synced:])
            manifest = Manifest(size, tuple(chunks))
            with self._changing:
                if not durable:
                    self._unsynced.update(written[synced:])
                self._keep(manifest, pinned=pinned, complete=True, durable=durable)
        except BaseException:
            self._release(chunks)
            self._remove_orphans(written)
            raise
        self._release(chunks)
        return manifest

    def _sync(self, written: Sequence[bytes]) -> None:
        """Make these chunks durable, and those that wait for it; many of these with the whole disk."""
        with self._changing:
            waiting, self._unsynced = self._unsynced, set()
        if len(waiting) > SYNC_CHUNKS:
            self._folder.sync_disk()
        else:
            self._folder.sync([*written, *waiting])

    def _release(self, chunks: Iterable[bytes]) -> None:
        with self._changing:
            self._adding.subtract(chunks)
            self._adding = +self._adding

    def read(self, blob: bytes, write: Callable[[bytes], object]) -> None:
        """Give a complete blob to `write`, chunk after chunk."""
        manifest = self._manifest(blob)
        absent = self._absent(manifest)
        if absent:
            raise NotFound(f"{len(absent):,} of {len(manifest.chunks):,} chunks of that blob are not here")
        self.note_use(blob)
        for index, chunk in enumerate(manifest.chunks):
            data = self.read_chunk(chunk)
            if data is None:
                raise NotFound(f"chunk {index:,} of that blob is damaged or was just dropped")
            write(data)

    # --- what stays and what goes -------------------------------------------------------------------

    def pin(self, blob: bytes, pinned: bool) -> None:
        """Mark a blob to stay, or to go when room is needed."""
        with self._database.write(durable=True) as connection:
            connection.execute(
                "UPDATE blobs SET pinned = ?, used_ms = max(used_ms, ?) WHERE blob = ?",
                (pinned, self._clock_ms(), blob),
            ).fetchall()
            if connection.changes() == 0:
                raise NotFound("nothing is held of that blob")

    def pin_all(self, blobs: Sequence[bytes], pinned: bool) -> None:
        """Mark many blobs at once."""
        now_ms = self._clock_ms()
        with self._database.write(durable=True) as connection:
            connection.executemany(
                "UPDATE blobs SET pinned = ?, used_ms = max(used_ms, ?) WHERE blob = ?",
                [(pinned, now_ms, blob) for blob in blobs],
            ).fetchall()

    def note_use(self, blob: bytes) -> None:
        """Note that a blob was used just now."""
        if not self._read_only:
            with self._database.write() as connection:
                sql = "UPDATE blobs SET used_ms = max(used_ms, ?) WHERE blob = ?"
                connection.execute(sql, (self._clock_ms(), blob)).fetchall()

    def note_parts(self, blob: bytes, parts: Sequence[tuple[bytes, int]]) -> None:
        """Note which blobs the content of this one names."""
        blob_tables.note_parts(self._database, blob, parts)

    def parts_of(self, blob: bytes) -> list[tuple[BlobId, int]] | None:
        """What was noted of a blob."""
        return blob_tables.parts_of(self._database, blob)

    def wholes_of(self, blob: bytes) -> list[BlobId]:
        """The blobs of which this one was noted as a part."""
        return blob_tables.wholes_of(self._database, blob)

    def drop(self, blob: bytes) -> int:
        """Forget a blob and those of its chunks that no other blob has."""
        if self._row("SELECT 1 FROM blobs WHERE blob = ?", blob) is None:
            raise NotFound("nothing is held of that blob")
        return self.drop_all([blob])

    def drop_all(self, blobs: Sequence[bytes]) -> int:
        """Drop many blobs at once; unknown ones are ignored."""
        chunks: list[Any] = []
        with self._changing:
            with self._database.write() as connection:
                for blob in blobs:
                    row = first_row(connection, "SELECT n FROM blobs WHERE blob = ?", blob)
                    if row is not None:
                        chunks += connection.execute("SELECT chunk FROM chunks WHERE n = ?", row).fetchall()
                        for table in ("chunks", "parts", "blobs"):
                            connection.execute(f"DELETE FROM {table} WHERE n = ?", row).fetchall()
            return self._remove_orphans(chunk for (chunk,) in chunks)

    def _remove_orphans(self, chunks: Iterable[bytes]) -> int:
        """Remove those of `chunks` that belong to no blob, and to no file that is being added."""
        with self._changing:
            removed_bytes = 0
            with self._database.read() as connection:
                for chunk in chunks:
                    kept = first_row(connection, "SELECT 1 FROM chunks WHERE chunk = ? LIMIT 1", chunk)
                    if kept is None and chunk not in self._adding:
                        removed_bytes += self._folder.remove(chunk)
            return removed_bytes

    def parts_held(self, blob: bytes) -> PartsHeld | None:
        """How the parts of a blob stand."""
        if self._row("SELECT 1 FROM blobs WHERE blob = ? AND opened", blob) is None:
            return None
        with self._database.read() as connection:
            rows: list[Any] = connection.execute(
                "SELECT part, own.size, own.complete FROM parts LEFT JOIN blobs AS own ON own.blob = part"
                " WHERE parts.n = (SELECT n FROM blobs WHERE blob = ?)",
                (blob,),
            ).fetchall()
        sizes = [
            size for part, size, complete in rows if complete or (size is not None and not self.missing(part))
        ]
        return PartsHeld(len(rows), len(sizes), sum(sizes))

    def state(self, blob: bytes) -> BlobState | None:
        """How a blob stands."""
        row = self._row(f"{_STATES} WHERE blob = ?", blob)
        return None if row is None else self._state(row)

    def listed(self) -> list[BlobState]:
        """Every blob that was begun or is complete, the one used last first."""
        with self._database.read() as connection:
            rows: list[Any] = connection.execute(f"{_STATES} ORDER BY used_ms DESC, blob").fetchall()
        return [self._state(row) for row in rows]

    def _state(self, row: tuple[Any, ...]) -> BlobState:
        blob, size, pinned, complete, used_ms = row
        held_bytes = size if complete else self._held_bytes(blob)
        return BlobState(BlobId(blob), size, held_bytes, bool(pinned), used_ms)

    def _held_bytes(self, blob: bytes) -> int:
        manifest = self.manifest(blob)
        if manifest is None:  # dropped a moment ago
            return 0
        return manifest.size - sum(map(manifest.chunk_size, self._absent(manifest)))

    def stale(self, used_before_ms: int, begun_before_ms: int, limit: int) -> list[BlobState]:
        """What is not pinned and was not used since, the one unused for longest first."""
        with self._database.read() as connection:
            sql = f"{_STATES} WHERE {_STALE} ORDER BY used_ms, blob LIMIT ?"
            values = (used_before_ms, begun_before_ms, limit)
            rows: list[Any] = connection.execute(sql, values).fetchall()
        return [self._state(row) for row in rows]

    def stale_bytes(self, used_before_ms: int, begun_before_ms: int) -> int:
        """Bytes of all blobs that `stale` would give."""
        sql = f"SELECT coalesce(sum(size), 0) FROM blobs WHERE {_STALE}"
        [size_bytes] = self._row(sql, used_before_ms, begun_before_ms) or (0,)
        return int(size_bytes)

    def begun_bytes(self) -> int:
        """Bytes that the blobs which were begun still lack."""
        with self._database.read() as connection:
            rows: list[Any] = connection.execute(f"{_STATES} WHERE NOT complete").fetchall()
        return sum(state.size - state.held_bytes for state in map(self._state, rows))

    def summary(self) -> Summary:
        """All blobs in numbers."""
        sql = "SELECT count(*), coalesce(sum(size) FILTER (WHERE pinned), 0) FROM blobs"
        return Summary(*(self._row(sql) or (0, 0)))

    def used_bytes(self) -> int:
        """Bytes that the chunks take on the disk."""
        return self._folder.used_bytes()

    def tidy(self) -> int:
        """Remove chunks that belong to no blob. Does nothing while a file is being added."""
        with self._changing:
            if self._adding or self._read_only:
                return 0
            with self._database.read() as connection:
                rows: list[Any] = connection.execute("SELECT DISTINCT chunk FROM chunks").fetchall()
            return self._folder.sweep({self._folder.name_of(chunk) for (chunk,) in rows})

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()

    def _row(self, sql: str, *values: bytes | int) -> tuple[Any, ...] | None:
        with self._database.read() as connection:
            return first_row(connection, sql, *values)


def _read_chunk(source: Source) -> bytes:
    """The next chunk of a source, whole unless it is the last; empty at the end."""
    parts: list[bytes] = []
    left = CHUNK_BYTES
    while left and (data := source.read(left)):
        parts.append(data)
        left -= len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
