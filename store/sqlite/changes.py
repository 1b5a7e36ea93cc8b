"""What happened to entries after they arrived, as a log for the search index, which follows later."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import apsw

from store.entry import Entry
from store.interface import EntryKey


class BodyChange(NamedTuple):
    """An entry that went, or whose body went or came back, after it had arrived."""

    change: int
    """Counts changes from 1."""
    key: EntryKey
    time_ms: int
    """What the entry claims."""


def note_changes(connection: apsw.Connection, entries: Iterable[tuple[int, Entry]]) -> None:
    """Note that entries or their bodies went or came back."""
    connection.executemany(
        "INSERT INTO body_changes (k, time_ms) VALUES (?, ?)",
        [(key, entry.time_ms) for key, entry in entries],
    )


def read_changes(connection: apsw.Connection, after: int, limit: int) -> list[BodyChange]:
    """At most `limit` changes beyond number `after`, oldest first."""
    rows: Any = connection.execute(
        "SELECT n, k, time_ms FROM body_changes WHERE n > ? ORDER BY n LIMIT ?", (after, limit)
    ).fetchall()
    return [BodyChange(*row) for row in rows]


def count_changes(connection: apsw.Connection) -> int:
    """The number of the last change; 0: none."""
    row: Any = connection.execute("SELECT max(n) FROM body_changes").fetchone()
    return row[0] or 0
