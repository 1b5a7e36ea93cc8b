"""The view of documents: every version of every name, in which order, and which of them are current.

A version follows the versions of the same name that it links to. It is a head where no version of its
name in the view follows it. Its order is max(claimed time, 1 + the largest order among those it follows);
versions of one order stand by id. Translations into a language stand beside the versions in the same way:
they have an order after what they link to, and are current where no translation into that language follows.

    documents_versions  one row a version or translation, with what a list shows of it
    documents_links     (k, parent)  every link: key of the entry, id linked to

Versions are few beside posts and much larger, so plain tables and a statement a version are enough.
"""

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any, Final, NamedTuple

from node.apps.documents.bodies import LongText, Translation, Version, parse, searched
from node.apps.kit import Reach
from store.entry import Entry
from store.ids import EntryId
from store.interface import KeyedRun
from store.sqlite.views import ReadViews, Schema, Views

SCHEMA: Final = Schema(
    "documents",
    2,
    (
        """CREATE TABLE documents_versions (
            k INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            name TEXT NOT NULL,
            turned TEXT NOT NULL,
            at INT NOT NULL,
            author BLOB NOT NULL,
            time_ms INT NOT NULL,
            title TEXT NOT NULL,
            media_type TEXT NOT NULL,
            language TEXT NOT NULL,
            tags TEXT NOT NULL,
            public INT NOT NULL,
            size INT NOT NULL,
            blob BLOB,
            source BLOB,
            head INT NOT NULL
        )""",
        "CREATE INDEX documents_by_name ON documents_versions (name, turned, at, id)",
        "CREATE TABLE documents_links (k INT, parent BLOB, PRIMARY KEY (k, parent)) WITHOUT ROWID",
        "CREATE INDEX documents_by_parent ON documents_links (parent, k)",
    ),
)
"""`turned`: of a translation the language into which, else empty. `language`: of the text. `source`: of a
translation the version that it is of. `blob`: where the text is, if it is a long one."""

COLUMNS: Final = (
    "k",
    "id",
    "name",
    "turned",
    "at",
    "author",
    "time_ms",
    "title",
    "media_type",
    "language",
    "tags",
    "public",
    "size",
    "blob",
    "source",
    "head",
)

_REFRESH_HEADS: Final = (
    "UPDATE documents_versions SET head = NOT EXISTS (SELECT 1 FROM documents_links JOIN documents_versions"
    " AS later ON later.k = documents_links.k WHERE documents_links.parent = documents_versions.id"
    " AND later.name = documents_versions.name AND later.turned = documents_versions.turned)"
    " WHERE id IN (SELECT value FROM carray(?))"
)
_ORDERS: Final = (
    "SELECT own.at, max(own.time_ms, coalesce(max(before.at) + 1, own.time_ms))"
    " FROM documents_versions AS own LEFT JOIN documents_links ON documents_links.k = own.k"
    " LEFT JOIN documents_versions AS before ON before.id = documents_links.parent AND before.name = own.name"
    " WHERE own.k = ? GROUP BY own.k"
)
"""The order of a version and the one that it has to have."""

_FOLLOWERS: Final = (
    "SELECT later.k, later.at FROM documents_versions AS own"
    " JOIN documents_links ON documents_links.parent = own.id"
    " JOIN documents_versions AS later ON later.k = documents_links.k AND later.name = own.name"
    " WHERE own.k = ?"
)


def fold(views: Views, runs: Sequence[KeyedRun], reach: Reach) -> None:
    """Take versions into the view. An entry without a body, or that is no version, is left out."""
    fresh: dict[EntryId, _Fresh] = {}
    texts: dict[EntryId, str] = {}
    for first_key, entries in runs:
        for key, entry in enumerate(entries, first_key):
            text = None if entry.body is None else parse(entry.body)
            if text is None:
                continue
            fresh[entry.id] = _Fresh(key, entry, text)
            texts[entry.id] = searched(text)
            if isinstance(text.held, LongText):
                reach.note_blobs(key, [(text.held.blob, text.held.size)])
    if not fresh:
        return
    reach.texts.keep(texts)
    followed = {
        link
        for each in fresh.values()
        for link in each.entry.links
        if link in fresh and fresh[link].line == each.line
    }
    links = [(each.key, link) for each in fresh.values() for link in each.entry.links]
    rows = [_row(each, is_head=each.entry.id not in followed) for each in fresh.values()]
    views.insert_rows("documents_versions", COLUMNS, rows, "ON CONFLICT DO NOTHING")
    views.insert_rows("documents_links", ("k", "parent"), links, "ON CONFLICT DO NOTHING")
    _join(views, fresh)


