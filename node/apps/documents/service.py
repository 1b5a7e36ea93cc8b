"""What the documents app answers: lists, versions, and what a new version follows.

A version is hidden while its order lies in the future (`until`). Then it counts for nothing: what it
follows is current, as if it were not here.
"""

import json
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from node.apps.documents.bodies import Translation, Version, beginning, parse
from node.apps.found import Found
from node.errors import Ambiguous, BadData, Conflict, Missing
from node.quoting import quoted
from node.words import PROBES_AT_MOST, Words
from store.ids import AuthorId, EntryId, NotAnId, prefix_range, short
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews

MAX_LISTED: Final = 1_000
"""Documents in one answer."""

_IS_HEAD: Final = (
    "(v.head OR NOT EXISTS (SELECT 1 FROM documents_links AS l JOIN documents_versions AS later"
    " ON later.k = l.k WHERE l.parent = v.id AND later.name = v.name AND later.turned = v.turned"
    " AND later.at <= ?1))"
)
"""Is the version v one that nothing follows, nothing that is shown at least?"""

_COLUMNS: Final = (
    f"v.name, v.id, v.k, v.at, v.author, v.time_ms, v.title, v.size, {_IS_HEAD},"
    " v.media_type, v.language, v.tags, v.public, v.blob, v.turned, v.source"
)
_AMONG: Final = "IN (SELECT value FROM json_each(?2))"


class Row(NamedTuple):
    """A version in the view, or a translation."""

    name: str
    """Of the document."""
    id: EntryId
    key: int
    at: int
    author: AuthorId
    time_ms: int
    title: str
    size: int
    """Of the text in bytes of UTF-8; of a long one, of its blob."""
    head: bool
    """No version here follows it; of a translation: no translation into that language."""
    media_type: str
    """Of a translation empty."""
    language: str
    tags: tuple[str, ...]
    public: bool
    blob: bytes | None
    """Where the text is, if it is a long one; 32 bytes."""
    turned: str
    """Of a translation, into which language; else empty."""
    source: EntryId | None
    """Of a translation: which version it says that it is of."""


class Listed(NamedTuple):
    """A document in a list."""

    name: str
    versions: int
    heads: list[Row]
    """The current versions, newest first; more than one: concurrent."""
    languages: list[str]
    """Into which there are translations, in order."""


Filter = Callable[[Listed], bool]
"""Is a document wanted in a list?"""


def versions(views: ReadViews, name: str, until: int) -> list[Row]:
    """All versions of a document up to order `until` (ms), newest first."""
    sql = (
        f"SELECT {_COLUMNS} FROM documents_versions AS v WHERE v.at <= ?1 AND v.name = ?2 AND v.turned = ''"
        " ORDER BY v.at DESC, v.id DESC"
    )
    return [_row(row) for row in views.execute(sql, (until, name))]


def translations(views: ReadViews, name: str, until: int, current: bool = True) -> list[Row]:
    """The current translations of a document into all languages, or all of them; newest first."""
    only = f" AND {_IS_HEAD}" if current else ""
    sql = (
        f"SELECT {_COLUMNS} FROM documents_versions AS v WHERE v.at <= ?1 AND v.name = ?2"
        f" AND v.turned <> ''{only} ORDER BY v.at DESC, v.id DESC"
    )
    return [_row(row) for row in views.execute(sql, (until, name))]


def heads(rows: Sequence[Row]) -> list[Row]:
    """The current ones among versions."""
    return [row for row in rows if row.head]


def follows(views: ReadViews, name: str) -> dict[int, list[EntryId]]:
    """By the key of each version of a document: the versions of it that it follows and that are here."""
    sql = (
        "SELECT l.k, l.parent FROM documents_versions AS v CROSS JOIN documents_links AS l ON l.k = v.k"
        " CROSS JOIN documents_versions AS earlier ON earlier.id = l.parent AND +earlier.name = v.name"
        " AND +earlier.turned = v.turned WHERE v.name = ? AND v.turned = '' ORDER BY l.k, l.parent"
    )
    found: dict[int, list[EntryId]] = {}
    for key, parent in views.execute(sql, (name,)):
        found.setdefault(key, []).append(parent)
    return found


