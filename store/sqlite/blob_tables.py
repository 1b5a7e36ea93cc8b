"""The tables of the store of blobs.

blobs    n, blob (32 bytes), size, pinned, complete, opened, used_ms, manifest     one row a blob
chunks   chunk (32 bytes), n                   which blobs have which chunk
parts    part (32 bytes), n, size              which blobs the content of blob n names
"""

from typing import Any, Final

from store.errors import StoreError
from store.sqlite.connection import APPLICATION_ID, Database

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
