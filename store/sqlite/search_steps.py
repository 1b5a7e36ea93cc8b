"""One step of the search index: what it is, and how it is written, by whichever process has the file open.

Knows the tables of the index and nothing of the home: a process that only writes steps needs no more.

An entry's *address* is its claimed time in seconds, then its key in 30 bits. Rows of the index could have
addresses for numbers, but FTS5 writes the distance between two rows that share a word, for each word: with 8
bits beside the second instead of 30, an index is smaller by three tenths and quicker to write. So the number
of a row is the second, then the last 8 bits of the key, and `places` says whose it is: a *slot*. An entry
that finds its slot taken has its address less 2**63 for a row, where no other is.
"""

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import apsw

from store.search_text import FORM_VERSION, TOKENIZER, normal_form
from store.sqlite.connection import Database, insert_rows

CACHE_BYTES: Final = 16 * 2**20
KEY_BITS: Final = 30
"""Of a key; `store.interface.MAX_KEY` is the largest. Not asked for there: a process that only writes the
index would load all of the log for it."""

MAX_KEY: Final = (1 << KEY_BITS) - 1
SLOT_BITS: Final = 8
"""Rows of one second that are counted without their addresses. In a year of a million entries there is one in
30 s; a laptop that publishes a thousand lines at once fills four such seconds."""

_MAX_SLOT: Final = (1 << SLOT_BITS) - 1
_SPARE: Final = 1 << 63
"""What a row whose number was taken is less than its address by."""

_LAYOUT_VERSION: Final = 2
VERSION: Final = _LAYOUT_VERSION * 1_000 + FORM_VERSION
_HASH_BYTES: Final = 32 * 2**20
"""Words held back in memory before a segment is written; a batch stays below it."""

_INDEX_PAGE_BYTES: Final = 8_080
"""FTS5's own pages: one fills a page of the file, less its overhead."""

TIDY_PAGES: Final = 64
"""Pages that one step of tidying writes, some 15 ms."""

_CHANGES_OF_A_MERGE: Final = 2
"""Rows that a merge changes at least if there was anything to merge."""

_FREE_AT_MOST: Final = 64
"""Of so many pages one may be free; of more the file gets smaller."""

_TIDY_PIECES: Final = 8
"""Fewest pieces of one size that `store.sqlite.search.SearchIndex.tidy` merges."""

_MAX_PIECES: Final = 512
"""Pieces of one size that bulk indexing may leave for tidying; beyond, one transaction merges
them all. A merge costs 8 µs an entry. Of a million entries, the newest 50 with six very common words
are found in 30 ms among 125 pieces, and in under 1 ms once they are merged."""

_ROW_CHARS: Final = 20
MAX_SECOND: Final = (1 << 63 - KEY_BITS) - 1
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
    "CREATE TABLE places (row INTEGER PRIMARY KEY, key INTEGER NOT NULL) STRICT",
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
    """Address and text of entries that came."""
    gone: Sequence[int]
    """Addresses of entries that went or changed."""
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
    return Database(path, key, create=create, exclusive=False, cache_bytes=CACHE_BYTES, shrinking=True)


def lay_out(database: Database) -> None:
    """Make the tables in a new file. Raises: StorageFull."""
    with database.write() as connection:
        for statement in _LAYOUT:
            connection.execute(statement).fetchall()


def tidy(connection: apsw.Connection) -> bool:
    """Merge a little of what bulk left in pieces, then give back pages that merging freed; True if there may
    be more to do. Some 15 ms."""
    before = connection.total_changes()
    connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (TIDY_PAGES,)).fetchall()
    if connection.total_changes() - before >= _CHANGES_OF_A_MERGE:
        return True
    free: Any = connection.execute("PRAGMA freelist_count").fetchone()
    pages: Any = connection.execute("PRAGMA page_count").fetchone()
    if free[0] * _FREE_AT_MOST <= pages[0]:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({TIDY_PAGES})").fetchall()
    left: Any = connection.execute("PRAGMA freelist_count").fetchone()
    return bool(left[0] < free[0])


def address_of(time_ms: int, key: int) -> int:
    """The address of an entry: its claimed time in seconds, then its key."""
    return second_of(time_ms) << KEY_BITS | key


def second_of(time_ms: int) -> int:
    """A claimed time as the index counts it."""
    return min(max(time_ms, 0) // 1_000, MAX_SECOND)


def slot_of(address: int) -> int:
    """The row of an entry, unless it was taken when the entry came."""
    return address >> KEY_BITS << SLOT_BITS | address & _MAX_SLOT


def first_slot(second: int) -> int:
    """The lowest slot of a second."""
    return second << SLOT_BITS


def spare_of(address: int) -> int:
    """The row of an entry that found its slot taken. Negative."""
    return address - _SPARE


def address_in(spare: int) -> int:
    """The address of an entry with a spare row."""
    return spare + _SPARE


def rows_of(connection: apsw.Connection, addresses: Sequence[int]) -> list[int]:
    """The rows of entries that are in the index; of others, rows that are not."""
    wanted = {slot_of(address): address for address in addresses}
    keys = dict(_places(connection, wanted))
    return [
        slot_of(address) if keys.get(slot_of(address)) == address & MAX_KEY else spare_of(address)
        for address in addresses
    ]


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
        _remove(connection, step.gone)
        _insert(connection, step.back)
        connection.execute(
            "UPDATE progress SET key = ?, anchor_key = ?, anchor = ?, change = ?", step.after
        ).fetchall()
    return True


def _insert(connection: apsw.Connection, texts: Sequence[tuple[int, str]]) -> None:
    """Insert all rows by one statement: FTS5 writes a segment at the end of each.

    In ascending order, for a smaller number begins a new segment too. The number goes in front of the
    text because one array is all that can be bound.
    """
    if not texts:
        return
    taken = {row for row, _ in _places(connection, {slot_of(address) for address, _ in texts})}
    placed: list[tuple[int, int]] = []
    rows: list[tuple[int, str]] = []
    for address, text in texts:
        row = slot_of(address)
        if row in taken:
            row = spare_of(address)
        else:
            taken.add(row)
            placed.append((row, address & MAX_KEY))
        rows.append((row, text))
    placed.sort()
    rows.sort()
    insert_rows(connection, "places", ("row", "key"), placed)
    packed = tuple([f"{row:0{_ROW_CHARS}d}{normal_form(text)}" for row, text in rows])
    connection.execute(
        f"INSERT INTO words (rowid, text) SELECT CAST(substr(value, 1, {_ROW_CHARS}) AS INTEGER),"
        f" substr(value, {_ROW_CHARS + 1}) FROM carray(?)",
        (apsw.carray(packed),),
    ).fetchall()


def _remove(connection: apsw.Connection, addresses: Sequence[int]) -> None:
    rows = [(row,) for row in rows_of(connection, addresses)]
    connection.executemany("DELETE FROM words WHERE rowid = ?", rows)
    connection.executemany("DELETE FROM places WHERE row = ?", rows)


def _places(connection: apsw.Connection, slots: Iterable[int]) -> list[tuple[int, int]]:
    """Of these slots those that are taken, each with the key of the entry that has it."""
    values = array("q", sorted(slots))
    if not values:
        return []
    rows: Any = connection.execute(
        "SELECT row, key FROM carray(?) AS wanted CROSS JOIN places ON row = wanted.value",
        (apsw.carray(values),),
    ).fetchall()
    return rows  # type: ignore[no-any-return]
