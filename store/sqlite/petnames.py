"""The table of petnames: what this home calls members. Values only; who is a member is not its matter."""

from typing import Any, Final

from store.errors import NotFound, TooLarge
from store.sqlite.connection import Database

MAX_PETNAMES: Final = 10_000
"""A person gives some dozens; all of them are read for each list of names."""

MAX_PETNAME_CHARS: Final = 64
"""Fits a line of a terminal."""


class PetnameTable:
    """Petnames of an open home; every change is fully synced. The schema must be up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[bytes, str]:
        """The petname of each member (32 bytes) that has one."""
        with self._database.read() as connection:
            rows: Any = connection.execute("SELECT member, name FROM petnames ORDER BY member").fetchall()
        return dict(rows)

    def put(self, member: bytes, name: str) -> None:
        """Give a member a petname, or another one. Raises: TooLarge, StorageFull."""
        if not 1 <= len(name) <= MAX_PETNAME_CHARS:
            raise TooLarge(f"a petname has 1 to {MAX_PETNAME_CHARS} characters")
        with self._database.write(durable=True) as connection:
            others: Any = connection.execute(
                "SELECT count(*) FROM petnames WHERE member <> ?", (member,)
            ).fetchone()
            if others[0] >= MAX_PETNAMES:
                raise TooLarge(f"a home has at most {MAX_PETNAMES:,} petnames")
            connection.execute("INSERT OR REPLACE INTO petnames VALUES (?, ?)", (member, name)).fetchall()

    def remove(self, member: bytes) -> None:
        """Take a member's petname away. Raises: NotFound: he has none."""
        with self._database.write(durable=True) as connection:
            connection.execute("DELETE FROM petnames WHERE member = ?", (member,)).fetchall()
            if connection.changes() == 0:
                raise NotFound("no such petname")
