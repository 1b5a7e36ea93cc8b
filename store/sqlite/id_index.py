"""From an entry's id to its key: sorted integers that hold the first 32 bits of the id and the key.

Ids are random, so each new one falls on another page of a large index. New ones are therefore kept in
a small table and moved to the large one in sorted batches: at a million entries this costs 2 µs an
entry instead of 6 to 16. Two ids with the same first 32 bits stand side by side; the reader compares
the whole id of each candidate.
"""

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apsw

from store.interface import KeyedRun

MAX_RECENT: Final = 65_536
"""Most rows of the small table, about 150 pages; full, it is emptied into the large one in one sweep."""

_KEY_BITS: Final = 32
_KEY_MASK: Final = 2**_KEY_BITS - 1
_HALF: Final = 2**31
_PREFIX_BYTES: Final = 4
_SCAN_ROWS: Final = 64
_NEAR_ALL: Final = " UNION ALL ".join(
    f"SELECT {table}.v & {_KEY_MASK} FROM carray(?1) AS low CROSS JOIN {table}"
    f" ON {table}.v BETWEEN low.value AND low.value + {_KEY_MASK}"
    for table in ("ids", "ids_recent")
)
"""Keys by what `place` gives for ids with key 0."""


def place(entry_id: bytes, key: int) -> int:
    """The integer that says that `entry_id` has `key`; ordered as ids are."""
    return (int.from_bytes(entry_id[:_PREFIX_BYTES], "big") - _HALF) << _KEY_BITS | key


def add(connection: apsw.Connection, places: Iterable[int]) -> None:
    """Note new places."""
    values = array("q", sorted(places))
    connection.execute(
        "INSERT INTO ids_recent SELECT value FROM carray(?)", (apsw.carray(values),)
    ).fetchall()


def note(connection: apsw.Connection, runs: Iterable[KeyedRun], recent: int) -> int:
    """Note where the ids of these entries lie.

    `recent`: rows of the small table so far. Gives how many it has then.
    """
    places = [place(entry.id, key) for run in runs for key, entry in enumerate(run.entries, run.first_key)]
    add(connection, places)
    if recent + len(places) < MAX_RECENT:
        return recent + len(places)
    settle(connection)
    return 0


def remove(connection: apsw.Connection, places: Iterable[int]) -> None:
    """Take places out."""
    values = array("q", sorted(places))
    for table in ("ids_recent", "ids"):
        connection.execute(
            f"DELETE FROM {table} WHERE v IN (SELECT value FROM carray(?))", (apsw.carray(values),)
        ).fetchall()


def settle(connection: apsw.Connection) -> None:
    """Move all recent places to the large table."""
    connection.execute("INSERT INTO ids SELECT v FROM ids_recent ORDER BY v").fetchall()
    connection.execute("DELETE FROM ids_recent").fetchall()


def count_recent(connection: apsw.Connection) -> int:
    """Rows in the small table."""
    row: Any = connection.execute("SELECT count(*) FROM ids_recent").fetchone()
    return int(row[0])


def keys_near(connection: apsw.Connection, entry_id: bytes) -> list[int]:
    """Keys of the entries whose ids begin as `entry_id` does."""
    low, high = place(entry_id, 0), place(entry_id, _KEY_MASK)
    return [value & _KEY_MASK for value in _places(connection, low, high, -1)]


def keys_of_all(connection: apsw.Connection, ids: Iterable[bytes]) -> list[int]:
    """Keys of the entries whose ids begin as one of `ids` does, each once, ascending. One statement."""
    lows = array("q", sorted({place(entry_id, 0) for entry_id in ids}))
    if not lows:
        return []
    rows: Any = connection.execute(_NEAR_ALL, (apsw.carray(lows),)).fetchall()
    return sorted({key for (key,) in rows})


def keys_between(connection: apsw.Connection, low: bytes, high: bytes) -> Iterator[list[int]]:
    """Keys of ids between two 32-byte bounds and of a few beside them, in groups of one 32-bit prefix,
    ascending by prefix. Read no further than needed."""
    start, end = place(low, 0), place(high, _KEY_MASK)
    while start <= end:
        found = _places(connection, start, end, _SCAN_ROWS)
        if len(found) == _SCAN_ROWS:
            last_prefix = found[-1] >> _KEY_BITS
            found = [value for value in found if value >> _KEY_BITS != last_prefix]
            found += _places(connection, last_prefix << _KEY_BITS, last_prefix << _KEY_BITS | _KEY_MASK, -1)
        group: list[int] = []
        for at, value in enumerate(found):
            group.append(value & _KEY_MASK)
            if at + 1 == len(found) or found[at + 1] >> _KEY_BITS != value >> _KEY_BITS:
                yield group
                group = []
        if len(found) < _SCAN_ROWS:
            return
        start = ((found[-1] >> _KEY_BITS) + 1) << _KEY_BITS


def held(connection: apsw.Connection, places: Iterable[int]) -> set[int]:
    """Those of `places` that are noted."""
    values = array("q", places)
    if not values:
        return set()
    rows: Any = connection.execute(
        "SELECT v FROM ids WHERE v IN (SELECT value FROM carray(?1))"
        " UNION ALL SELECT v FROM ids_recent WHERE v IN (SELECT value FROM carray(?1))",
        (apsw.carray(values),),
    ).fetchall()
    return {value for (value,) in rows}


def _places(connection: apsw.Connection, low: int, high: int, limit: int) -> list[int]:
    rows: Any = connection.execute(
        "SELECT v FROM (SELECT v FROM ids WHERE v BETWEEN ?1 AND ?2"
        " UNION ALL SELECT v FROM ids_recent WHERE v BETWEEN ?1 AND ?2) ORDER BY v LIMIT ?3",
        (low, high, limit),
    ).fetchall()
    return [value for (value,) in rows]
