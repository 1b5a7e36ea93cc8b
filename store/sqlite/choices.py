"""The tables of what the owner of a home chose to see, and of what he has read. Values only; who they name
is not their matter. Nothing of it ever leaves the home.
"""

from array import array
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import apsw

from store.errors import NotFound, TooLarge
from store.sqlite.connection import Database

FOLLOW: Final = "follow"
MUTE: Final = "mute"
BLOCK: Final = "block"

WHO: Final = "who"
"""A person, by the 32 bytes that name him."""
SECTION: Final = "section"
"""A section, by its 32 bytes."""
TOPIC: Final = "topic"
"""A topic in UTF-8."""

MAX_CHOICES: Final = 10_000
"""A person makes some hundreds; all of them are read for each timeline."""

MAX_WHAT_BYTES: Final = 256
"""The longest topic has 64 characters of at most 4 bytes."""


class Choice(NamedTuple):
    """One thing that the owner chose."""

    verdict: str
    """`FOLLOW`, `MUTE` or `BLOCK`."""
    kind: str
    """`WHO`, `SECTION` or `TOPIC`."""
    what: bytes
    since_ms: int
    """Unix time."""


class ChoiceTable:
    """Choices of an open home; every change is fully synced. The schema must be up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Choice]:
        """Every choice, in a fixed order."""
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT verdict, kind, what, since_ms FROM choices ORDER BY kind, what, verdict"
            ).fetchall()
        return [Choice(*row) for row in rows]

    def put(self, choice: Choice, instead_of: Iterable[str] = ()) -> bool:
        """Make a choice in place of the verdicts `instead_of` on the same; False where it was made before.

        Raises: TooLarge: there are `MAX_CHOICES`, or what it is about is too long. StorageFull.
        """
        if not 0 < len(choice.what) <= MAX_WHAT_BYTES:
            raise TooLarge(f"what is chosen has 1 to {MAX_WHAT_BYTES} bytes")
        with self._database.write(durable=True) as connection:
            for verdict in instead_of:
                _remove(connection, verdict, choice.kind, choice.what)
            count: Any = connection.execute("SELECT count(*) FROM choices").fetchone()
            connection.execute("INSERT OR IGNORE INTO choices VALUES (?, ?, ?, ?)", choice).fetchall()
            is_new = connection.changes() > 0
            if is_new and count[0] >= MAX_CHOICES:
                raise TooLarge(f"a home has at most {MAX_CHOICES:,} choices")
        return is_new

    def remove(self, verdict: str, kind: str, what: bytes) -> None:
        """Take a choice back. Raises: NotFound: it was not made. StorageFull."""
        with self._database.write(durable=True) as connection:
            if not _remove(connection, verdict, kind, what):
                raise NotFound("no such choice")


class ReadMarks:
    """Which entries of the inbox were read, by key. Losing the last ones at a power cut harms nobody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_of(self, keys: Iterable[int]) -> set[int]:
        """Those of the keys whose entries were read."""
        asked = array("q", keys)
        if not asked:
            return set()
        with self._database.read() as connection:
            rows: Any = connection.execute(
                "SELECT k FROM inbox_read WHERE k IN (SELECT value FROM carray(?))", (apsw.carray(asked),)
            ).fetchall()
        return {key for (key,) in rows}

    def mark(self, keys: Iterable[int]) -> int:
        """Note that entries were read; how many of them were not before. Raises: StorageFull."""
        read = array("q", keys)
        if not read:
            return 0
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO inbox_read SELECT value FROM carray(?)", (apsw.carray(read),)
            ).fetchall()
            return connection.changes()


def _remove(connection: apsw.Connection, verdict: str, kind: str, what: bytes) -> bool:
    connection.execute(
        "DELETE FROM choices WHERE kind = ? AND what = ? AND verdict = ?", (kind, what, verdict)
    ).fetchall()
    return connection.changes() > 0
