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
from store.sqlite.gathering import FRESH, KEPT, Gathered, whole

Row: TypeAlias = tuple[Any, ...]
"""Integers, texts, byte strings or None, as SQLite gives them."""


class Schema(NamedTuple):
    """The tables of one app."""

    name: str
    version: int
    """Counts from 1; another number than the one on disk has everything folded again."""
    statements: tuple[str, ...]
    """One ``CREATE`` each. Tables and indexes are named after the app, to keep out of others' way."""
    gathered: tuple[Gathered, ...] = ()
    """Tables whose rows are gathered and moved in batches; named in the same way."""


class ReadViews:
    """Reads the tables of apps; valid only inside the `with` that gave it."""

    __slots__ = ("connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        """For the rooms of the store; apps have `execute`."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """All rows of one statement. Values go into `params`, never into `sql`."""
        return self.connection.execute(sql, params).fetchall()

    def bodies(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The bodies of these entries, by their keys, as they lie here: what was damaged is not found out."""
        sql = "SELECT k, body FROM carray(?) AS wanted CROSS JOIN entries ON k = wanted.value"
        return {key: body for key, body in self.execute_for(sql, sorted(keys)) if body is not None}

    def execute_for(self, sql: str, numbers: Iterable[int]) -> list[Row]:
        """All rows of one statement over many numbers: ``FROM carray(?) AS wanted`` has them in the column
        ``wanted.value``, in their order. One call for thousands; none at all where there are none.

        With ``CROSS JOIN`` the numbers are looked up one after the other, which is fastest where they ascend.
        """
        values = array("q", numbers)
        if not values:
            return []
        return self.connection.execute(sql, (apsw.carray(values),)).fetchall()

    def execute_for_ids(self, sql: str, ids: Iterable[bytes]) -> list[Row]:
        """As `execute_for`, of ids and other byte strings, for ``IN (SELECT value FROM carray(?))``."""
        values = tuple(ids)
        if not values:
            return []
        return self.connection.execute(sql, (apsw.carray(values),)).fetchall()


class Views(ReadViews):
    """Reads and writes the tables of apps, inside the transaction that appends; not to be kept."""

    __slots__ = ("came", "is_settled")

    def __init__(self, connection: apsw.Connection, *, is_settled: bool = False) -> None:
        """`is_settled`: nothing is fresh in any gathered table, and nothing is to become so."""
        super().__init__(connection)
        self.is_settled = is_settled
        self.came: dict[str, int] = {}
        """How many rows were given to each gathered table."""

    def gather(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows into a gathered table. Those that are there already stay; fastest where keys ascend.

        Rows of entries that may have been folded before need views that are settled.
        """
        if rows:
            part = table + (KEPT if self.is_settled else FRESH)
            insert_rows(self.connection, part, columns, rows, "ON CONFLICT DO NOTHING")
            self.came[table] = self.came.get(table, 0) + len(rows)

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


def tables_of(connection: apsw.Connection, app: str) -> list[str]:
    """The tables of an app by name, as it knows them; none where it has none here."""
    row: Any = connection.execute("SELECT tables FROM app_schemas WHERE name = ?", (app,)).fetchone()
    return [] if row is None else whole(row[0].split())


def replace_tables(connection: apsw.Connection, schemas: Sequence[Schema]) -> None:
    """Drop the tables of all apps, those of apps that are gone too, and create empty ones."""
    rows: Any = connection.execute("SELECT tables FROM app_schemas").fetchall()
    kinds = _made(connection)
    for (made,) in rows:
        for name in made.split():
            if name in kinds:
                connection.execute(f'DROP {kinds[name]} "{name}"').fetchall()
    connection.execute("DELETE FROM app_schemas").fetchall()
    for schema in schemas:
        before = _made(connection)
        for statement in (
            *schema.statements,
            *(each for table in schema.gathered for each in table.statements),
        ):
            connection.execute(statement).fetchall()
        made = " ".join(sorted(_made(connection).keys() - before.keys()))
        connection.execute("INSERT INTO app_schemas VALUES (?, ?, ?)", (schema.name, schema.version, made))


def _made(connection: apsw.Connection) -> dict[str, str]:
    """Names of tables and views, with what each is."""
    rows: Any = connection.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')")
    return dict(rows)
