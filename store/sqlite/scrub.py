"""Hashing again what lies on the disk, and mending what is broken.

SQLite's own checks do not see a flipped bit inside a value, and the file's encryption sees only what
changed on the disk, not what was wrong before it was written. So everything is hashed anew now and
then: each header against the index of ids and the chain of its log, each body against its header. Signatures
are not looked at here; an id covers its signature.

What is broken is asked for again from peers: a body by `SqliteEntryStore.restore_body`, a header by `mend`.
"""

from typing import Any, Final, NamedTuple

import apsw

from store.entry import Entry
from store.errors import Damaged, Forked, NotFound
from store.log import LogId
from store.sqlite import id_index, logs
from store.sqlite.connection import Database
from store.sqlite.rows import entry_of, read_entry

HEADER: Final = "header"
BODY: Final = "body"


class Flaw(NamedTuple):
    """Something that is not what it was when it arrived."""

    log_id: LogId
    seq: int
    what: str
    """`HEADER`: the entry cannot be used. `BODY`: its body counts as absent."""


class Scrubbed(NamedTuple):
    """What one step of scrubbing has seen."""

    last_arrival: int
    """Where to go on from; the arrival that was given where nothing follows it."""
    entries: int
    flaws: list[Flaw]


def scrub(database: Database, after_arrival: int, limit: int) -> Scrubbed:
    """Hash the pieces that came after an arrival again: as many as hold `limit` entries, at least one.

    About 20 µs an entry. A reader like any other: appending goes on meanwhile.

    Raises:
        Damaged: the file itself cannot be read there.
    """
    flaws: list[Flaw] = []
    last_arrival, entries = after_arrival, 0
    with database.read() as connection:
        for piece in logs.read_arrivals(connection, after_arrival, limit):
            if entries and entries + piece.last_seq - piece.first_seq >= limit:
                break
            flaws += _flaws_of(connection, piece.log_id, piece.first_seq, piece.last_seq)
            entries += piece.last_seq - piece.first_seq + 1
            last_arrival = piece.arrival
    return Scrubbed(last_arrival, entries, flaws)


def mend(database: Database, entry: Entry) -> None:
    """Write an entry again in place of a damaged one. The next entry, or the log's head, must name its id.

    Raises:
        NotFound: no entry is held at that place.
        Forked: it is not the one that was there.
    """
    log_id = LogId(entry.author, entry.log)
    with database.write() as connection:
        number = logs.read_number(connection, log_id)
        key = None if number is None else logs.key_at(connection, number, entry.seq)
        if number is None or key is None:
            raise NotFound("no entry is held at that place")
        if entry.id not in _vouched_id(connection, number, entry.seq):
            raise Forked(f"entry {entry.seq} is not the one that was held", entry.seq)
        connection.execute(
            "INSERT OR REPLACE INTO entries (k, head, body) VALUES (?, ?, ?)",
            (key, entry.header + entry.signature, entry.body),
        ).fetchall()
        place = id_index.place(entry.id, key)
        if not id_index.held(connection, [place]):
            id_index.add(connection, [place])


def _vouched_id(connection: apsw.Connection, number: int, seq: int) -> tuple[bytes, ...]:
    """The id that entry `seq` must have: by the link of the entry after it, or as the head."""
    head: Any = connection.execute("SELECT head_seq, head_id FROM logs WHERE n = ?", (number,)).fetchone()
    if head[0] == seq:
        return (head[1],)
    key = logs.key_at(connection, number, seq + 1)
    try:
        after = None if key is None else read_entry(connection, key)
    except Damaged:
        after = None
    return () if after is None else (after.back,)


def _flaws_of(connection: apsw.Connection, log_id: LogId, first_seq: int, last_seq: int) -> list[Flaw]:
    number = logs.read_number(connection, log_id)
    key = None if number is None else logs.key_at(connection, number, first_seq)
    if number is None or key is None:
        raise Damaged("the table of arrivals contradicts itself")
    rows: Any = connection.execute(
        "SELECT k, head, body FROM entries WHERE k BETWEEN ? AND ?", (key, key + last_seq - first_seq)
    ).fetchall()
    entries = {k - key + first_seq: _parsed(head, body) for k, head, body in rows}
    noted = id_index.held(
        connection,
        [id_index.place(entry.id, key + seq - first_seq) for seq, entry in entries.items() if entry],
    )
    had_body = {k - key + first_seq for k, _, body in rows if body is not None}
    flaws: list[Flaw] = []
    back = _id_before(connection, number, first_seq)
    for seq in range(first_seq, last_seq + 1):
        entry = entries.get(seq)
        sound = (
            entry is not None
            and (entry.author, entry.log, entry.seq) == (*log_id, seq)
            and id_index.place(entry.id, key + seq - first_seq) in noted
            and back in (None, entry.back)
        )
        if entry is None or not sound:
            flaws.append(Flaw(log_id, seq, HEADER))
        elif entry.body is None and seq in had_body:
            flaws.append(Flaw(log_id, seq, BODY))
        back = entry.id if entry is not None and sound else None
    return flaws


def _parsed(head: bytes, body: bytes | None) -> Entry | None:
    try:
        return entry_of(head, body)
    except Damaged:
        return None


def _id_before(connection: apsw.Connection, number: int, seq: int) -> bytes | None:
    """What entry `seq` must link back to; None where it cannot be said."""
    if seq == 1:
        return b""
    key = logs.key_at(connection, number, seq - 1)
    try:
        before = None if key is None else read_entry(connection, key)
    except Damaged:
        return None
    if key is None or before is None or not id_index.held(connection, [id_index.place(before.id, key)]):
        return None
    return before.id