def listed(
    views: ReadViews,
    until: int,
    limit: int,
    names: Sequence[str] | None,
    is_wanted: Filter | None = None,
    before: str | None = None,
) -> list[Listed]:
    """Documents, the one changed last first.

    `names`: only these. `before`: only what stands after this document in the list.
    """
    only = "" if names is None else f"AND name {_AMONG}"
    sql = (
        "SELECT name, sum(turned = '') AS versions FROM documents_versions"
        f" WHERE at <= ?1 {only} GROUP BY name HAVING versions"
        " ORDER BY max(at) FILTER (WHERE turned = '') DESC, name"
    )
    params = (until,) if names is None else (until, json.dumps(names))
    counts = views.execute(sql, params)
    if before is not None:
        places = (at for at, (name, _) in enumerate(counts, 1) if name == before)
        counts = counts[next(places, 0) :]
    limit = max(0, min(limit, MAX_LISTED))
    step = limit if is_wanted is None else MAX_LISTED
    found: list[Listed] = []
    for start in range(0, len(counts), max(1, step)):
        if len(found) >= limit:
            break
        every = _with_heads(views, until, dict(counts[start : start + step]))
        found += islice(filter(is_wanted, every), limit - len(found))
    return found


def _with_heads(views: ReadViews, until: int, counts: dict[str, int]) -> list[Listed]:
    sql = (
        f"SELECT {_COLUMNS} FROM documents_versions AS v WHERE v.at <= ?1 AND v.name {_AMONG}"
        f" AND {_IS_HEAD} ORDER BY v.at DESC, v.id DESC"
    )
    current: dict[str, list[Row]] = {}
    languages: dict[str, set[str]] = {}
    for row in map(_row, views.execute(sql, (until, json.dumps(list(counts))))):
        if row.turned:
            languages.setdefault(row.name, set()).add(row.turned)
        else:
            current.setdefault(row.name, []).append(row)
    return [
        Listed(name, count, current[name], sorted(languages.get(name, ()))) for name, count in counts.items()
    ]


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
            f"Merge them: aster doc merge {name}. Or say which one yours follows: --follows ID.",
        )
    return current


def hits(store: SqliteEntryStore, keys: Sequence[int], until: int) -> list[Found | None]:
    """What a search shows of entries, in the order of `keys`; None for what is not current any more."""
    sql = f"SELECT {_COLUMNS} FROM documents_versions AS v WHERE v.at <= ?1 AND v.k {_AMONG} AND {_IS_HEAD}"
    with store.views() as views:
        rows = {row.key: row for row in map(_row, views.execute(sql, (until, json.dumps(list(keys)))))}
    entries = store.at_keys(list(rows))
    found = {}
    for row, entry in zip(rows.values(), entries, strict=True):
        text = None if entry is None or entry.body is None else parse(entry.body)
        if text is not None:
            found[row.key] = _found(row, text)
    return [found.get(key) for key in keys]


def _found(row: Row, text: Version | Translation) -> Found:
    shown = beginning(text)
    what, opens = "document", ["doc", "show", row.name]
    if row.turned:
        what, opens = "translation", [*opens, "--lang", row.turned]
    return Found(
        "docs",
        what,
        row.id,
        row.author,
        row.time_ms,
        row.at,
        row.title or row.name,
        shown,
        row.language,
        row.tags,
        tuple(opens),
    )


def _row(values: Sequence[Any]) -> Row:
    head, media_type, language, tags, public = values[8:13]
    said = (bool(head), media_type, language, tuple(json.loads(tags)), bool(public))
    return Row._make((*values[:8], *said, *values[13:]))
