"""The schema of a home and its history: numbered files ``NNNN_name.sql``, applied in order.

The number of the last one applied is the file's ``user_version``. Each is one transaction, so a crash
leaves a whole version. A migration that was released is never edited; the next one corrects it.
"""

from importlib import resources
from typing import Any, Final

from store.errors import StoreError, WrongKey
from store.sqlite.connection import APPLICATION_ID, Database

_SUFFIX: Final = ".sql"


class TooNew(StoreError):
    """A newer version of the program has written this store; this one cannot read it."""


def migrations() -> tuple[str, ...]:
    """The SQL of every migration; the first leads from version 0 to version 1."""
    files = sorted(
        (file for file in resources.files(__name__).iterdir() if file.name.endswith(_SUFFIX)),
        key=lambda file: file.name,
    )
    return tuple(file.read_text(encoding="utf-8") for file in files)


def migrate(database: Database) -> int:
    """Bring a home up to the newest version and return it; one opened for reading is only checked.

    Raises:
        TooNew: a newer program has written it.
        WrongKey: it is a database of something else.
        StoreError: it is opened for reading only and older than this program.
    """
    steps = migrations()
    version = _version(database)
    if version > len(steps):
        raise TooNew(f"this store has version {version}, this program knows up to {len(steps)}: update it")
    if version < len(steps) and database.read_only:
        raise StoreError("this store is of an older version: start the daemon once to bring it up to date")
    for number in range(version + 1, len(steps) + 1):
        with database.write(durable=True) as connection:
            connection.execute(steps[number - 1]).fetchall()
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
            connection.execute(f"PRAGMA user_version = {number}").fetchall()
    return len(steps)


def _version(database: Database) -> int:
    with database.read() as connection:
        row: Any = connection.execute(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
            " FROM pragma_application_id, pragma_user_version"
        ).fetchone()
    application, version, tables = row
    if application != APPLICATION_ID and (tables or version):
        raise WrongKey(f"{database.path.name} is a database of something else")
    return int(version)
