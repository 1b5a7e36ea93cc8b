"""What a home holds at one moment, in a form that two homes can compare: logs, and digests of views.

Views of two homes have the same rows, but not the same local keys and not in the same order. So a column
called ``k`` counts as the id of the entry that has this key; every other column of an app's table has to mean
the same in every home. The digest of an app's view is one of the set of its rows:

    row     canonical msgpack ``[app, table, version, value, …]`` in the order of the table's columns
    number  SHAKE256 of the row, 512 bytes, little-endian
    digest  BLAKE2b-256 over ``asterism/view/1`` ‖ 0 ‖ number of rows (8 bytes, big-endian) ‖
            sum of the numbers modulo 2**4096 (512 bytes, little-endian)

A sum does not depend on the order, needs no memory, and two sets with one sum take some 2**128 steps to find
(M. Bellare and D. Micciancio's AdHash, by the best known attack, D. Wagner's). Nothing here knows any app.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import shake_256
from typing import Any, Final, NamedTuple

import apsw

from store.codec import encode_trusted
from store.crypto import digest
from store.errors import Damaged, WrongKey
from store.ids import EntryId
from store.interface import LogState
from store.log import LogId
from store.sqlite import id_index, logs
from store.sqlite.changes import count_changes
from store.sqlite.connection import Database, own_errors
from store.sqlite.removal import next_free
from store.sqlite.views import Schema, tables_of

KEY_COLUMN: Final = "k"
"""What a column is called that holds the key of an entry."""

_DOMAIN: Final = b"asterism/view/1\x00"
_NUMBER_BYTES: Final = 512
_MODULUS: Final = 1 << 8 * _NUMBER_BYTES
_COUNT_BYTES: Final = 8
_TELL_ROWS: Final = 10_000
"""Rows between two reports of progress, about 0.1 s."""


class View(NamedTuple):
    """What an app's tables hold."""

    rows: int
    digest: bytes
    """32 bytes, see the module."""
    strays: int
    """Rows about a key that no entry has; there should be none."""


class Portrait(NamedTuple):
    """A home at one moment."""

    states: Mapping[LogId, LogState]
    last_key: int
    """The highest key given so far."""
    last_change: int
    """Number of the last change to entries that were held; see `store.sqlite.changes`."""
    views: Mapping[str, View | None]
    """By name of the app; None: it cannot be read, because the file is damaged there."""


def portray(
    database: Database, schemas: Sequence[Schema], tell: Callable[[int], None] = lambda rows: None
) -> Portrait:
    """Look at everything in one read transaction. Some 10 µs a row; writers go on meanwhile.

    What a damaged page keeps from being one moment's is looked at in another.

    `schemas`: of the apps whose views are looked at. `tell` gets the number of rows now and then.

    Raises:
        Damaged: the file cannot be read.
    """
    views: dict[str, View | None] = {}
    with database.read() as connection:
        states = logs.read_states(connection)[1]
        last_key = next_free(connection, "key", "SELECT max(k) FROM entries") - 1
        last_change = count_changes(connection)
        _look_at_views(connection, schemas, views, tell)
    while len(views) < len(schemas):
        with database.read() as connection:
            _look_at_views(connection, schemas[len(views) :], views, tell)
    return Portrait(states, last_key, last_change, views)


def _look_at_views(
    connection: apsw.Connection,
    schemas: Sequence[Schema],
    views: dict[str, View | None],
    tell: Callable[[int], None],
) -> None:
    """Views of the apps, up to one that is damaged: in that transaction nothing more can be read."""
    for schema in schemas:
        before = sum(view.rows for view in views.values() if view is not None)
        try:
            with own_errors():
                views[schema.name] = _view_of(connection, schema, before, tell)
        except (Damaged, WrongKey):
            views[schema.name] = None
            return


def unheld(database: Database, ids: Iterable[EntryId]) -> list[EntryId]:
    """Those of some ids that no entry here has; each costs some 20 µs. Raises: Damaged."""
    with database.read() as connection:
        return [entry_id for entry_id in ids if not _is_held(connection, entry_id)]


def _is_held(connection: apsw.Connection, entry_id: EntryId) -> bool:
    """Is an entry with this id here? Of what lies there only the header is looked at."""
    for key in id_index.keys_near(connection, entry_id):
        row: Any = connection.execute("SELECT head FROM entries WHERE k = ?", (key,)).fetchone()
        if row is not None and digest(row[0]) == entry_id:
            return True
    return False


def _view_of(connection: apsw.Connection, schema: Schema, before: int, tell: Callable[[int], None]) -> View:
    rows = strays = total = 0
    for table in tables_of(connection, schema.name):
        head = [schema.name, table, schema.version]
        for is_stray, values in _rows_of(connection, table):
            packed = encode_trusted([*head, *values])
            total += int.from_bytes(shake_256(packed).digest(_NUMBER_BYTES), "little")
            rows += 1
            strays += is_stray
            if rows % _TELL_ROWS == 0:
                tell(before + rows)
    count = rows.to_bytes(_COUNT_BYTES, "big")
    total_bytes = (total % _MODULUS).to_bytes(_NUMBER_BYTES, "little")
    return View(rows, digest(_DOMAIN + count + total_bytes), strays)


def _rows_of(connection: apsw.Connection, table: str) -> Iterator[tuple[bool, list[Any]]]:
    """Rows as they are digested, and whether the entry of one is gone; in no particular order."""
    found: Any = connection.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,)).fetchall()
    columns = [name for (name,) in found]
    listed = ", ".join(f't."{name}"' for name in columns)
    if KEY_COLUMN not in columns:
        rows: Any = connection.execute(f'SELECT {listed} FROM "{table}" AS t')
        for row in rows:
            yield False, list(row)
        return
    at = columns.index(KEY_COLUMN)
    rows = connection.execute(
        f'SELECT {listed}, e.head FROM "{table}" AS t LEFT JOIN entries AS e ON e.k = t."{KEY_COLUMN}"'
    )
    for *values, head in rows:
        values[at] = None if head is None else digest(head)
        yield head is None, values
