"""One step of the search index: what it is, and how it is written, by whichever process has the file open.

Knows the tables of the index and nothing of the home: a process that only writes steps needs no more.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import apsw

from store.search_text import FORM_VERSION, TOKENIZER, normal_form
from store.sqlite.connection import Database

CACHE_BYTES: Final = 16 * 2**20
KEY_BITS: Final = 30
"""Of a key; `store.interface.MAX_KEY` is the largest. Not asked for there: a process that only writes the
index would load all of the log for it."""

_LAYOUT_VERSION: Final = 1
VERSION: Final = _LAYOUT_VERSION * 1_000 + FORM_VERSION
_HASH_BYTES: Final = 32 * 2**20
"""Words held back in memory before a segment is written; a batch stays below it."""

_INDEX_PAGE_BYTES: Final = 8_000
"""FTS5's own pages: one fills a page of the file, less its overhead."""

_TIDY_PIECES: Final = 8
"""Fewest pieces of one size that `store.sqlite.search.SearchIndex.tidy` merges."""

_MAX_PIECES: Final = 512
"""Pieces of one size that bulk indexing may leave for tidying; beyond, one transaction merges
them all. A merge costs 8 µs an entry. Of a million entries, the newest 50 with six very common words
are found in 30 ms among 125 pieces, and in under 1 ms once they are merged."""

_KEY_DIGITS: Final = 19
_MAX_SECOND: Final = (1 << 63 - KEY_BITS) - 1
"""The year 2242. What claims to be later counts as of then."""

_LAYOUT: Final = (
    f"""CREATE VIRTUAL TABLE words USING fts5
        (text, content = '', contentless_delete = 1, tokenize = "{TOKENIZER}")""",
    f"INSERT INTO words (words, rank) VALUES ('hashsize', {_HASH_BYTES})",
    f"INSERT INTO words (words, rank) VALUES ('pgsz', {_INDEX_PAGE_BYTES})",
    "INSERT INTO words (words, rank) VALUES ('automerge', 0)",
    f"INSERT INTO words (words, rank) VALUES ('crisismerge', {_MAX_PIECES})",
    f"INSERT INTO words (words, rank) VALUES ('usermerge', {_TIDY_PIECES})",
    """CREATE TABLE progress
        (key INTEGER NOT NULL, anchor_key INTEGER NOT NULL, anchor BLOB, change INTEGER NOT NULL) STRICT""",
    "INSERT INTO progress VALUES (0, 0, NULL, 0)",
    f"PRAGMA user_version = {VERSION}",
)


class Progress(NamedTuple):
    """How far the index has followed: the last key looked at, the last entry indexed, the last change."""

    key: int
    anchor_key: int
    anchor: bytes | None
    change: int


class Step(NamedTuple):
    """What is to be written next."""

    after: Progress
    rows: Sequence[tuple[int, str]]
    """Row and text of entries that came."""
    gone: Sequence[int]
    """Rows of entries that went or changed."""
    back: Sequence[tuple[int, str]]
    """Of those, what the home still holds."""


class StepWriter(Protocol):
    """Writes steps in place of `SearchIndex`, in another process for example."""

    def write(self, path: Path, key: bytes, before: Progress, step: Step) -> bool:
        """Write a step to the index at `path`, whose file has this 32-byte key. False: it was not written,
        or nobody knows whether it was.

        Raises:
            StorageFull, StoreLocked: nothing was written.
            Damaged, WrongKey: the index is.
        """
        ...

    def let_go(self) -> None:
        """Close the file: it is about to be replaced."""
        ...


def open_index(path: Path, key: bytes, *, create: bool) -> Database:
    """The file of an index. Raises: as `Database`."""
    return Database(path, key, create=create, exclusive=False, cache_bytes=CACHE_BYTES)


def lay_out(database: Database) -> None:
    """Make the tables in a new file. Raises: StorageFull."""
    with database.write() as connection:
        for statement in _LAYOUT:
            connection.execute(statement).fetchall()


def row_of(time_ms: int, key: int) -> int:
    """The number of a row: the claimed time of its entry in seconds, then its key."""
    second = min(max(time_ms, 0) // 1_000, _MAX_SECOND)
    return second << KEY_BITS | key


def read_progress(connection: apsw.Connection) -> Progress:
    """How far the index has followed."""
    row: Any = connection.execute("SELECT key, anchor_key, anchor, change FROM progress").fetchone()
    return Progress(*row)


def write_step(database: Database, before: Progress, step: Step) -> bool:
    """Write a step that follows `before`; False: another process was first, and nothing was written.

    Raises:
        StorageFull, StoreLocked, Damaged, WrongKey: nothing was written.
    """
    with database.write() as connection:
        if read_progress(connection) != before:
            return False
        _insert(connection, step.rows)
        connection.executemany("DELETE FROM words WHERE rowid = ?", [(row,) for row in step.gone])
        _insert(connection, step.back)
        connection.execute(
            "UPDATE progress SET key = ?, anchor_key = ?, anchor = ?, change = ?", step.after
        ).fetchall()
    return True


def _insert(connection: apsw.Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Insert all rows by one statement: FTS5 writes a segment at the end of each.

    In ascending order, for a smaller number begins a new segment too. The number goes in front of the
    text because one array is all that can be bound.
    """
    if rows:
        packed = tuple([f"{row:0{_KEY_DIGITS}d}{normal_form(text)}" for row, text in sorted(rows)])
        connection.execute(
            f"INSERT INTO words (rowid, text) SELECT CAST(substr(value, 1, {_KEY_DIGITS}) AS INTEGER),"
            f" substr(value, {_KEY_DIGITS + 1}) FROM carray(?)",
            (apsw.carray(packed),),
        ).fetchall()
