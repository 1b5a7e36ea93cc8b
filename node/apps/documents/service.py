"""What the documents app answers: lists, versions, and what a new version follows.

A version is hidden while its order lies in the future (`until`). Then it counts for nothing: what it
follows is current, as if it were not here.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from node.apps.documents.bodies import Version, parse
from node.errors import Ambiguous, BadData, Conflict, Missing
from node.quoting import quoted
from node.words import PROBES_AT_MOST, Words
from store.errors import NotFound
from store.ids import AuthorId, EntryId, NotAnId, prefix_range, short
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews

MAX_LISTED: Final = 1_000
"""Documents in one answer."""

_IS_HEAD: Final = (
    "(v.head OR NOT EXISTS (SELECT 1 FROM documents_links AS l JOIN documents_versions AS later"
    " ON later.k = l.k WHERE l.parent = v.id AND later.name = v.name AND later.at <= ?1))"
)
"""Is the version v one that nothing follows, nothing that is shown at least?"""

_COLUMNS: Final = f"v.name, v.id, v.k, v.at, v.author, v.time_ms, v.title, v.size, {_IS_HEAD}"
_AMONG: Final = "IN (SELECT value FROM json_each(?2))"


class Row(NamedTuple):
    """A version in the view."""

    name: str
    """Of the document."""
    id: EntryId
    key: int
    at: int
    author: AuthorId
    time_ms: int
    title: str
    size: int
    """Of the text, in bytes of UTF-8."""
    head: bool
    """No version here follows it."""


class Listed(NamedTuple):
    """A document in a list."""

    name: str
    versions: int
    heads: list[Row]
    """The current versions, newest first; more than one: concurrent."""


def versions(views: ReadViews, name: str, until: int) -> list[Row]:
    """All versions of a document up to order `until` (ms), newest first."""
    sql = (
        f"SELECT {_COLUMNS} FROM documents_versions AS v WHERE v.at <= ?1 AND v.name = ?2"
        " ORDER BY v.at DESC, v.id DESC"
    )
    return [_row(row) for row in views.execute(sql, (until, name))]


def heads(rows: Sequence[Row]) -> list[Row]:
    """The current ones among versions."""
    return [row for row in rows if row.head]


def follows(views: ReadViews, name: str) -> dict[int, list[EntryId]]:
    """By the key of each version of a document: the versions of it that it follows and that are here."""
    sql = (
        "SELECT l.k, l.parent FROM documents_versions AS v JOIN documents_links AS l ON l.k = v.k"
        " JOIN documents_versions AS earlier ON earlier.id = l.parent AND earlier.name = v.name"
        " WHERE v.name = ? ORDER BY l.k, l.parent"
    )
    found: dict[int, list[EntryId]] = {}
    for key, parent in views.execute(sql, (name,)):
        found.setdefault(key, []).append(parent)
    return found


def listed(views: ReadViews, until: int, limit: int, names: Sequence[str] | None) -> list[Listed]:
    """Documents, the one changed last first; `names`: only these."""
    only = "" if names is None else f"AND name {_AMONG}"
    sql = (
        f"SELECT name, count(*) FROM documents_versions WHERE at <= ?1 {only}"
        " GROUP BY name ORDER BY max(at) DESC, name"
    )
    params = (until,) if names is None else (until, json.dumps(names))
    counts: dict[str, int] = dict(views.execute(f"{sql} LIMIT {max(0, min(limit, MAX_LISTED))}", params))
    sql = (
        f"SELECT {_COLUMNS} FROM documents_versions AS v WHERE v.at <= ?1 AND v.name {_AMONG}"
        f" AND {_IS_HEAD} ORDER BY v.at DESC, v.id DESC"
    )
    current: dict[str, list[Row]] = {}
    for row in map(_row, views.execute(sql, (until, json.dumps(list(counts))))):
        current.setdefault(row.name, []).append(row)
    return [Listed(name, count, current[name]) for name, count in counts.items()]


def with_words(store: SqliteEntryStore, words: Words, until: int) -> list[str]:
    """Names of the documents of which a current version has these words. Raises: as `Words.hits`."""
    with store.views() as views:
        [(held,)] = views.execute("SELECT count(*) FROM documents_versions")
    sql = (
        f"SELECT DISTINCT v.name FROM documents_versions AS v WHERE v.at <= ?1 AND v.k {_AMONG}"
        f" AND {_IS_HEAD}"
    )
    names: set[str] = set()
    looked_at = 0
    for hits in words.hits(0, until):
        keys = json.dumps([hit.key for hit in hits])
        with store.views() as views:
            names.update(name for (name,) in views.execute(sql, (until, keys)))
        looked_at += len(hits)
        if looked_at > PROBES_AT_MOST * held:
            return _probed(store, words, until)
    return sorted(names)


def _probed(store: SqliteEntryStore, words: Words, until: int) -> list[str]:
    """The same, where there are few versions and many other entries with these words."""
    sql = f"SELECT v.name, v.k, v.time_ms FROM documents_versions AS v WHERE v.at <= ?1 AND {_IS_HEAD}"
    with store.views() as views:
        current = views.execute(sql, (until,))
    return sorted({name for name, key, time_ms in current if words.occur_in(key, time_ms)})


def order_of(views: ReadViews, entry_id: EntryId) -> int | None:
    """The order of a version in ms; None where the entry is none."""
    rows = views.execute("SELECT at FROM documents_versions WHERE id = ?", (entry_id,))
    return int(rows[0][0]) if rows else None


def pick(rows: Sequence[Row], text: str, name: str) -> Row:
    """The version whose id is or begins with `text`.

    Raises:
        BadData: no id. Missing: of none of the document's versions. Ambiguous: of several.
    """
    history = f"See: aster doc history {name}"
    try:
        low, high = prefix_range(text.strip())
    except NotAnId as error:
        raise BadData(f"{quoted(text)} is no version's id: {error}.", history) from error
    found = [row for row in rows if low <= row.id <= high]
    if not found:
        raise Missing(f"{quoted(name)} has no version {quoted(text)} here.", history)
    if len(found) > 1:
        listed_ids = ", ".join(short(row.id) for row in found)
        raise Ambiguous(f"Several versions begin with {quoted(text)}: {listed_ids}.", "Type more of the id.")
    return found[0]


def what_follows(rows: Sequence[Row], chosen: Sequence[str] | None, name: str) -> list[Row]:
    """The versions that a new one follows: those chosen, else the current one.

    Raises:
        Conflict: there are several current ones, and none was chosen.
        BadData, Missing, Ambiguous: a chosen one is none, or not clear.
    """
    if chosen:
        picked = [pick(rows, text, name) for text in chosen]
        return list({row.id: row for row in picked}.values())
    current = heads(rows)
    if len(current) > 1:
        ids = ", ".join(short(row.id) for row in current)
        raise Conflict(
            f"{quoted(name)} has {len(current)} current versions: {ids}.",
            "Say which one yours follows (--follows ID), or --follows-all once you have merged them.",
        )
    return current


def content_of(store: SqliteEntryStore, row: Row) -> Version:
    """The version itself. Raises: Missing: its text is not here any more."""
    try:
        body = store.entry(row.id).body
    except NotFound:
        body = None
    version = None if body is None else parse(body)
    if version is None:
        raise Missing("The text of this version is not here.", "Sync with a peer that has it: aster sync")
    return version


def _row(values: Sequence[Any]) -> Row:
    name, entry_id, key, at, author, time_ms, title, size, head = values
    return Row(name, entry_id, key, at, author, time_ms, title, size, bool(head))
