"""Entries as rows: header and signature in one column, the body in another.

What comes from the disk is checked before it is handed out: a header that no longer parses is an
error, and a body that no longer fits its commitment counts as absent, so that nobody is served bytes
for which he would blame us. `store.sqlite.scrub` finds and reports both.
"""

from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import apsw

from store.codec import decode_shaped
from store.crypto import SIGNATURE_BYTES, digest
from store.entry import MAX_HEADER_BYTES, MAX_LINKS, Entry, build
from store.errors import Damaged, NotCanonical
from store.interface import EntryKey, KeyedRun
from store.sqlite.connection import insert_rows

_HEADER_ITEMS: Final = 9
SELECT_RANGE: Final = (
    "SELECT e.k, e.head, e.body FROM arrivals a JOIN entries e"
    " ON e.k BETWEEN a.first_k + max(?2 - a.first_seq, 0) AND a.first_k + min(?3, a.last_seq) - a.first_seq"
    " WHERE a.log_n = ?1 AND a.last_seq >= ?2 AND a.first_seq <= ?3 ORDER BY a.last_seq, e.k"
)
"""Rows of the log with local number ?1 from seq ?2 to ?3, in order, piece by piece."""

_COLUMNS: Final = ("k", "head", "body")


def entry_of(head: bytes, body: bytes | None) -> Entry:
    """The entry of a row. A body that does not fit the header's commitment is left out.

    Raises:
        Damaged: the header is none.
    """
    header = head[:-SIGNATURE_BYTES]
    try:
        fields = decode_shaped(header, MAX_HEADER_BYTES, MAX_LINKS)
    except NotCanonical as error:
        raise Damaged("the header of an entry in the store is damaged") from error
    if type(fields) is not tuple or len(fields) != _HEADER_ITEMS:
        raise Damaged("the header of an entry in the store is damaged")
    if body is not None and digest(body) != fields[6]:
        body = None
    return build(fields, header, head[-SIGNATURE_BYTES:], body)


def insert_entries(connection: apsw.Connection, runs: Iterable[KeyedRun]) -> None:
    """Write entries under their keys."""
    rows = [
        (key, entry.header + entry.signature, entry.body)
        for run in runs
        for key, entry in enumerate(run.entries, run.first_key)
    ]
    insert_rows(connection, "entries", _COLUMNS, rows)


def read_entry(connection: apsw.Connection, key: int) -> Entry | None:
    """The entry of that key, or None where there is none. Raises: Damaged."""
    row: Any = connection.execute("SELECT head, body FROM entries WHERE k = ?", (key,)).fetchone()
    return None if row is None else entry_of(*row)


def read_entries(connection: apsw.Connection, keys: Sequence[int]) -> dict[int, Entry]:
    """The entries of these ascending keys, less those with a damaged header, by their keys."""
    if not keys:
        return {}
    rows: Any = connection.execute(
        "SELECT k, head, body FROM carray(?) AS wanted CROSS JOIN entries ON k = wanted.value",
        (apsw.carray(array("q", keys)),),
    ).fetchall()
    return {int(key): entry for key, entry in sound_entries(rows)}


def read_headers(connection: apsw.Connection, keys: Sequence[int]) -> list[tuple[EntryKey, Entry]]:
    """The entries of these ascending keys without their bodies, less those with a damaged header."""
    if not keys:
        return []
    rows: Any = connection.execute(
        "SELECT k, head FROM carray(?) AS wanted CROSS JOIN entries ON k = wanted.value",
        (apsw.carray(array("q", keys)),),
    ).fetchall()
    return sound_entries((key, head, None) for key, head in rows)


class Batch(NamedTuple):
    """Entries that follow a key, in the order of arrival."""

    runs: Sequence[KeyedRun]
    last_key: int
    """Where to go on from; the key that was asked for where nothing follows it."""


def read_after(connection: apsw.Connection, key: int, limit: int) -> Batch:
    """At most `limit` entries with keys above `key`. Those with a damaged header are left out."""
    rows: Any = connection.execute(
        "SELECT k, head, body FROM entries WHERE k > ? ORDER BY k LIMIT ?", (key, limit)
    ).fetchall()
    return Batch(keyed_runs(sound_entries(rows)), rows[-1][0] if rows else key)


def sound_entries(rows: Iterable[tuple[int, bytes, bytes | None]]) -> list[tuple[EntryKey, Entry]]:
    """The entries of rows (key, head, body), without those whose header is damaged."""
    found: list[tuple[EntryKey, Entry]] = []
    for key, head, body in rows:
        with suppress(Damaged):
            found.append((EntryKey(key), entry_of(head, body)))
    return found


def keyed_runs(entries: Iterable[tuple[EntryKey, Entry]]) -> list[KeyedRun]:
    """Entries in ascending order of their keys, put together to runs of one log without gaps."""
    runs: list[tuple[EntryKey, list[Entry]]] = []
    for key, entry in entries:
        if runs:
            first_key, run = runs[-1]
            last = run[-1]
            if (
                key == first_key + len(run)
                and entry.seq == last.seq + 1
                and entry.author == last.author
                and entry.log == last.log
            ):
                run.append(entry)
                continue
        runs.append((key, [entry]))
    return [KeyedRun(key, run) for key, run in runs]
