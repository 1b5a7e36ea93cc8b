"""Taking the tail of a log out, and remembering which numbers its rows had.

Keys and arrival numbers are cursors in other places (views, the search index, readers of arrivals), so
none is given a second time, not even when the row with the highest one is gone.
"""

from typing import Any, Final

import apsw

from store.errors import NotFound
from store.log import Head
from store.sqlite import id_index, logs
from store.sqlite.changes import note_changes
from store.sqlite.rows import SELECT_RANGE, keyed_runs, read_entry, sound_entries
from store.sqlite.views import Unfold, Views

BATCH_ENTRIES: Final = 2_000
"""Entries removed at a time; bounds the memory to a few MB."""


def cut_log(
    connection: apsw.Connection, number: int, seq: int, last_seq: int, unfold: Unfold | None
) -> Head | None:
    """Remove entries `seq` to `last_seq`, the end, of the log with that local number; the head that is left.

    `unfold` is given the entries first. Those with a damaged header go too, without it.

    Raises:
        NotFound, Damaged: the entry before `seq` cannot be read.
    """
    head = _read_head(connection, number, seq - 1)
    for at in range(seq, last_seq + 1, BATCH_ENTRIES):
        places = (number, at, min(at + BATCH_ENTRIES - 1, last_seq))
        rows: Any = connection.execute(SELECT_RANGE, places).fetchall()
        batch = sound_entries(rows)
        if unfold is not None:
            unfold(Views(connection), keyed_runs(batch))
        connection.executemany("DELETE FROM entries WHERE k = ?", [row[:1] for row in rows])
        id_index.remove(connection, [id_index.place(entry.id, key) for key, entry in batch])
        note_changes(connection, batch)
    logs.cut_pieces(connection, number, seq)
    return head


def next_free(connection: apsw.Connection, name: str, highest_sql: str) -> int:
    """The next number that was never used: above every row, and above those that were removed."""
    highest: Any = connection.execute(highest_sql).fetchone()
    kept: Any = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return max((highest[0] or 0) + 1, kept[0] if kept else 1)


def keep_counter(connection: apsw.Connection, name: str, value: int) -> None:
    """Note the next free number, because rows with numbers below it are about to go."""
    connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (name, value)).fetchall()


def _read_head(connection: apsw.Connection, number: int, seq: int) -> Head | None:
    if seq == 0:
        return None
    key = logs.key_at(connection, number, seq)
    entry = None if key is None else read_entry(connection, key)
    if entry is None:
        raise NotFound(f"entry {seq} of that log is not held here")
    return Head(seq, entry.id)
