"""How many bytes of headers and of bodies are held, by log: for quotas.

    holdings  (log_n, head_bytes, body_bytes, let_go_seq)

New entries are counted a moment after they were appended, piece by piece in the order of arrival, so that
appending costs nothing more. What goes or comes back later changes the counts in the same transaction, if
it was counted already. So the sums are exact up to the arrival that was counted last. `let_go_seq`: bodies
of a log up to there were let go, or stay whatever the quota; a place to go on from.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from store.entry import Entry
from store.ids import AuthorId, LogNo
from store.interface import KeyedRun
from store.log import LogId
from store.sqlite.connection import Database
from store.sqlite.views import Views

COUNT_AT_ONCE: Final = 20_000
"""Entries that are counted with one look, some 20 ms in a thread; longer looks let the WAL grow."""

_ARRIVAL: Final = "held-arrival"
_KEY: Final = "held-key"
_LOG_N: Final = "(SELECT n FROM logs WHERE author = ?1 AND log = ?2)"


class Holding(NamedTuple):
    """What is held of one log."""

    log_id: LogId
    head_bytes: int
    """Headers and signatures."""
    body_bytes: int
    let_go_seq: int
    """Up to here bodies were let go or stay; 0: none was looked at."""


class Oldest(NamedTuple):
    """An entry whose body may be let go."""

    log_id: LogId
    key: int
    seq: int
    size: int
    """Bytes of the body."""


class _Counted(NamedTuple):
    """What one look at new pieces has found."""

    rows: Sequence[tuple[int, int, int]]
    arrival: int
    key: int
    change: int
    """Number of the last change to a body at that time."""


class HoldingTable:
    """What is held, of an open home."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Holding]:
        """What is held of every log, as far as it was counted."""
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT author, log, head_bytes, body_bytes, let_go_seq FROM holdings JOIN logs ON n = log_n"
            ).fetchall()
        return [
            Holding(LogId(AuthorId(author), LogNo(log)), heads, bodies, seq)
            for author, log, heads, bodies, seq in rows
        ]

    def count(self) -> bool:
        """Count the pieces that came next, at most some `COUNT_AT_ONCE` entries. False: there are none.

        Where something went meanwhile, nothing is counted and the next call looks again.
        """
        found = self._look()
        if found is None:
            return False
        with self._database.write() as connection:
            changed: Any = connection.execute("SELECT max(n) FROM body_changes").fetchone()
            if (changed[0] or 0) == found.change:
                connection.executemany(
                    "INSERT INTO holdings VALUES (?, ?, ?, 0) ON CONFLICT (log_n) DO UPDATE SET"
                    " head_bytes = head_bytes + excluded.head_bytes,"
                    " body_bytes = body_bytes + excluded.body_bytes",
                    found.rows,
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO counters VALUES (?, ?)",
                    [(_ARRIVAL, found.arrival), (_KEY, found.key)],
                )
        return True

    def _look(self) -> _Counted | None:
        with self._database.read() as connection:
            before: Any = connection.execute(
                "SELECT value FROM counters WHERE name = ?", (_ARRIVAL,)
            ).fetchone()
            after = before[0] if before else 0
            pieces: Any = connection.execute(
                "SELECT n, last_seq - first_seq + 1, first_k FROM arrivals WHERE n > ? ORDER BY n LIMIT ?",
                (after, COUNT_AT_ONCE),
            ).fetchall()
            if not pieces:
                return None
            entries, last, key = 0, after, 0
            for number, size, first_key in pieces:
                if entries and entries + size > COUNT_AT_ONCE:
                    break
                entries, last, key = entries + size, number, first_key + size - 1
            rows: Any = connection.execute(
                "SELECT a.log_n, sum(length(e.head)), sum(coalesce(length(e.body), 0))"
                " FROM arrivals a CROSS JOIN entries e"
                " ON e.k BETWEEN a.first_k AND a.first_k + a.last_seq - a.first_seq"
                " WHERE a.n > ? AND a.n <= ? GROUP BY a.log_n",
                (after, last),
            ).fetchall()
            change: Any = connection.execute("SELECT max(n) FROM body_changes").fetchone()
        return _Counted(rows, last, key, change[0] or 0)

    def oldest(self, log_id: LogId, after_seq: int, limit: int) -> list[Oldest]:
        """At most `limit` entries of a log after a seq that have their body, in the order of arrival."""
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT e.k, a.first_seq + e.k - a.first_k, length(e.body)"
                " FROM arrivals a CROSS JOIN entries e"
                " ON e.k BETWEEN a.first_k + max(?3 + 1 - a.first_seq, 0)"
                " AND a.first_k + a.last_seq - a.first_seq"
                f" WHERE a.log_n = {_LOG_N} AND a.last_seq > ?3 AND e.body IS NOT NULL"
                " ORDER BY a.last_seq, e.k LIMIT ?4",
                (*log_id, after_seq, limit),
            ).fetchall()
        return [Oldest(log_id, *row) for row in rows]

    def look_on_from(self, seqs: Mapping[LogId, int]) -> None:
        """Note of these logs up to which seq bodies were let go or stay; 0: look at all of them again."""
        with self._database.write() as connection:
            connection.executemany(
                f"UPDATE holdings SET let_go_seq = ?3 WHERE log_n = {_LOG_N}",
                [(*log_id, seq) for log_id, seq in seqs.items()],
            )


def subtract(views: Views, runs: Iterable[KeyedRun]) -> None:
    """Entries are about to go, with their bodies where these are here."""
    counted = _counted_key(views)
    for run in runs:
        heads, bodies = _sizes(views, run, counted)
        _change(views, run.entries[0], -heads, -bodies)


def subtract_bodies(views: Views, runs: Iterable[KeyedRun]) -> None:
    """Bodies are about to go, damaged ones too; the entries stay."""
    counted = _counted_key(views)
    for run in runs:
        _change(views, run.entries[0], 0, -_sizes(views, run, counted)[1])


def add_bodies(views: Views, runs: Iterable[KeyedRun]) -> None:
    """Bodies have come that were missing."""
    counted = _counted_key(views)
    for run in runs:
        _change(views, run.entries[0], 0, _sizes(views, run, counted)[1])


def _sizes(views: Views, run: KeyedRun, counted: int) -> tuple[int, int]:
    """Bytes of heads and of bodies of the entries of a run that were counted, as they are in the file."""
    last_key = min(run.first_key + len(run.entries) - 1, counted)
    sql = "SELECT coalesce(sum(length(head)), 0), coalesce(sum(length(body)), 0) FROM entries"
    [(heads, bodies)] = views.execute(sql + " WHERE k BETWEEN ? AND ?", (run.first_key, last_key))
    return heads, bodies


def _counted_key(views: Views) -> int:
    rows = views.execute("SELECT value FROM counters WHERE name = ?", (_KEY,))
    return int(rows[0][0]) if rows else 0


def _change(views: Views, one: Entry, heads: int, bodies: int) -> None:
    """Change the counts of the log of an entry."""
    if heads or bodies:
        views.execute(
            "UPDATE holdings SET head_bytes = max(0, head_bytes + ?3), body_bytes = max(0, body_bytes + ?4)"
            f" WHERE log_n = {_LOG_N}",
            (one.author, one.log, heads, bodies),
        )
