"""Tables that apps derive from entries, in the file where the entries are.

An app's fold is called inside the transaction that appends entries, so a view and its entries are
never apart. A view holds nothing that a fold of all entries would not give again: when a schema
changes, its tables are dropped and everything is folded anew, in the order of keys.

Nothing here knows any app.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import apsw

from store.interface import KeyedRun
from store.sqlite.connection import insert_rows

Row: TypeAlias = tuple[Any, ...]
"""Integers, texts, byte strings or None, as SQLite gives them."""


class Schema(NamedTuple):
    """The tables of one app."""

    name: str
    version: int
    """Counts from 1; another number than the one on disk has everything folded again."""
    statements: tuple[str, ...]
    """One ``CREATE`` each. Tables and indexes are named after the app, to keep out of others' way."""


class ReadViews:
    """Reads the tables of apps; valid only inside the `with` that gave it."""

    __slots__ = ("connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        """For the rooms of the store; apps have `execute`."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """All rows of one statement. Values go into `params`, never into `sql`."""
        return self.connection.execute(sql, params).fetchall()

    def execute_for(self, sql: str, numbers: Iterable[int]) -> list[Row]:
        """All rows of one statement over many numbers: ``FROM carray(?) AS wanted`` has them in the column
        ``wanted.value``, in their order. One call for thousands; none at all where there are none.

        With ``CROSS JOIN`` the numbers are looked up one after the other, which is fastest where they ascend.
        """
        values = array("q", numbers)
        if not values:
            return []
        return self.connection.execute(sql, (apsw.carray(values),)).fetchall()


class Views(ReadViews):
    """Reads and writes the tables of apps, inside the transaction that appends; not to be kept."""

    __slots__ = ()

    def insert_columns(
        self, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]], conflict: str = ""
    ) -> None:
        """Insert many rows, given as one sequence of values a column, all of one length.

        `conflict` is an ``ON CONFLICT`` clause. Fastest where keys ascend.
        """
        insert_rows(self.connection, table, columns, list(zip(*values, strict=True)), conflict)

    def insert_rows(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], conflict: str = ""
    ) -> None:
        """Insert many rows, given row by row."""
        insert_rows(self.connection, table, columns, rows, conflict)


Fold: TypeAlias = Callable[[Views, Sequence[KeyedRun]], None]
"""Brings views up to date with entries that were just appended (or got their body back)."""

Unfold: TypeAlias = Callable[[Views, Sequence[KeyedRun]], None]
"""Takes entries out of views, before they or their bodies are removed."""


def installed(connection: apsw.Connection) -> dict[str, int]:
    """Names of the apps that have tables here, with the version of each."""
    rows: Any = connection.execute("SELECT name, version FROM app_schemas").fetchall()
    return dict(rows)


def replace_tables(connection: apsw.Connection, schemas: Sequence[Schema]) -> None:
    """Drop the tables of all apps, those of apps that are gone too, and create empty ones."""
    rows: Any = connection.execute("SELECT tables FROM app_schemas").fetchall()
    for (tables,) in rows:
        for table in tables.split():
            connection.execute(f'DROP TABLE IF EXISTS "{table}"').fetchall()
    connection.execute("DELETE FROM app_schemas").fetchall()
    for schema in schemas:
        before = _tables(connection)
        for statement in schema.statements:
            connection.execute(statement).fetchall()
        made = " ".join(sorted(_tables(connection) - before))
        connection.execute("INSERT INTO app_schemas VALUES (?, ?, ?)", (schema.name, schema.version, made))


def _tables(connection: apsw.Connection) -> set[str]:
    rows: Any = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {name for (name,) in rows}
