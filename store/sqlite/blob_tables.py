"""The tables of the store of blobs.

blobs    n, blob (32 bytes), size, pinned, complete, opened, used_ms, manifest     one row a blob
chunks   chunk (32 bytes), n                   which blobs have which chunk
parts    part (32 bytes), n, size              which blobs the content of blob n names
"""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from store.blobs import BlobId
from store.errors import NotFound, StoreError
from store.sqlite.connection import APPLICATION_ID, Database, insert_rows

VERSION: Final = 1
"""Of the tables, as `user_version`."""

_SCHEMA: Final = """
CREATE TABLE blobs (
    n INTEGER PRIMARY KEY,
    blob BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    opened INTEGER NOT NULL DEFAULT 0,
    used_ms INTEGER NOT NULL,
    manifest BLOB NOT NULL
) STRICT;
CREATE INDEX blobs_by_use ON blobs (pinned, used_ms);
CREATE INDEX blobs_begun ON blobs (n) WHERE NOT complete;
CREATE TABLE chunks (
    chunk BLOB NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (chunk, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_by_blob ON chunks (n);
CREATE TABLE parts (
    part BLOB NOT NULL,
    n INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (part, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX parts_by_blob ON parts (n);
"""


def prepare(database: Database) -> None:
    """Make the tables where there are none. Raises: StoreError: a newer program has written them."""
    with database.read() as connection:
        rows: list[Any] = connection.execute("PRAGMA user_version").fetchall()
    [[version]] = rows
    if version > VERSION:
        raise StoreError("a newer version of the program has written the store of blobs: update the program")
    if version < VERSION:
        with database.write(durable=True) as connection:
            connection.execute(_SCHEMA).fetchall()
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
            connection.execute(f"PRAGMA user_version = {VERSION}").fetchall()


def note_parts(database: Database, blob: bytes, parts: Sequence[tuple[bytes, int]]) -> None:
    """Note which blobs, with their sizes, a blob names; once only. Raises: NotFound."""
    with database.write() as connection:
        row = first_row(connection, "SELECT n, opened FROM blobs WHERE blob = ?", blob)
        if row is None:
            raise NotFound("nothing is held of that blob")
        number, is_opened = row
        if is_opened:
            return
        connection.execute("UPDATE blobs SET opened = 1 WHERE n = ?", (number,)).fetchall()
        rows = [(part, number, size) for part, size in sorted(dict(parts).items())]
        insert_rows(connection, "parts", ("part", "n", "size"), rows)


def parts_of(database: Database, blob: bytes) -> list[tuple[BlobId, int]] | None:
    """What was noted of a blob, by id; None where nothing was."""
    with database.read() as connection:
        row = first_row(connection, "SELECT n FROM blobs WHERE blob = ? AND opened", blob)
        if row is None:
            return None
        rows: list[Any] = connection.execute(
            "SELECT part, size FROM parts WHERE n = ? ORDER BY part", row
        ).fetchall()
    return [(BlobId(part), size) for part, size in rows]


def wholes_of(database: Database, blob: bytes) -> list[BlobId]:
    """The blobs of which this one was noted as a part."""
    with database.read() as connection:
        rows: list[Any] = connection.execute(
            "SELECT blob FROM blobs WHERE n IN (SELECT n FROM parts WHERE part = ?) ORDER BY blob", (blob,)
        ).fetchall()
    return [BlobId(whole) for (whole,) in rows]


def first_row(connection: apsw.Connection, sql: str, *values: bytes | int) -> tuple[Any, ...] | None:
    """The first row of an answer, or None."""
    row: tuple[Any, ...] | None = connection.execute(sql, values).fetchone()
    return row
