"""Tables of apps whose rows come in no order: gathered in a small table, moved in large sorted batches.

The rows of a batch of entries belong to as many places of a large table as there are rows, and each page that
a transaction touches is encrypted and written twice. So new rows go to a small table of the same shape. Once
that has `MAX_FRESH` rows, they are moved in the order of their keys, and each page gets many at once.

To an app there is one table: a view over both, from which rows are read, deleted and changed as from any
table. Bulk comes in by `store.sqlite.views.Views.gather`. A row stands in one of the two and never in both:
whoever folds an entry that may have been folded before settles first, and writes to the large table.

    NAME         the view
    NAME_kept    the large table
    NAME_fresh   the small one

Nothing here knows any app.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import apsw

MAX_FRESH: Final = 16_384
"""Rows of a small table, 1 MB at most. With more, each transaction writes more of its pages; with fewer, the
large one is swept more often. At a million entries a sweep takes some 0.1 s."""

KEPT: Final = "_kept"
FRESH: Final = "_fresh"


class Gathered(NamedTuple):
    """A table whose rows are gathered. All are SQL, never anybody's input."""

    name: str
    columns: tuple[str, ...]
    """With their types; the first `key_columns` are the primary key."""
    key_columns: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of its columns."""
        return tuple(column.split()[0] for column in self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """Of the columns of its primary key."""
        return self.names[: self.key_columns]

    @property
    def statements(self) -> tuple[str, ...]:
        """What makes it."""
        names, shape = ", ".join(self.names), ", ".join(self.columns)
        parts = self.name + KEPT, self.name + FRESH
        tables = [
            f"CREATE TABLE {part} ({shape}, PRIMARY KEY ({', '.join(self.key)})) WITHOUT ROWID"
            for part in parts
        ]
        both = " UNION ALL ".join(f"SELECT {names} FROM {part}" for part in parts)
        same = " AND ".join(f"{name} = OLD.{name}" for name in self.key)
        new = ", ".join(f"NEW.{name}" for name in self.names)
        values = ", ".join(f"{name} = NEW.{name}" for name in self.names)
        deletions = " ".join(f"DELETE FROM {part} WHERE {same};" for part in parts)
        changes = " ".join(f"UPDATE {part} SET {values} WHERE {same};" for part in parts)
        head, each = f"CREATE TRIGGER {self.name}", f"ON {self.name} BEGIN"
        return (
            *tables,
            f"CREATE VIEW {self.name} AS {both}",
            f"{head}_delete INSTEAD OF DELETE {each} {deletions} END",
            f"{head}_update INSTEAD OF UPDATE {each} {changes} END",
            f"{head}_insert INSTEAD OF INSERT {each} INSERT INTO {parts[1]} VALUES ({new}); END",
        )


def whole(names: Sequence[str]) -> list[str]:
    """Of names of tables and views those that an app knows, in order: the parts of gathered ones are not."""
    return sorted(name for name in names if not _is_part(name, names))


def settle(connection: apsw.Connection, table: str) -> None:
    """Move the fresh rows of a table to those that are kept."""
    fresh, kept = table + FRESH, table + KEPT
    rows: Any = connection.execute(f"SELECT name FROM pragma_table_info('{fresh}') WHERE pk ORDER BY pk")
    key = ", ".join([name for (name,) in rows])
    connection.execute(f"INSERT OR IGNORE INTO {kept} SELECT * FROM {fresh} ORDER BY {key}").fetchall()
    connection.execute(f"DELETE FROM {fresh}").fetchall()


def settle_all(connection: apsw.Connection) -> None:
    """Move the fresh rows of all tables."""
    rows: Any = connection.execute("SELECT tables FROM app_schemas").fetchall()
    for (made,) in rows:
        names = made.split()
        for name in names:
            if name + FRESH in names:
                settle(connection, name)


def settle_full(
    connection: apsw.Connection, known: Mapping[str, int], came: Mapping[str, int]
) -> dict[str, int]:
    """Settle those tables that have become full; how many fresh rows each has then, at most.

    `known`: rows before, of tables that were asked about before; `came`: rows that came since.
    """
    counts = dict(known)
    for table, rows in came.items():
        if table in counts:
            counts[table] += rows
        else:
            found: Any = connection.execute(f"SELECT count(*) FROM {table}{FRESH}").fetchone()
            counts[table] = found[0]
        if counts[table] >= MAX_FRESH:
            settle(connection, table)
            counts[table] = 0
    return counts


def _is_part(name: str, names: Sequence[str]) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in names for end in (KEPT, FRESH))
