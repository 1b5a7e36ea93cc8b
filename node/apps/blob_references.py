"""Which entries name which blobs: one table for all apps, kept by `node.apps.registry`.

    blobs_referenced  (blob, k, size)  32-byte id of the blob, key of the entry, bytes as the entry says

A row stands for each entry whose body is here and was understood, and goes with it. Several entries may
name one blob, and may lie about its size.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.apps.kit import BlobReference
from store.interface import KeyedRun
from store.sqlite.views import ReadViews, Schema, Views

SCHEMA: Final = Schema(
    "blobs",
    1,
    (
        """CREATE TABLE blobs_referenced (
            blob BLOB, k INT, size INT NOT NULL, PRIMARY KEY (blob, k)
        ) WITHOUT ROWID""",
        "CREATE INDEX blobs_by_entry ON blobs_referenced (k)",
    ),
)


class Wanted(NamedTuple):
    """A blob that some entry names."""

    blob: bytes
    """32 bytes."""
    size: int
    """Bytes, the largest that an entry says."""
    last_key: int
    """Key of the entry that named it last, in the order of arrival."""


def note(views: Views, references: Sequence[BlobReference]) -> None:
    """Take references in. Those that are there already stay."""
    views.insert_rows("blobs_referenced", ("blob", "k", "size"), references, "ON CONFLICT DO NOTHING")


def forget(views: Views, runs: Iterable[KeyedRun]) -> None:
    """Take out what these entries name."""
    for first_key, entries in runs:
        last_key = first_key + len(entries) - 1
        views.execute("DELETE FROM blobs_referenced WHERE k BETWEEN ? AND ?", (first_key, last_key))


def references_to(views: ReadViews, blob: bytes, limit: int = -1) -> list[BlobReference]:
    """The entries that name a blob, in the order of arrival; at most `limit` where it is not negative."""
    sql = "SELECT blob, k, size FROM blobs_referenced WHERE blob = ? ORDER BY k LIMIT ?"
    return [BlobReference(*row) for row in views.execute(sql, (blob, limit))]


def references_between(views: ReadViews, low: bytes, high: bytes, limit: int) -> list[BlobReference]:
    """References to blobs whose ids are from `low` to `high`, in the order of the ids, then of arrival."""
    sql = "SELECT blob, k, size FROM blobs_referenced WHERE blob BETWEEN ? AND ? ORDER BY blob, k LIMIT ?"
    return [BlobReference(*row) for row in views.execute(sql, (low, high, limit))]


def is_referenced(views: ReadViews, blob: bytes) -> bool:
    """Does any entry name that blob?"""
    return bool(references_to(views, blob, 1))


def references_of(views: ReadViews, key: int) -> list[BlobReference]:
    """What one entry names, in the order of the blobs' ids."""
    sql = "SELECT blob, k, size FROM blobs_referenced WHERE k = ? ORDER BY blob"
    return [BlobReference(*row) for row in views.execute(sql, (key,))]


def references_after(views: ReadViews, key: int, limit: int) -> list[BlobReference]:
    """At most `limit` references of entries with keys above `key`, in the order of arrival, but all of the
    last entry's. For whoever follows what comes."""
    sql = "SELECT blob, k, size FROM blobs_referenced WHERE k > ? ORDER BY k LIMIT ?"
    found = [BlobReference(*row) for row in views.execute(sql, (key, limit))]
    if len(found) < limit:
        return found
    last_key = found[-1].key
    return [one for one in found if one.key != last_key] + references_of(views, last_key)


def listed(views: ReadViews, after: bytes, limit: int) -> list[Wanted]:
    """At most `limit` blobs that entries name, in the order of their ids, beyond `after` (empty: from the
    first)."""
    sql = (
        "SELECT blob, max(size), max(k) FROM blobs_referenced"
        " WHERE blob > ? GROUP BY blob ORDER BY blob LIMIT ?"
    )
    return [Wanted(*row) for row in views.execute(sql, (after, limit))]
