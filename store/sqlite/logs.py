"""Rows about logs: their states, and in which pieces their entries arrived."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import apsw

from store.codec import decode
from store.entry import parse
from store.ids import AuthorId, EntryId, LogNo
from store.interface import NOTHING_HELD, Appended, KeyedRun, LogState
from store.log import MAX_EVIDENCE_BYTES, MAX_RUN_ENTRIES, Evidence, Head, LogId
from store.sqlite.connection import insert_rows

_STATE_COLUMNS: Final = ("n", "author", "log", "head_seq", "head_id", "checked_seq", "evidence")
_STATE_CONFLICT: Final = (
    " ON CONFLICT (n) DO UPDATE SET head_seq = excluded.head_seq, head_id = excluded.head_id,"
    " checked_seq = excluded.checked_seq, evidence = excluded.evidence"
)
_PIECE_COLUMNS: Final = ("n", "log_n", "first_seq", "last_seq", "first_k")
_SELECT_STATE: Final = "SELECT n, author, log, head_seq, head_id, checked_seq, evidence FROM logs"


def read_states(connection: apsw.Connection) -> tuple[dict[LogId, int], dict[LogId, LogState]]:
    """Local number of every log that was ever held, and the state of those of which something is known."""
    numbers: dict[LogId, int] = {}
    states: dict[LogId, LogState] = {}
    rows: Any = connection.execute(_SELECT_STATE)
    for number, author, log, *state in rows:
        log_id = LogId(AuthorId(author), LogNo(log))
        numbers[log_id] = number
        known = _state_of(log_id, *state)
        if known != NOTHING_HELD:
            states[log_id] = known
    return numbers, states


def read_state(connection: apsw.Connection, log_id: LogId) -> LogState | None:
    """The state of one log, or None where nothing is known of it."""
    row: Any = connection.execute(_SELECT_STATE + " WHERE author = ? AND log = ?", log_id).fetchone()
    state = NOTHING_HELD if row is None else _state_of(log_id, *row[3:])
    return None if state == NOTHING_HELD else state


def read_number(connection: apsw.Connection, log_id: LogId) -> int | None:
    """Local number of a log, or None where nothing is known of it."""
    row: Any = connection.execute("SELECT n FROM logs WHERE author = ? AND log = ?", log_id).fetchone()
    return None if row is None else row[0]


def write_states(connection: apsw.Connection, numbered: Iterable[tuple[int, LogId, LogState]]) -> None:
    """Write the states of logs, known or new, under their local numbers."""
    rows = []
    for number, log_id, state in numbered:
        head_seq, head_id = state.head or (0, None)
        evidence = state.evidence.encode() if state.evidence else None
        rows.append((number, log_id.author, log_id.log, head_seq, head_id, state.checked_seq, evidence))
    insert_rows(connection, "logs", _STATE_COLUMNS, rows, _STATE_CONFLICT)


def write_pieces(connection: apsw.Connection, pieces: Iterable[tuple[int, Appended, int]]) -> None:
    """Note pieces that arrived: local number of the log, the piece, the key of its first entry."""
    rows = [
        (piece.arrival, number, piece.first_seq, piece.last_seq, first_key)
        for number, piece, first_key in pieces
    ]
    insert_rows(connection, "arrivals", _PIECE_COLUMNS, rows)


def read_arrivals(connection: apsw.Connection, after: int, limit: int) -> list[Appended]:
    """At most `limit` pieces after arrival `after`."""
    rows: Any = connection.execute(
        "SELECT a.n, l.author, l.log, a.first_seq, a.last_seq FROM arrivals a JOIN logs l ON l.n = a.log_n"
        " WHERE a.n > ? ORDER BY a.n LIMIT ?",
        (after, limit),
    ).fetchall()
    return [
        Appended(arrival, LogId(AuthorId(author), LogNo(log)), first_seq, last_seq)
        for arrival, author, log, first_seq, last_seq in rows
    ]


def key_at(connection: apsw.Connection, number: int, seq: int) -> int | None:
    """Key of entry `seq` of the log with that local number, or None where it is not held."""
    row: Any = connection.execute(
        "SELECT first_seq, first_k FROM arrivals WHERE log_n = ? AND last_seq >= ? ORDER BY last_seq LIMIT 1",
        (number, seq),
    ).fetchone()
    if row is None or row[0] > seq:
        return None
    return int(row[1] + seq - row[0])


def cut_pieces(connection: apsw.Connection, number: int, seq: int) -> None:
    """Forget that entries from `seq` on arrived."""
    connection.execute("DELETE FROM arrivals WHERE log_n = ? AND first_seq >= ?", (number, seq)).fetchall()
    connection.execute(
        "UPDATE arrivals SET last_seq = ?2 WHERE log_n = ?1 AND last_seq > ?2", (number, seq - 1)
    ).fetchall()


def _state_of(
    log_id: LogId, head_seq: int, head_id: bytes | None, checked_seq: int, evidence: bytes | None
) -> LogState:
    head = Head(head_seq, EntryId(head_id)) if head_id is not None else None
    return LogState(head, checked_seq, _evidence_of(log_id, evidence) if evidence else None)


def _evidence_of(log_id: LogId, data: bytes) -> Evidence:
    """Evidence that we wrote ourselves after it was checked; its signatures are not checked again."""
    value: Any = decode(data, MAX_EVIDENCE_BYTES, 2 * (MAX_RUN_ENTRIES + 1))
    kind, parts = value
    entries = tuple(
        parse(header, signature, None) for header, signature in zip(parts[::2], parts[1::2], strict=True)
    )
    return Evidence(kind, log_id, entries[0].seq, entries)


def numbered(
    pieces: Sequence[Appended], keyed: Sequence[KeyedRun], numbers: Mapping[LogId, int]
) -> list[tuple[int, Appended, int]]:
    """Pieces as `write_pieces` takes them; `keyed`: the same runs with their keys."""
    return [(numbers[piece.log_id], piece, run.first_key) for piece, run in zip(pieces, keyed, strict=True)]
