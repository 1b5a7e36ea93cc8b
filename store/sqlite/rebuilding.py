"""Views made anew from the entries, and digests by which one sees whether they came out the same.

The digest of an app is BLAKE2b-256 over its tables in the order of their names: for each the canonical
msgpack ``[name, columns]``, then each row as a list of its values, in ascending order of all of them. It
compares one home with itself; `store.sqlite.portrait` has digests that two homes can compare.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import apsw

from store.codec import encode_trusted
from store.errors import Damaged, WrongKey
from store.sqlite.connection import Database
from store.sqlite.gathering import settle_full
from store.sqlite.rows import read_after
from store.sqlite.views import Fold, Schema, Views, replace_tables, tables_of

_BATCH_ENTRIES: Final = 2_000
"""Entries folded at a time; bounds the memory to a few MB."""

_DIGEST_BYTES: Final = 32


class ViewDigest(NamedTuple):
    """What the tables of an app hold."""

    rows: int
    digest: bytes
    """32 bytes, see the module. Empty: a table is damaged and cannot be read."""


def fold_anew(
    connection: apsw.Connection, fold: Fold, schemas: Sequence[Schema], tell: Callable[[int], None]
) -> None:
    """Drop the tables of all apps, make new ones and fold every entry again, in the order of keys.

    `tell` is told the key that it has come to.
    """
    replace_tables(connection, schemas)
    fresh: dict[str, int] = {}
    last_key = 0
    while (batch := read_after(connection, last_key, _BATCH_ENTRIES)).last_key != last_key:
        views = Views(connection)
        fold(views, batch.runs)
        fresh = settle_full(connection, fresh, views.came)
        last_key = batch.last_key
        tell(last_key)


def digest_of(database: Database, app: str) -> ViewDigest:
    """What the tables of an installed app hold. Raises: StorageFull, StoreLocked: as they say."""
    whole = blake2b(digest_size=_DIGEST_BYTES)
    count = 0
    try:
        with database.read() as connection:
            for table in tables_of(connection, app):
                count += _add_table(connection, table, whole.update)
    except (Damaged, WrongKey):
        return ViewDigest(count, b"")
    return ViewDigest(count, whole.digest())


def _add_table(connection: apsw.Connection, table: str, add: Callable[[bytes], None]) -> int:
    """Give the bytes of a table to `add`; how many rows it has."""
    info: Any = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    columns = [row[1] for row in info]
    add(encode_trusted((table, columns)))
    order = ",".join(f'"{column}"' for column in columns)
    count = 0
    rows: Any = connection.execute(f'SELECT {order} FROM "{table}" ORDER BY {order}')
    for count, row in enumerate(rows, 1):  # noqa: B007 (the last number counts)
        add(encode_trusted(row))
    return count
