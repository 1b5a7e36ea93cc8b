"""The view of documents: every version of every name, in which order, and which of them are current.

A version follows the versions of the same name that it links to. It is a head where no version of its
name in the view follows it. Its order is max(claimed time, 1 + the largest order among those it follows);
versions of one order stand by id.

    documents_versions  one row a version, with what a list shows of it
    documents_links     (k, parent)  every link: key of the version, id linked to

Versions are few beside posts and much larger, so plain tables and a statement a version are enough.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Final

from node.apps.documents.bodies import parse
from node.apps.kit import Reach
from store.ids import EntryId
from store.interface import KeyedRun
from store.sqlite.views import Schema, Views

SCHEMA: Final = Schema(
    "documents",
    1,
    (
        """CREATE TABLE documents_versions (
            k INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            name TEXT NOT NULL,
            at INT NOT NULL,
            author BLOB NOT NULL,
            time_ms INT NOT NULL,
            title TEXT NOT NULL,
            size INT NOT NULL,
            head INT NOT NULL
        )""",
        "CREATE INDEX documents_by_name ON documents_versions (name, at, id)",
        "CREATE TABLE documents_links (k INT, parent BLOB, PRIMARY KEY (k, parent)) WITHOUT ROWID",
        "CREATE INDEX documents_by_parent ON documents_links (parent, k)",
    ),
)

_COLUMNS: Final = ("k", "id", "name", "at", "author", "time_ms", "title", "size", "head")

_REFRESH_HEAD: Final = (
    "UPDATE documents_versions SET head = NOT EXISTS (SELECT 1 FROM documents_links JOIN documents_versions"
    " AS later ON later.k = documents_links.k WHERE documents_links.parent = documents_versions.id"
    " AND later.name = documents_versions.name) WHERE id = ?"
)
_RIGHT_ORDER: Final = (
    "SELECT max(own.time_ms, coalesce(max(before.at) + 1, own.time_ms)) FROM documents_versions AS own"
    " LEFT JOIN documents_links ON documents_links.k = own.k"
    " LEFT JOIN documents_versions AS before ON before.id = documents_links.parent AND before.name = own.name"
    " WHERE own.k = ?"
)
_FOLLOWERS: Final = (
    "SELECT later.k, later.at FROM documents_versions AS own"
    " JOIN documents_links ON documents_links.parent = own.id"
    " JOIN documents_versions AS later ON later.k = documents_links.k AND later.name = own.name"
    " WHERE own.k = ?"
)


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take versions into the view. An entry without a body, or that is no version, is left out."""
    rows, links, touched = [], [], set[EntryId]()
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            version = None if entry.body is None else parse(entry.body)
            if version is not None:
                size = len(version.text.encode())
                at = when = entry.time_ms
                rows.append((key, entry.id, version.name, at, entry.author, when, version.title, size, 1))
                links += [(key, link) for link in entry.links]
                touched.update((entry.id, *entry.links))
    views.insert_rows("documents_versions", _COLUMNS, rows, "ON CONFLICT DO NOTHING")
    views.insert_rows("documents_links", ("k", "parent"), links, "ON CONFLICT DO NOTHING")
    _refresh_heads(views, touched)
    _settle(views, [row[0] for row in rows])


def unfold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take versions out of the view."""
    touched, later = set[EntryId](), set[int]()
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            later.update(k for k, _ in views.execute(_FOLLOWERS, (key,)))
            views.execute("DELETE FROM documents_versions WHERE k = ?", (key,))
            views.execute("DELETE FROM documents_links WHERE k = ?", (key,))
            touched.update(entry.links)
    _refresh_heads(views, touched)
    _settle(views, later)


def _refresh_heads(views: Views, ids: Iterable[EntryId]) -> None:
    for entry_id in ids:
        views.execute(_REFRESH_HEAD, (entry_id,))


def _settle(views: Views, keys: Iterable[int]) -> None:
    """Put versions, and those after them that this affects, in their right order.

    New ones come first, in the order of arrival, then others in their old order.
    """
    queue = [(-1, key) for key in sorted(keys)]
    queued = {key for _, key in queue}
    while queue:
        rank, key = heapq.heappop(queue)
        queued.discard(key)
        rows = views.execute("SELECT at FROM documents_versions WHERE k = ?", (key,))
        if not rows:
            continue
        [(right,)] = views.execute(_RIGHT_ORDER, (key,))
        if right != rows[0][0]:
            views.execute("UPDATE documents_versions SET at = ? WHERE k = ?", (right, key))
        if right != rows[0][0] or rank < 0:
            for later, at in views.execute(_FOLLOWERS, (key,)):
                if later not in queued:
                    queued.add(later)
                    heapq.heappush(queue, (at, later))
