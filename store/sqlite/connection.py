"""One encrypted SQLite file: a writer connection, pooled read connections, and errors in our words.

The file is encrypted page by page with AEGIS-256 under a raw 32-byte key (SQLite3 Multiple Ciphers;
docs/decisions/0010). It runs in WAL mode, so that other processes can read while one writes. Writers exclude
each other by a lock on ``<file>.lock``, which ends with the process that holds it, however it ends.

No SQL about entries here, and no knowledge of who wrote the key down where.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import apsw

from store.errors import Damaged, NotFound, StorageFull, StoreError, StoreLocked, WrongKey

KEY_BYTES: Final = 32
PAGE_BYTES: Final = 8_192
"""Fewer pages to encrypt than with 4 KiB, and most bodies still lie in one; 64 KiB measured slower."""

WRITER_CACHE_BYTES: Final = 32 * 2**20
"""Pages that the writer keeps decrypted. 64 MiB measured no faster, at a million entries neither."""

READER_CACHE_BYTES: Final = 8 * 2**20
MAX_READERS: Final = 4
"""Read connections of one process; each holds at most `READER_CACHE_BYTES`."""

CHECKPOINT_PAGES: Final = 5_000
"""Pages in the WAL, 40 MB, after which a commit copies them into the file. Bulk needs it large."""

MAX_CHECKPOINT_PAGES: Final = 32_000
"""The same for a large file, 260 MB at most: bulk changes the same pages of its views again and again, and
the more of that lies in the WAL, the fewer copies are made."""

_WAL_SHARE: Final = 3
"""The WAL may become as large as the file divided by this."""

_COMMITS_BETWEEN_LOOKS: Final = 32
"""After so many commits the writer looks how large the file has become."""

WAL_KEEP_BYTES: Final = 64 * 2**20
"""A WAL that a long reader let grow is cut back to this."""

BUSY_TIMEOUT_MS: Final = 5_000
"""How long to wait for another process's lock, which is held for milliseconds only."""

CACHED_STATEMENTS: Final = 200
APPLICATION_ID: Final = 0x41535452
"""``ASTR``, in the file's header."""

_PLAIN_MAGIC: Final = b"SQLite format 3"
_BULK_ROWS: Final = (512, 64, 8, 1)
_MAX_SQL_CHARS: Final = 16_000
"""apsw does not cache longer statements."""


@contextmanager
def own_errors() -> Iterator[None]:
    """Turn the errors of apsw into ours.

    Raises:
        StorageFull, StoreLocked, WrongKey, Damaged: in place of the matching apsw error.
    """
    try:
        yield
    except apsw.FullError as error:
        raise StorageFull("the disk is full; nothing was written") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreLocked("another process holds the store") from error
    except apsw.NotADBError as error:
        raise WrongKey("this key does not open the store") from error
    except (apsw.CorruptError, apsw.IOError) as error:
        raise Damaged(f"the store cannot be read or written: {error}") from error
    except apsw.CantOpenError as error:
        raise NotFound("the store cannot be opened") from error


