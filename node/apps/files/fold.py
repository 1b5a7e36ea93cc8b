"""The view of files: everything that is shared, by time, by blob and by tag, and what replaces what.

    files_shared    one row an entry, with what a list shows of it but the description, which may be long
    files_tags      (tag, at, k)   every tag of every entry
    files_replaced  (id, k)        entry k says that it replaces the entry with that id

Files by blob are found through `node.apps.blob_references`, and by id through the entries: an index in the
order of chance would cost more than all of this. Whose word counts about a replacement, is asked when it is
shown. `at` is the claimed time: what replaces an entry stands in its place and not behind it.
"""

import json
from collections.abc import Sequence
from typing import Final

from node.apps.files.bodies import parse, searched
from node.apps.kit import Reach
from store.ids import EntryId
from store.interface import KeyedRun
from store.sqlite.views import Schema, Views

SCHEMA: Final = Schema(
    "files",
    3,
    (
        """CREATE TABLE files_shared (
            k INTEGER PRIMARY KEY,
            id BLOB NOT NULL,
            at INT NOT NULL,
            author BLOB NOT NULL,
            name TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INT NOT NULL,
            blob BLOB NOT NULL,
            folder INT NOT NULL,
            language TEXT NOT NULL,
            tags TEXT NOT NULL,
            public INT NOT NULL,
            files INT,
            bytes INT
        )""",
        "CREATE INDEX files_by_time ON files_shared (at, id)",
        "CREATE TABLE files_tags (tag TEXT, at INT, k INT, PRIMARY KEY (tag, at, k)) WITHOUT ROWID",
        "CREATE TABLE files_replaced (id BLOB, k INT, PRIMARY KEY (id, k)) WITHOUT ROWID",
    ),
)

COLUMNS: Final = (
    "k",
    "id",
    "at",
    "author",
    "name",
    "media_type",
    "size",
    "blob",
    "folder",
    "language",
    "tags",
    "public",
    "files",
    "bytes",
)


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take files into the view. An entry without a body, or that shares no file, is left out."""
    rows, tags, replaced = [], [], []
    texts: dict[EntryId, str] = {}
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            shared = None if entry.body is None else parse(entry.body)
            if shared is None:
                continue
            at = entry.time_ms
            kept_tags = json.dumps(shared.tags, ensure_ascii=False)
            counts = shared.contents or (None, None)
            rows.append(
                (
                    *(key, entry.id, at, entry.author, *shared[:5]),
                    *(shared.language, kept_tags, shared.public, *counts),
                )
            )
            tags += [(tag, at, key) for tag in shared.tags]
            replaced += [(link, key) for link in entry.links]
            texts[entry.id] = searched(shared)
            reach.note_blobs(key, [(shared.blob, shared.size)])
    views.insert_rows("files_shared", COLUMNS, rows, "ON CONFLICT DO NOTHING")
    views.insert_rows("files_tags", ("tag", "at", "k"), tags, "ON CONFLICT DO NOTHING")
    views.insert_rows("files_replaced", ("id", "k"), replaced, "ON CONFLICT DO NOTHING")
    if texts:
        reach.texts.keep(texts)


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take files out of the view; their bodies may be gone or damaged."""
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            rows = views.execute("SELECT tags, at FROM files_shared WHERE k = ?", (key,))
            for tags, at in rows:
                for tag in json.loads(tags):
                    views.execute("DELETE FROM files_tags WHERE tag = ? AND at = ? AND k = ?", (tag, at, key))
            views.execute("DELETE FROM files_shared WHERE k = ?", (key,))
            for link in entry.links:
                views.execute("DELETE FROM files_replaced WHERE id = ? AND k = ?", (link, key))
