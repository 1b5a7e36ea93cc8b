"""The view of documents: every version of every name, in which order, and which of them are current.

A version follows the versions of the same name that it links to. It is a head where no version of its
name in the view follows it. Its order is lifted by what it follows and by `MAX_LIFT` steps of first links
above, see docs/protocol/documents.md; versions of one order stand by id. Translations into a language stand
beside the versions in the same way, and are current where no translation into that language follows.

    documents_versions  one row a version or translation, with what a list shows of it
    documents_links     (k, parent, place)  every link: key of the entry, id linked to, place among its links

Versions are few beside posts and much larger, so plain tables and a statement a version are enough.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from node.apps.documents.bodies import LongText, Translation, Version, parse, searched
from node.apps.kit import Reach
from store.entry import Entry
from store.ids import EntryId
from store.interface import KeyedRun
from store.sqlite.views import ReadViews, Schema, Views

SCHEMA: Final = Schema(
    "documents",
    3,
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
        "CREATE TABLE documents_links (k INT, parent BLOB, place INT, PRIMARY KEY (k, parent)) WITHOUT ROWID",
        "CREATE INDEX documents_by_parent ON documents_links (parent, place, k)",
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
MAX_LIFT: Final = 16
"""Steps above a version that lift it. Part of the protocol. The first step goes to whatever it follows, the
others along first links, so that at most 1 + 16 * 16 versions lift one. Without a bound an author of a long
chain, whose versions come from its newer end, makes every node move the chain as often as it is long."""

_RIGHT: Final = (
    "WITH RECURSIVE above(k, name, time_ms, n) AS ("
    "SELECT k, name, time_ms, 0 FROM documents_versions WHERE k = ?1"
    " UNION ALL SELECT before.k, before.name, before.time_ms, n + 1 FROM above"
    " CROSS JOIN documents_links AS l ON l.k = above.k AND (n = 0 OR l.place = 0)"
    " CROSS JOIN documents_versions AS before ON before.id = l.parent AND +before.name = above.name"
    f" WHERE n < {MAX_LIFT})"
    " SELECT max(time_ms + n) FROM above"
)
"""The order that a version has to have; NULL where it is not in the view."""

_LIFTED: Final = (
    "WITH RECURSIVE below(id, name, n) AS ("
    "SELECT id, name, 0 FROM documents_versions WHERE k = ?1"
    " UNION ALL SELECT later.id, below.name, n + 1 FROM below"
    " CROSS JOIN documents_links AS l ON l.parent = below.id AND l.place = 0"
    " CROSS JOIN documents_versions AS later ON later.k = l.k AND +later.name = below.name"
    f" WHERE n < {MAX_LIFT - 1})"
    " SELECT DISTINCT later.k FROM below"
    " CROSS JOIN documents_links AS l ON l.parent = below.id"
    " CROSS JOIN documents_versions AS later ON later.k = l.k AND +later.name = below.name"
)
"""Keys of the versions that one may lift."""


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
    links = [(each.key, *link) for each in fresh.values() for link in _placed(each.entry.links)]
    rows = [_row(each, is_head=each.entry.id not in followed) for each in fresh.values()]
    views.insert_rows("documents_versions", COLUMNS, rows, "ON CONFLICT DO NOTHING")
    views.insert_rows("documents_links", ("k", "parent", "place"), links, "ON CONFLICT DO NOTHING")
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


def _placed(links: Sequence[EntryId]) -> list[tuple[EntryId, int]]:
    """Each link with its place; of one that stands there twice the first counts."""
    return [(link, links.index(link)) for link in dict.fromkeys(links)]


def _join(views: Views, fresh: Mapping[EntryId, _Fresh]) -> None:
    """Put what came new in its place among what was there: only where something can move.

    A version is lifted where it links to one of its name that does not stand before its own time, or that is
    lifted itself. Where something came before what follows it, all that is new lifts what was there.
    """
    own_keys = {each.key for each in fresh.values()}
    late = [(key, parent) for key, parent in _followers(views, fresh) if key not in own_keys]
    linked = {link for each in fresh.values() for link in each.entry.links}
    orders = _orders(views, [link for link in linked if link not in fresh])
    _refresh_heads(views, {*orders, *(parent for _, parent in late)})
    orders.update({each.entry.id: (each.text.name, each.entry.time_ms) for each in fresh.values()})
    followers: dict[EntryId, list[_Fresh]] = {}
    waiting: list[_Fresh] = []
    for each in fresh.values():
        before = [orders[link] for link in each.entry.links if link in orders]
        if any(name == each.text.name and at >= each.entry.time_ms for name, at in before):
            waiting.append(each)
        for link in each.entry.links:
            followers.setdefault(link, []).append(each)
    moved: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each.key not in moved:
            moved.add(each.key)
            waiting += followers.get(each.entry.id, ())
    if late:  # it brings what stands above it, too
        moved.update(k for key in own_keys for (k,) in views.execute(_LIFTED, (key,)))
    _put_right(views, moved)


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
            later.update(k for (k,) in views.execute(_LIFTED, (key,)))
            touched.update(entry.links)
    for first_key, entries in runs:
        for key in range(first_key, first_key + len(entries)):
            views.execute("DELETE FROM documents_versions WHERE k = ?", (key,))
            views.execute("DELETE FROM documents_links WHERE k = ?", (key,))
    _refresh_heads(views, touched)
    _put_right(views, later)


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


def _put_right(views: Views, keys: Iterable[int]) -> None:
    """Give these versions their right orders: each follows from claimed times alone, so in any order."""
    for key in keys:
        [(right,)] = views.execute(_RIGHT, (key,))
        if right is not None:
            views.execute("UPDATE documents_versions SET at = ?1 WHERE k = ?2 AND at <> ?1", (right, key))