class Database:
    """One file with its connections. Thread-safe: writers wait for each other, readers share a pool."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        create: bool = False,
        read_only: bool = False,
        exclusive: bool = True,
        cache_bytes: int = WRITER_CACHE_BYTES,
        shrinking: bool = False,
        vfs: str | None = None,
    ) -> None:
        """Open `path` with a 32-byte key. The schema is not looked at; see `store.sqlite.migrations`.

        `create`: make the file, mode 0600, where there is none. `read_only`: take no lock and write
        nothing, while another process may. `exclusive`: be the only process that writes; without it,
        transactions of several processes take turns. `shrinking`: a new file can give pages back, by
        ``PRAGMA incremental_vacuum``. `vfs`: name of a SQLite VFS, for tests of faults.

        Raises:
            NotFound: there is no such file.
            WrongKey: the key does not fit, or the file is not an encrypted store.
            StoreLocked: another process has it open for writing.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of a store has {KEY_BYTES} bytes")
        self.path = path
        self.read_only = read_only
        self._key, self._vfs, self._cache_bytes, self._shrinking = key, vfs, cache_bytes, shrinking
        self._writer: apsw.Connection | None = None
        self._writing = threading.RLock()
        self._synced = False
        self._commits = 0
        self._idle: list[apsw.Connection] = []
        self._readers = threading.BoundedSemaphore(MAX_READERS)
        self._reading: dict[int, apsw.Connection] = {}
        self._closed = False
        self._lock_file = _hold_lock(path, create) if exclusive and not read_only else -1
        try:
            self._open(create)
        except BaseException:
            self.close()
            raise

    def _open(self, create: bool) -> None:
        if not self.path.exists():
            if not create or self.read_only:
                raise NotFound(f"there is no store at {self.path}")
            _create_private(self.path)
        if _begins_plain(self.path):
            raise WrongKey(f"{self.path.name} is not an encrypted store")
        with own_errors():
            if self.read_only:
                self._idle.append(self._connect(READER_CACHE_BYTES, writing=False))
                return
            self._writer = self._connect(self._cache_bytes, writing=True)
        if _begins_plain(self.path):
            raise StoreError(f"{self.path.name} was not encrypted")

    def _connect(self, cache_bytes: int, writing: bool) -> apsw.Connection:
        connection = apsw.Connection(
            str(self.path),
            flags=apsw.SQLITE_OPEN_READWRITE,
            vfs=self._vfs,
            statementcachesize=CACHED_STATEMENTS,
        )
        try:
            self._prepare(connection, cache_bytes, writing)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: apsw.Connection, cache_bytes: int, writing: bool) -> None:
        connection.execute("PRAGMA cipher = 'aegis'", can_cache=False).fetchall()
        connection.execute("PRAGMA algorithm = 'aegis-256'", can_cache=False).fetchall()
        connection.execute(f"PRAGMA key = 'raw:{self._key.hex()}'", can_cache=False).fetchall()
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        if writing:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}").fetchall()
            if self._shrinking:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        if writing:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute(f"PRAGMA journal_size_limit = {WAL_KEEP_BYTES}").fetchall()
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
            connection.execute("PRAGMA synchronous = NORMAL").fetchall()
            connection.execute("PRAGMA fullfsync = ON").fetchall()
            connection.execute("PRAGMA secure_delete = FAST").fetchall()
        else:
            connection.execute("PRAGMA query_only = ON").fetchall()
        connection.execute(f"PRAGMA cache_size = -{cache_bytes // 1024}").fetchall()
        connection.execute("PRAGMA temp_store = MEMORY").fetchall()
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[apsw.Connection]:
        """A transaction of the writer: committed at the end, rolled back by any exception.

        `durable`: the commit returns only once it is safe against loss of power, with all before it.
        One thread may nest no second transaction in it.

        Raises:
            StorageFull: nothing was written.
            StoreLocked, Damaged: as they say.
        """
        with self._writing, own_errors():
            connection = self._writer
            if connection is None:
                raise StoreError("this store was closed or opened for reading only")
            self._set_sync(connection, durable)
            self._set_checkpoint(connection)
            connection.execute("BEGIN IMMEDIATE").fetchall()
            try:
                yield connection
                connection.execute("COMMIT").fetchall()
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK").fetchall()
                raise

    def _set_sync(self, connection: apsw.Connection, durable: bool) -> None:
        """Sync at every commit or at checkpoints only; SQLite takes this between transactions."""
        if durable != self._synced:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}").fetchall()
            self._synced = durable

    def _set_checkpoint(self, connection: apsw.Connection) -> None:
        """Let the WAL of a large file grow further than that of a small one."""
        if self._commits % _COMMITS_BETWEEN_LOOKS == 0:
            row: Any = connection.execute("PRAGMA page_count").fetchone()
            pages = min(max(CHECKPOINT_PAGES, row[0] // _WAL_SHARE), MAX_CHECKPOINT_PAGES)
            connection.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall()
        self._commits += 1

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """A read transaction: one state of the store, whatever is written meanwhile. Keep it short.

        Waits while `MAX_READERS` others read. One that a thread begins within another sees the same state.
        """
        thread = threading.get_ident()
        outer = self._reading.get(thread)
        if outer is not None:
            yield outer
            return
        with self._readers, own_errors():
            if self._closed:
                raise StoreError("this store was closed")
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect(READER_CACHE_BYTES, writing=False)
            try:
                connection.execute("BEGIN").fetchall()
                self._reading[thread] = connection
                try:
                    yield connection
                finally:
                    del self._reading[thread]
                    connection.execute("ROLLBACK").fetchall()
            finally:
                self._give_back(connection)

    def _give_back(self, connection: apsw.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Copy the WAL into the file, close all connections, give up the lock. Safe to call twice."""
        with self._writing:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def insert_rows(
    connection: apsw.Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    conflict: str = "",
) -> None:
    """Insert many rows with few statements, so that SQLite works without the interpreter's lock.

    `table`, `columns` and `conflict` (an ``ON CONFLICT`` clause) are SQL, never anybody's input.
    """
    width = len(columns)
    row_sql = f"({','.join('?' * width)})"
    head = f"INSERT INTO {table} ({','.join(columns)}) VALUES "
    most = (_MAX_SQL_CHARS - len(head) - len(conflict)) // (len(row_sql) + 1)
    done = 0
    while done < len(rows):
        count = next(size for size in _BULK_ROWS if size <= max(1, min(most, len(rows) - done)))
        sql = head + ",".join([row_sql] * count) + conflict
        connection.execute(sql, tuple(chain.from_iterable(rows[done : done + count]))).fetchall()
        done += count


def _hold_lock(path: Path, create: bool) -> int:
    if not create and not path.exists():
        raise NotFound(f"there is no store at {path}")
    lock_path = path.with_name(path.name + ".lock")
    handle = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise StoreLocked("another process holds the store") from None
    return handle


def _create_private(path: Path) -> None:
    """An empty file that only its owner can read, with its name safely in the directory."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _begins_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PLAIN_MAGIC)) == _PLAIN_MAGIC
