"""What the documents app answers: lists, versions, and what a new version follows."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.apps.documents.bodies import Version, parse
from node.errors import Ambiguous, Conflict, Missing
from store.ids import AuthorId, EntryId, NotAnId, prefix_range, short
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews

MAX_LISTED: Final = 1_000
"""Documents in one answer."""

_COLUMNS: Final = "id, k, at, author, time_ms, title, size, head"


class Row(NamedTuple):
    """A version in the view."""

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
    heads: tuple[Row, ...]
    """The current versions, newest first; more than one: concurrent."""


def versions(views: ReadViews, name: str, until: int) -> list[Row]:
    """All versions of a document up to order `until` (ms), newest first."""
    sql = f"SELECT {_COLUMNS} FROM documents_versions WHERE name = ? AND at <= ? ORDER BY at DESC, id DESC"
    return [_row(row) for row in views.execute(sql, (name, until))]


def heads(rows: Sequence[Row]) -> list[Row]:
    """The current ones among versions."""
    return [row for row in rows if row.head]


def follows(views: ReadViews, row: Row, name: str) -> list[EntryId]:
    """The versions of the same document that one follows, as far as they are held."""
    sql = (
        "SELECT before.id FROM documents_links JOIN documents_versions AS before"
        " ON before.id = documents_links.parent AND before.name = ? WHERE documents_links.k = ? ORDER BY 1"
    )
    return [EntryId(found) for (found,) in views.execute(sql, (name, row.key))]


def listed(views: ReadViews, until: int, limit: int, names: Sequence[str] | None) -> list[Listed]:
    """Documents, the one changed last first; `names`: only these."""
    where, params = "", [until]
    if names is not None:
        where = f" AND name IN ({','.join('?' * len(names))})"
        params += names  # type: ignore[arg-type]
    sql = (
        f"SELECT name, count(*), max(at) AS newest FROM documents_versions WHERE at <= ?{where}"
        " GROUP BY name ORDER BY newest DESC, name LIMIT ?"
    )
    rows = views.execute(sql, (*params, min(limit, MAX_LISTED)))
    return [Listed(name, count, tuple(heads(versions(views, name, until)))) for name, count, _ in rows]


def pick(rows: Sequence[Row], text: str, name: str) -> Row:
    """The version whose id is or begins with `text`.

    Raises:
        Missing: none of the document's versions.
        Ambiguous: several.
    """
    try:
        low, high = prefix_range(text)
    except NotAnId as error:
        raise Missing(f"{text!r} is no version's id: {error}.", f"See: aster doc history {name}") from error
    found = [row for row in rows if low <= row.id <= high]
    if not found:
        raise Missing(f"{name!r} has no version {text!r} here.", f"See: aster doc history {name}")
    if len(found) > 1:
        raise Ambiguous(f"Several versions begin with {text!r}.", "Type more of the id.")
    return found[0]


def what_follows(rows: Sequence[Row], chosen: Sequence[str] | None, name: str) -> list[Row]:
    """The versions that a new one follows: those chosen, else the current one.

    Raises:
        Conflict: there are several current ones, and none was chosen.
        Missing, Ambiguous: a chosen one is none, or not clear.
    """
    if chosen:
        picked = [pick(rows, text, name) for text in chosen]
        return list({row.id: row for row in picked}.values())
    current = heads(rows)
    if len(current) > 1:
        ids = ", ".join(short(row.id) for row in current)
        raise Conflict(
            f"{name!r} has {len(current)} current versions: {ids}.",
            "Say which one yours follows (--follows ID), or --follows-all once you have merged them.",
        )
    return current


def text_of(store: SqliteEntryStore, row: Row) -> Version:
    """The version itself. Raises: Missing: its text is not here any more."""
    entry = store.entry(row.id)
    version = None if entry.body is None else parse(entry.body)
    if version is None:
        raise Missing("The text of this version is not here.", "Sync with a peer that has it: aster sync")
    return version


def _row(row: Sequence[object]) -> Row:
    entry_id, key, at, author, time_ms, title, size, head = row
    return Row(entry_id, key, at, author, time_ms, title, size, bool(head))  # type: ignore[arg-type]