class _Fresh(NamedTuple):
    """An entry that comes into the view."""

    key: int
    entry: Entry
    text: Version | Translation

    @property
    def line(self) -> tuple[str, str]:
        """Versions of one document, or its translations into one language, have the same."""
        return self.text.name, self.text.language if isinstance(self.text, Translation) else ""


def _join(views: Views, fresh: Mapping[EntryId, _Fresh]) -> None:
    """Put what came new in its place among what was there: only where something can move.

    A version moves where it links to one of its name that does not stand before its own time, and what came
    before the version that it follows moves with that.
    """
    own_keys = {each.key for each in fresh.values()}
    late = [(key, parent) for key, parent in _followers(views, fresh) if key not in own_keys]
    linked = {link for each in fresh.values() for link in each.entry.links}
    orders = _orders(views, [link for link in linked if link not in fresh])
    _refresh_heads(views, {*orders, *(parent for _, parent in late)})
    orders.update({each.entry.id: (each.text.name, each.entry.time_ms) for each in fresh.values()})
    moved = {key for key, _ in late}
    for each in fresh.values():
        before = [orders[link] for link in each.entry.links if link in orders]
        if any(name == each.text.name and at >= each.entry.time_ms for name, at in before):
            moved.add(each.key)
    _settle(views, moved)


def _followers(views: ReadViews, ids: Iterable[EntryId]) -> list[tuple[int, EntryId]]:
    """Keys of what links to these ids, each with the id."""
    sql = "SELECT k, parent FROM documents_links WHERE parent IN (SELECT value FROM carray(?))"
    return [(key, EntryId(parent)) for key, parent in views.execute_for_ids(sql, ids)]


def _orders(views: ReadViews, ids: Iterable[EntryId]) -> dict[EntryId, tuple[str, int]]:
    """Name and order of those of these that are in the view."""
    sql = "SELECT id, name, at FROM documents_versions WHERE id IN (SELECT value FROM carray(?))"
    return {EntryId(found): (name, at) for found, name, at in views.execute_for_ids(sql, ids)}


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


def _row(fresh: _Fresh, is_head: bool) -> tuple[Any, ...]:
    key, entry, text = fresh
    source, media_type, tags = None, "", "[]"
    if isinstance(text, Translation):
        source = next(iter(entry.links), None)
    else:
        media_type = text.media_type
        tags = json.dumps(text.tags, ensure_ascii=False) if text.tags else tags
    return (
        key,
        entry.id,
        text.name,
        fresh.line[1],
        entry.time_ms,
        entry.author,
        entry.time_ms,
        text.title,
        media_type,
        text.language,
        tags,
        text.public,
        text.size,
        text.held.blob if isinstance(text.held, LongText) else None,
        source,
        is_head,
    )


def _refresh_heads(views: Views, ids: Iterable[EntryId]) -> None:
    views.execute_for_ids(_REFRESH_HEADS, ids)


def _settle(views: Views, keys: Iterable[int]) -> None:
    """Put these, and those after them that this affects, in their right order.

    Each is moved once, after what it follows, whatever clocks say: a chain that is put right from its newer
    end would be moved as often as it is long.
    """
    for key in TopologicalSorter(_affected(views, keys)).static_order():
        [(at, right)] = views.execute(_ORDERS, (key,))
        if right != at:
            views.execute("UPDATE documents_versions SET at = ? WHERE k = ?", (right, key))


def _affected(views: Views, keys: Iterable[int]) -> dict[int, set[int]]:
    """Versions that may move when these do, by key; each with those of them that it follows.

    No new order is larger than the largest that one of them has or should have now, and one more for each of
    them: a follower that stands above that keeps its place, and so do those after it.
    """
    found: dict[int, set[int]] = {}
    queue = [(-1, key, key) for key in sorted(keys)]
    highest = 0
    while queue and queue[0][0] <= highest + len(found):
        _, key, before = heapq.heappop(queue)
        if key not in found:
            rows = views.execute(_ORDERS, (key,))
            if not rows:
                continue
            highest = max(highest, *rows[0])
            found[key] = set()
            for later, at in views.execute(_FOLLOWERS, (key,)):
                heapq.heappush(queue, (at, later, key))
        if before != key:
            found[key].add(before)
    while queue:
        _, key, before = queue.pop()
        if key in found and before != key:
            found[key].add(before)
    return found
