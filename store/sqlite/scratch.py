"""The tables of a home in memory, for whoever tries what runs over them without a file and without keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import apsw

from store.sqlite.migrations import migrations
from store.sqlite.views import Row, Views


@cache
def _empty() -> bytes:
    connection = apsw.Connection(":memory:")
    for statements in migrations():
        connection.execute(statements).fetchall()
    return connection.serialize("main")


class ScratchTables:
    """All tables of a home, in memory."""

    def __init__(self) -> None:
        self._connection = apsw.Connection(":memory:")
        self.load(_empty())

    @contextmanager
    def write(self) -> Iterator[Views]:
        """One transaction: all that is written in it counts, or nothing where an exception leaves it."""
        with self._connection:
            yield Views(self._connection)

    def rows(self, sql: str, *params: Any) -> list[Row]:  # noqa: ANN401 (what SQLite takes)
        """All rows of one statement."""
        return self._connection.execute(sql, params).fetchall()

    def dump(self) -> bytes:
        """Everything that was committed."""
        return self._connection.serialize("main")

    def load(self, tables: bytes) -> None:
        """Hold what `dump` gave, and nothing else."""
        self._connection.deserialize("main", tables)
