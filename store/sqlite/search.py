"""Full-text search: an index in an encrypted file of its own, which follows the entries of a home.

The index is derived: a file that is missing, damaged, of another version or ahead of the home is made
anew. It holds no texts (FTS5, contentless), only which words occur where. A row's number begins with the
entry's claimed time in seconds; so the newest of a million hits are the first to be read.
Several processes may follow the same home; their transactions take turns.

What is text in an entry is the caller's to say; `store.search_text` says which words are the same.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import apsw

from store.crypto import keyed_digest
from store.entry import Entry
from store.errors import Damaged, WrongKey
from store.interface import MAX_KEY, EntryKey
from store.search_text import match_expression
from store.sqlite.connection import KEY_BYTES, Database
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.search_steps import (
    KEY_BITS,
    MAX_SECOND,
    SLOT_BITS,
    VERSION,
    Progress,
    Step,
    StepWriter,
    address_in,
    address_of,
    first_slot,
    lay_out,
    open_index,
    read_progress,
    rows_of,
    second_of,
    spare_of,
    tidy,
    write_step,
)

T = TypeVar("T")

TextOf: TypeAlias = Callable[[Entry], str | None]
"""The text of an entry that search shall find; None: none, or its body is not here. Must not raise."""

BATCH_ENTRIES: Final = 8_000
"""Entries of one transaction: about 4 MB of words, one segment of the index. Larger ones gain little."""

CHANGES_AT_ONCE: Final = 1_000


class Hit(NamedTuple):
    """An entry that was found."""

    second: int
    """Its claimed time in whole seconds of Unix time, at most of the year 2242."""
    key: EntryKey


class _Span(NamedTuple):
    """Seconds of claimed time, both ends included."""

    first: int
    last: int

    @classmethod
    def between(cls, since_ms: int, until_ms: int | None) -> "_Span":
        return cls(second_of(since_ms), MAX_SECOND if until_ms is None else second_of(until_ms))


class _Asked(NamedTuple):
    """What a search asks for."""

    expression: str
    span: _Span
    before: Hit | None
    limit: int


class SearchIndex:
    """The index of one home. Thread-safe.

    Whoever owns its thread calls `index_some` when entries have come, and `tidy` until it says False
    when none come. A query does by itself what was left undone.
    """

    def __init__(self, path: Path, key: bytes, store: SqliteEntryStore, text_of: TextOf) -> None:
        """Open the index at `path` for `store`, or begin a new one where it cannot be used.

        `key`: the home's key, 32 bytes; the file gets one derived from it.

        Raises:
            StorageFull, StoreLocked: as they say.
        """
        self._path = path
        self._key = keyed_digest(key, b"asterism/search/1", KEY_BYTES)
        self._store = store
        self._text_of = text_of
        self._filling = threading.Lock()
        self.helper: StepWriter | None = None
        """Who writes steps, if anybody but us; what it did not write we do."""
        self._database = self._open()
        self._followed = self._progress().key

    def search(
        self,
        query: str,
        limit: int,
        *,
        since_ms: int = 0,
        until_ms: int | None = None,
        before: Hit | None = None,
    ) -> list[Hit]:
        """The newest entries that contain all words of `query`, at most `limit`, newest first.

        Newest is by claimed time to the second, and within a second by arrival. Words within double
        quotes are a phrase. `since_ms` and `until_ms` bound the claimed time (Unix time, both ends
        included, to the second); `before` goes on after the last hit of the page before. What has not
        been indexed yet is indexed first. In rare cases a hit names an entry that is gone meanwhile.

        Raises:
            TooLarge: the query is too long.
            StorageFull, StoreLocked: the index could not catch up.
        """
        expression = match_expression(query)
        if expression is None or limit < 1:
            return []
        asked = _Asked(expression, _Span.between(since_ms, until_ms), before, limit)
        return self._answer(lambda connection: _hits(connection, asked))

    def contains(self, query: str, key: EntryKey, time_ms: int) -> bool:
        """Does the entry of that key, which claims that time, contain all words of `query`?

        Raises: as `search`.
        """
        expression = match_expression(query)
        if expression is None:
            return False
        address = address_of(time_ms, key)
        return self._answer(lambda connection: _has_words(connection, expression, address))

    def catch_up(self) -> None:
        """Index everything that is not yet. Raises: StorageFull, StoreLocked."""
        while self.index_some():
            pass

    def index_some(self, limit: int = BATCH_ENTRIES) -> int:
        """Follow the home by at most `limit` entries; 0: it has caught up, else more than 0.

        Raises:
            StorageFull, StoreLocked: nothing of this step was written.
            Damaged: the home is; a damaged index is begun anew without saying so.
        """
        with self._filling:
            try:
                before = self._progress()
            except (Damaged, WrongKey):
                self._replace()
                return 1
            self._followed = before.key
            step = self._next_step(before, limit)
            if step is None:
                return 0
            try:
                if self.helper is None or not self.helper.write(self._path, self._key, before, step):
                    write_step(self._database, before, step)
            except (Damaged, WrongKey):
                self._replace()
                return 1
            self._followed = step.after.key
            return max(1, step.after.key - before.key)

    def clear(self) -> None:
        """Begin anew with an empty index; whoever follows fills it. Raises: StorageFull."""
        with self._filling:
            self._replace()
            self._followed = 0

    def count(self, last_key: int = MAX_KEY) -> int:
        """How many entries with keys up to `last_key` have words in the index. Some 0.3 µs an entry.

        Raises:
            StorageFull, StoreLocked, Damaged: as they say.
        """
        with self._database.read() as connection:
            row: Any = connection.execute(
                "SELECT count(*) FROM words LEFT JOIN places ON places.row = words.rowid"
                " WHERE coalesce(places.key, words.rowid & ?) <= ?",
                (MAX_KEY, last_key),
            ).fetchone()
        return int(row[0])

    def behind(self) -> int:
        """About how many entries are not indexed yet. Cheap; for whoever feeds the home in bulk and
        should wait while this grows."""
        return max(0, self._store.last_key() - self._followed)

    def tidy(self) -> bool:
        """Merge a little of what bulk indexing left in pieces, or make the file smaller; True if there may be
        more to do.

        For idle times: some 15 ms a call. Searching is quicker the fewer pieces there are.
        """
        with self._filling:
            try:
                with self._database.write() as connection:
                    return tidy(connection)
            except (Damaged, WrongKey):
                self._replace()
                return False

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()

    # Inside

    def _answer(self, look: Callable[[apsw.Connection], T]) -> T:
        """What `look` finds in an index that has caught up."""
        self.catch_up()
        try:
            with self._database.read() as connection:
                return look(connection)
        except (Damaged, WrongKey):
            with self._filling:
                self._replace()
            self.catch_up()
            with self._database.read() as connection:
                return look(connection)

    def _progress(self) -> Progress:
        with self._database.read() as connection:
            return read_progress(connection)

    def _next_step(self, progress: Progress, limit: int) -> Step | None:
        """What the home holds beyond `progress`, or None."""
        # Changes first: what changes after this is read is left for the next step.
        changes = self._store.body_changes(progress.change, CHANGES_AT_ONCE)
        batch = self._store.after_key(progress.key, limit)
        if not changes and batch.last_key == progress.key:
            return None
        keyed = [(key, entry) for run in batch.runs for key, entry in enumerate(run.entries, run.first_key)]
        anchor_key, anchor = (keyed[-1][0], keyed[-1][1].id) if keyed else progress[1:3]
        change = changes[-1].change if changes else progress.change
        moved = {change.key: change.time_ms for change in changes if change.key <= batch.last_key}
        now = zip(moved, self._store.at_keys(list(moved)), strict=True)
        return Step(
            Progress(batch.last_key, anchor_key, anchor, change),
            self._rows(keyed),
            [address_of(time_ms, key) for key, time_ms in moved.items()],
            self._rows((key, entry) for key, entry in now if entry is not None),
        )

    def _rows(self, entries: Iterable[tuple[int, Entry]]) -> list[tuple[int, str]]:
        return [
            (address_of(entry.time_ms, key), text)
            for key, entry in entries
            if entry.body is not None and (text := self._text_of(entry))
        ]

    def _open(self) -> Database:
        try:
            database = open_index(self._path, self._key, create=True)
        except (Damaged, WrongKey):
            return self._create()
        try:
            if self._is_of_this_home(database):
                return database
        except (Damaged, WrongKey, apsw.SQLError):
            pass
        database.close()
        return self._create()

    def _is_of_this_home(self, database: Database) -> bool:
        """Whether the file has our layout and follows the entries that the home holds."""
        with database.read() as connection:
            row: Any = connection.execute("PRAGMA user_version").fetchone()
            if row[0] != VERSION:
                return False
            progress = read_progress(connection)
        if progress.key > self._store.last_key() or progress.change > self._store.last_change():
            return False
        [entry] = self._store.at_keys([progress.anchor_key])
        return entry is None or entry.id == progress.anchor

    def _create(self) -> Database:
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).unlink()
        database = open_index(self._path, self._key, create=True)
        lay_out(database)
        return database

    def _replace(self) -> None:
        """Begin anew with an empty index."""
        if self.helper is not None:
            self.helper.let_go()
        self._database.close()
        self._database = self._create()


def _hits(connection: apsw.Connection, asked: _Asked) -> list[Hit]:
    """The newest hits, by second and then by key. Rows of one second are in another order, so that all of
    the last second are read."""
    first, last = asked.span
    before = asked.before
    highest = Hit(last, EntryKey(MAX_KEY + 1)) if before is None else min(before, Hit(last + 1, EntryKey(0)))
    more = asked.limit + 2 * first_slot(1)
    found = _rows(connection, asked.expression, first_slot(first), first_slot(highest.second + 1) - 1, more)
    hits = [Hit(row >> SLOT_BITS, EntryKey(key)) for row, key in found if key is not None]
    low, high = first << KEY_BITS, (highest.second << KEY_BITS) + highest.key - 1
    spare = _rows(connection, asked.expression, spare_of(low), spare_of(high), asked.limit)
    addresses = [address_in(row) for row, _ in spare]
    hits += [Hit(address >> KEY_BITS, EntryKey(address & MAX_KEY)) for address in addresses]
    return sorted((hit for hit in hits if hit < highest), reverse=True)[: asked.limit]


def _rows(
    connection: apsw.Connection, expression: str, low: int, high: int, limit: int
) -> list[tuple[int, int | None]]:
    """Rows with these words, the highest first, each with its key if it is a slot."""
    rows: Any = connection.execute(
        "SELECT words.rowid, places.key FROM words LEFT JOIN places ON places.row = words.rowid"
        " WHERE words MATCH ? AND words.rowid BETWEEN ? AND ? ORDER BY words.rowid DESC LIMIT ?",
        (expression, low, high, limit),
    ).fetchall()
    return rows  # type: ignore[no-any-return]


def _has_words(connection: apsw.Connection, expression: str, address: int) -> bool:
    [row] = rows_of(connection, [address])
    return bool(_rows(connection, expression, row, row, 1))
