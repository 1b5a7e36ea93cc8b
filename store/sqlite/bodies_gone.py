"""Why a body is not here although its entry is: it was deleted, or let go to keep within a quota.

    bodies_gone   (k, why, source, log, claimed, size)  one row a body that is gone and is not to come back
    bodies_asked  (k, due_ms, tries)                    bodies that are missing and that nobody asked had

Who is missing a body is asked for it; who has it gone says so. A body that was deleted comes back only if
the deletion goes (its log was cut), one that was let go if the owner wants it again. Functions here work
inside the transaction of whoever calls them, beside the view `bodies_missing` of `node.shelf`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import apsw

from store.entry import Entry
from store.errors import Damaged
from store.interface import EntryKey, KeyedRun
from store.sqlite.changes import note_changes
from store.sqlite.connection import insert_rows
from store.sqlite.rows import entry_of, keyed_runs
from store.sqlite.views import ReadViews, Unfold, Views

DELETED: Final = 1
LET_GO: Final = 2

FIRST_REST_MS: Final = 60_000
"""How long a body is not asked for again that no neighbour had. Doubles each time."""

LAST_REST_MS: Final = 86_400_000
"""Longest such rest: a peer that has it may come by once a day."""

_REST_DOUBLINGS: Final = 11
_COLUMNS: Final = ("k", "why", "source", "log", "claimed", "size")


class Drop(NamedTuple):
    """A body that is to go."""

    key: int
    """Of the entry."""
    why: int
    """`DELETED` or `LET_GO`."""
    source: int | None
    """Key of the deletion; None where it is let go."""


class Gone(NamedTuple):
    """Why a body is not here."""

    why: int
    source: int | None
    """Key of the deletion."""


class Dropped(NamedTuple):
    """What became of some drops."""

    entries: Sequence[tuple[EntryKey, Entry]]
    """Those whose body was here and went, as they were, in ascending order of keys."""
    noted: int
    """Those whose body was not here anyway, and is not to come now."""


def drop_bodies(connection: apsw.Connection, drops: Iterable[Drop], unfold: Unfold | None) -> Dropped:
    """Take bodies out, and note why. What was gone by a deletion stays so, whatever comes after it.

    `unfold` is given the entries with their bodies before they go. Keys that are not held are passed over,
    and so is what a deletion asked for that is not held any more.
    The pages are overwritten with zeros, as far as SQLite has them in hand.
    """
    wanted = {drop.key: drop for drop in drops if drop.source is None or _is_held(connection, drop.source)}
    found: list[tuple[EntryKey, Entry]] = []
    rows: list[tuple[Any, ...]] = []
    for key in sorted(wanted):
        row: Any = connection.execute("SELECT head, body FROM entries WHERE k = ?", (key,)).fetchone()
        held = None if row is None else _entry(*row)
        if held is None:
            continue
        before = _gone(connection, key)
        if before is not None and before.why == DELETED:
            continue
        drop = wanted[key]
        rows.append((key, drop.why, drop.source, held.log, held.time_ms, held.body_bytes))
        if row[1] is not None:
            found.append((EntryKey(key), held))
    if found and unfold is not None:
        unfold(Views(connection), keyed_runs(found))
    _erase(connection, [key for key, _ in found])
    note_changes(connection, found)
    keys = [(row[0],) for row in rows]
    for table in ("bodies_gone", "bodies_asked", "bodies_missing"):
        connection.executemany(f"DELETE FROM {table} WHERE k = ?", keys)
    insert_rows(connection, "bodies_gone", _COLUMNS, rows)
    return Dropped(found, len(rows) - len(found))


def _entry(head: bytes, body: bytes | None) -> Entry | None:
    """The entry of a row; one whose header is damaged cannot be judged, and is left to whoever mends it."""
    try:
        return entry_of(head, body)
    except Damaged:
        return None


def _erase(connection: apsw.Connection, keys: Sequence[int]) -> None:
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        connection.executemany("UPDATE entries SET body = NULL WHERE k = ?", [(key,) for key in keys])
    finally:
        connection.execute("PRAGMA secure_delete = FAST").fetchall()


def _is_held(connection: apsw.Connection, key: int) -> bool:
    return connection.execute("SELECT 1 FROM entries WHERE k = ?", (key,)).fetchone() is not None


def _gone(connection: apsw.Connection, key: int) -> Gone | None:
    row: Any = connection.execute("SELECT why, source FROM bodies_gone WHERE k = ?", (key,)).fetchone()
    return None if row is None else Gone(*row)


def gone(views: ReadViews, key: int) -> Gone | None:
    """Why the body of an entry is not here; None: it is, or it has not come yet."""
    rows = views.execute("SELECT why, source FROM bodies_gone WHERE k = ?", (key,))
    return Gone(*rows[0]) if rows else None


def gone_among(views: ReadViews, keys: Sequence[int]) -> frozenset[int]:
    """Which of these keys, ascending, have a body that is gone."""
    if not keys:
        return frozenset()
    rows = views.execute("SELECT k FROM bodies_gone WHERE k BETWEEN ? AND ?", (keys[0], keys[-1]))
    return frozenset(key for (key,) in rows)


def forget(views: Views, runs: Iterable[KeyedRun]) -> None:
    """Entries go. Bodies that were deleted by one of them are missing again."""
    for first_key, entries in runs:
        keys = (first_key, first_key + len(entries) - 1)
        for table in ("bodies_gone", "bodies_asked", "deletions_refused"):
            views.execute(f"DELETE FROM {table} WHERE k BETWEEN ? AND ?", keys)
        views.execute(
            "INSERT OR IGNORE INTO bodies_missing (k, log, at) SELECT k, log, claimed FROM bodies_gone"
            " WHERE source BETWEEN ? AND ?",
            keys,
        )
        views.execute("DELETE FROM bodies_gone WHERE source BETWEEN ? AND ?", keys)


def want_again(views: Views, keys: Sequence[int]) -> None:
    """Bodies that were let go are missing from now on, so that they are asked for."""
    for key in keys:
        views.execute(
            "INSERT OR IGNORE INTO bodies_missing (k, log, at) SELECT k, log, claimed FROM bodies_gone"
            " WHERE k = ? AND why = ?",
            (key, LET_GO),
        )
        views.execute("DELETE FROM bodies_gone WHERE k = ? AND why = ?", (key, LET_GO))


def rest(views: Views, keys: Iterable[int], now_ms: int) -> None:
    """Nobody asked has these bodies: wait before they are asked for again, longer each time."""
    for key in keys:
        views.execute(
            "INSERT INTO bodies_asked (k, due_ms, tries) VALUES (?1, ?2 + ?3, 1)"
            " ON CONFLICT (k) DO UPDATE SET due_ms = ?2 + min(?3 << min(tries, ?5), ?4), tries = tries + 1",
            (key, now_ms, FIRST_REST_MS, LAST_REST_MS, _REST_DOUBLINGS),
        )


def let_go_keys(views: ReadViews, before: int, limit: int) -> list[tuple[int, int]]:
    """Bodies that were let go, the last that arrived first, with keys below `before`: key and bytes."""
    sql = "SELECT k, size FROM bodies_gone WHERE why = ? AND k < ? ORDER BY k DESC LIMIT ?"
    return [(key, size) for key, size in views.execute(sql, (LET_GO, before, limit))]
