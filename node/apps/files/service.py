"""What the files app answers: lists of what is shared, and whom a text means.

A file is hidden while its claimed time lies in the future (`until`).
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from node.apps.files.bodies import MAX_FOLDER_BYTES, Contents, SharedFile, parse
from node.apps.files.fold import COLUMNS
from node.apps.found import Found
from node.errors import Ambiguous, Missing
from node.quoting import quoted
from node.words import PROBES_AT_MOST, Words
from store.ids import AuthorId, EntryId, NotAnId, prefix_range, short
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews, Row

Same: TypeAlias = Callable[[AuthorId, AuthorId], bool]
"""Are two devices of one person?"""

MAX_LISTED: Final = 1_000
"""Files in one answer."""

_COLUMNS: Final = ", ".join(f"s.{column}" for column in COLUMNS)
_SELECT: Final = f"SELECT {_COLUMNS} FROM files_shared AS s"
_SELECT_NAMING: Final = (
    f"SELECT {_COLUMNS} FROM blobs_referenced AS r JOIN files_shared AS s ON s.k = r.k AND s.blob = r.blob"
)
_CANDIDATES: Final = 5


class Shared(NamedTuple):
    """A file in the view: the entry that shares it, and what it says."""

    key: int
    id: EntryId
    at: int
    """When, as its author claims; ms."""
    author: AuthorId
    file: SharedFile


class Wanted(NamedTuple):
    """Which files a list shall have."""

    limit: int
    until: int
    """Latest order in ms."""
    authors: frozenset[AuthorId] | None = None
    """None: of everybody."""
    tag: str | None = None
    folders: bool = False
    """Folders alone."""
    before: "Shared | None" = None
    """Only those after this one in the list, which begins with the newest."""


def listed(views: ReadViews, wanted: Wanted) -> list[Shared]:
    """Files, the newest first."""
    tables, conditions, params = "", ["s.at <= ?"], [wanted.until]
    values: list[Any] = params
    if wanted.tag is not None:
        tables = " JOIN files_tags AS t ON t.k = s.k AND t.at = s.at"
        conditions.append("t.tag = ?")
        values.append(wanted.tag)
    if wanted.authors is not None:
        conditions.append(f"s.author IN ({', '.join('?' * len(wanted.authors))})")
        values += wanted.authors
    if wanted.folders:
        conditions.append("s.folder")
    if wanted.before is not None:
        conditions.append("(s.at, s.id) < (?, ?)")
        values += (wanted.before.at, wanted.before.id)
    sql = f"{_SELECT}{tables} WHERE {' AND '.join(conditions)} ORDER BY s.at DESC, s.id DESC LIMIT ?"
    return _shared(views, views.execute(sql, [*values, max(0, min(wanted.limit, MAX_LISTED))]))


def with_words(store: SqliteEntryStore, words: Words, wanted: Wanted) -> list[Shared]:
    """Files with these words, the newest first. Raises: as `Words.hits`."""
    with store.views() as views:
        [(held,)] = views.execute("SELECT count(*) FROM files_shared")
    found: list[Shared] = []
    looked_at = 0
    for hits in words.hits(0, wanted.until):
        found += (each for each in at_keys(store, [hit.key for hit in hits]) if _is_wanted(each, wanted))
        looked_at += len(hits)
        if len(found) >= wanted.limit:
            break
        if looked_at > PROBES_AT_MOST * held:
            return _probed(store, words, wanted)
    return found[: wanted.limit]


def _probed(store: SqliteEntryStore, words: Words, wanted: Wanted) -> list[Shared]:
    """The same, where there are few files and many other entries with these words."""
    with store.views() as views:
        every = [_row(row) for row in views.execute(f"{_SELECT} ORDER BY s.at DESC, s.id DESC")]
    wanted_ones = (each for each in every if _is_wanted(each, wanted))
    found = [each for each in wanted_ones if words.occur_in(each.key, each.at)][: wanted.limit]
    with store.views() as views:
        return _described(views, found)


def _is_wanted(shared: Shared, wanted: Wanted) -> bool:
    before = wanted.before
    return (
        shared.at <= wanted.until
        and (wanted.authors is None or shared.author in wanted.authors)
        and (wanted.tag is None or wanted.tag in shared.file.tags)
        and (shared.file.is_folder or not wanted.folders)
        and (before is None or (shared.at, shared.id) < (before.at, before.id))
    )


def at_keys(store: SqliteEntryStore, keys: Sequence[int]) -> list[Shared]:
    """Those of these entries that share a file, in the order of `keys`."""
    sql = f"{_SELECT} WHERE s.k IN (SELECT value FROM json_each(?))"
    with store.views() as views:
        found = _shared(views, views.execute(sql, (json.dumps(list(keys)),)))
    rows = {each.key: each for each in found}
    return [rows[key] for key in keys if key in rows]


def hits(store: SqliteEntryStore, keys: Sequence[int], until: int, same: Same) -> list[Found | None]:
    """What a search shows of entries, in the order of `keys`; None for those that share no file, are hidden,
    or were replaced by their own author. `same`: are two devices of one person?"""
    found = {shared.key: shared for shared in at_keys(store, keys) if shared.at <= until}
    with store.views() as views:
        gone = replaced(views, list(found.values()), until, same)
    return [
        None if (shared := found.get(key)) is None or shared.id in gone else _found(shared) for key in keys
    ]


def _found(shared: Shared) -> Found:
    file = shared.file
    return Found(
        "files",
        "folder" if file.is_folder else "file",
        shared.id,
        shared.author,
        shared.at,
        shared.at,
        file.name,
        file.description,
        file.language,
        file.tags,
        ("file", "show", short(shared.id)),
    )


def naming_blob(views: ReadViews, blob: bytes, until: int) -> list[Shared]:
    """The files that have this blob (32 bytes), the one that was shared last first."""
    sql = f"{_SELECT_NAMING} WHERE r.blob = ? AND s.at <= ? ORDER BY s.at DESC, s.id DESC LIMIT ?"
    return _shared(views, views.execute(sql, (blob, until, MAX_LISTED)))


def is_folder(views: ReadViews, blob: bytes) -> bool:
    """Does any entry say that this blob lists a folder?"""
    sql = (
        "SELECT 1 FROM blobs_referenced AS r JOIN files_shared AS s ON s.k = r.k"
        " WHERE r.blob = ? AND s.folder AND s.size <= ? LIMIT 1"
    )
    return bool(views.execute(sql, (blob, MAX_FOLDER_BYTES)))


def candidates(store: SqliteEntryStore, text: str, until: int) -> list[Shared]:
    """The files that a text may name, the newest first: by the name, else by the id of the entry or of the
    blob, or the beginning of one."""
    wanted = text.strip()
    with store.views() as views:
        sql = f"{_SELECT} WHERE s.name = ? AND s.at <= ? ORDER BY s.at DESC, s.id DESC LIMIT ?"
        named = _shared(views, views.execute(sql, (wanted, until, MAX_LISTED)))
    return named or _with_prefix(store, wanted, until)


def choose(found: Sequence[Shared], text: str) -> Shared:
    """The one file among those that a text may name.

    Several entries that share one blob are one file here: the first is given.

    Raises:
        Missing: there is none. Ambiguous: several.
    """
    if not found:
        raise Missing(f"No file {quoted(text)} is shared here.", "See: aster file list")
    if len({shared.file.blob for shared in found}) > 1:
        listed_ids = ", ".join(f"{short(each.id)} {quoted(each.file.name)}" for each in found[:_CANDIDATES])
        raise Ambiguous(f"Several files may be {quoted(text)}: {listed_ids}.", "Type the id, or more of it.")
    return found[0]


def _with_prefix(store: SqliteEntryStore, text: str, until: int) -> list[Shared]:
    try:
        low, high = prefix_range(text)
    except NotAnId:
        return []
    keys = [store.key_of(entry_id) for entry_id in store.find(low, high, MAX_LISTED)]
    found = {shared.id: shared for shared in at_keys(store, keys) if shared.at <= until}
    sql = f"{_SELECT_NAMING} WHERE r.blob BETWEEN ? AND ? AND s.at <= ? LIMIT ?"
    with store.views() as views:
        rows = views.execute(sql, (low, high, until, MAX_LISTED))
        found.update({shared.id: shared for shared in _shared(views, rows)})
    return sorted(found.values(), key=lambda each: (each.at, each.id), reverse=True)


def replaced(views: ReadViews, shared: Sequence[Shared], until: int, same: Same) -> dict[EntryId, EntryId]:
    """Those of these entries that their own author replaced, each with the newest that did.

    What others say that they replace stays. `same`: are two devices of one person?
    """
    sql = (
        "SELECT s.id, s.author FROM files_replaced AS r JOIN files_shared AS s ON s.k = r.k"
        " WHERE r.id = ? AND s.at <= ? AND s.id <> r.id ORDER BY s.at DESC, s.id DESC"
    )
    found = {}
    for each in shared:
        rows = views.execute(sql, (each.id, until))
        by = next((entry_id for entry_id, author in rows if same(each.author, author)), None)
        if by is not None:
            found[each.id] = EntryId(by)
    return found


def _shared(views: ReadViews, rows: Sequence[Row]) -> list[Shared]:
    return _described(views, [_row(row) for row in rows])


def _described(views: ReadViews, found: Sequence[Shared]) -> list[Shared]:
    """The same with their descriptions, which are read in the bodies."""
    held = views.bodies({each.key for each in found})
    said = {key: parse(body) for key, body in held.items()}
    return [
        each
        if (file := said.get(each.key)) is None
        else each._replace(file=each.file._replace(description=file.description))
        for each in found
    ]


def _row(values: Row) -> Shared:
    """A file without its description."""
    key, entry_id, at, author, name, media_type, size, blob, folder, language, tags, public, *counts = values
    contents = None if counts[0] is None else Contents(*counts)
    file = SharedFile(
        name,
        media_type,
        size,
        blob,
        bool(folder),
        "",
        language,
        tuple(json.loads(tags)),
        bool(public),
        contents,
    )
    return Shared(key, entry_id, at, author, file)
