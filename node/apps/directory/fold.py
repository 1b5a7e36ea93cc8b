"""The view of the directory: the names that devices gave themselves.

    directory_names  (author, seq, time_ms, name)   every profile, with the time that it claims

Of a device the one of the highest seq counts. All of them are kept, so that the one before counts again when
the last one goes, and so that a federation can choose among those of a member's devices.
"""

from collections.abc import Sequence
from typing import Final

from node.apps.directory.bodies import parse
from node.apps.kit import Reach
from store.interface import KeyedRun
from store.sqlite.views import Schema, Views

SCHEMA: Final = Schema(
    "directory",
    2,
    (
        """CREATE TABLE directory_names (
            author BLOB,
            seq INT,
            time_ms INT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (author, seq)
        ) WITHOUT ROWID""",
    ),
)


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take profiles into the view. An entry without a body, or that is no profile, is left out."""
    rows = []
    for _, entries in runs:
        for entry in entries:
            profile = None if entry.body is None else parse(entry.body)
            if profile is not None:
                rows.append((entry.author, entry.seq, entry.time_ms, profile.name))
    columns = ("author", "seq", "time_ms", "name")
    views.insert_rows("directory_names", columns, rows, "ON CONFLICT DO NOTHING")


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take profiles out of the view."""
    for _, entries in runs:
        for entry in entries:
            views.execute(
                "DELETE FROM directory_names WHERE author = ? AND seq = ?", (entry.author, entry.seq)
            )
