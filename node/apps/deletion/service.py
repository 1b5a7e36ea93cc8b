"""What is asked of the view of deletions: what names an entry, and what came after a key. Synchronous."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from node.apps.deletion.bodies import KIND_DELETION, KIND_RECEIPT, Deletion, Receipt, parse
from node.apps.deletion.fold import tie_of
from store.entry import Entry
from store.ids import EntryId
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews

_ASK_AT_ONCE: Final = 500

MAX_NAMING: Final = 10_000
"""Deletions of one entry, or receipts of one deletion, that are looked at: those that came first. Nobody
has a reason for more, and whoever writes more of them harms his own."""


class Asked(NamedTuple):
    """A deletion, as it is held."""

    key: int
    entry: Entry
    said: Deletion


class Given(NamedTuple):
    """A receipt, as it is held."""

    key: int
    entry: Entry
    said: Receipt


def naming(store: SqliteEntryStore, entry_id: EntryId) -> list[Asked]:
    """The deletions that name an entry, by whomever, in the order of arrival."""
    return [
        Asked(key, entry, said)
        for key, entry in _naming(store, entry_id, KIND_DELETION)
        if isinstance(said := parse(entry), Deletion)
    ]


def receipts(store: SqliteEntryStore, deletion: EntryId) -> list[Given]:
    """The receipts that name a deletion, in the order of arrival."""
    return [
        Given(key, entry, said)
        for key, entry in _naming(store, deletion, KIND_RECEIPT)
        if isinstance(said := parse(entry), Receipt)
    ]


def _naming(store: SqliteEntryStore, entry_id: EntryId, kind: int) -> Iterator[tuple[int, Entry]]:
    sql = (
        "SELECT k FROM deletions_named JOIN deletions_listed USING (k)"
        " WHERE tie = ? AND kind = ? ORDER BY k LIMIT ?"
    )
    with store.views() as views:
        keys = [key for (key,) in views.execute(sql, (tie_of(entry_id), kind, MAX_NAMING))]
    for key, entry in zip(keys, store.at_keys(keys), strict=True):
        if entry is not None and entry_id in entry.links:
            yield key, entry


def named_among(store: SqliteEntryStore, ids: Iterable[EntryId]) -> list[EntryId]:
    """Those of these entries whose first bits some deletion or receipt names: few are named in vain."""
    by_tie: dict[int, list[EntryId]] = {}
    for entry_id in ids:
        by_tie.setdefault(tie_of(entry_id), []).append(entry_id)
    ties = list(by_tie)
    found: list[EntryId] = []
    with store.views() as views:
        for start in range(0, len(ties), _ASK_AT_ONCE):
            part = ties[start : start + _ASK_AT_ONCE]
            sql = f"SELECT DISTINCT tie FROM deletions_named WHERE tie IN ({','.join('?' * len(part))})"
            found += (each for (tie,) in views.execute(sql, part) for each in by_tie[tie])
    return found


def deletions_after(store: SqliteEntryStore, key: int, limit: int) -> list[Asked]:
    """At most `limit` deletions with keys above `key`, in the order of arrival."""
    return deletions_at(store, _keys(store, KIND_DELETION, key, limit))


def deletions_at(store: SqliteEntryStore, keys: Sequence[int]) -> list[Asked]:
    """The deletions of these keys that are held."""
    return [
        Asked(key, entry, said)
        for key, entry in zip(keys, store.at_keys(keys), strict=True)
        if entry is not None and isinstance(said := parse(entry), Deletion)
    ]


def receipts_after(store: SqliteEntryStore, key: int, limit: int) -> list[Given]:
    """At most `limit` receipts with keys above `key`, in the order of arrival."""
    keys = _keys(store, KIND_RECEIPT, key, limit)
    return [
        Given(key, entry, said)
        for key, entry in zip(keys, store.at_keys(keys), strict=True)
        if entry is not None and isinstance(said := parse(entry), Receipt)
    ]


def _keys(store: SqliteEntryStore, kind: int, key: int, limit: int) -> list[int]:
    sql = "SELECT k FROM deletions_listed WHERE k > ? AND kind = ? ORDER BY k LIMIT ?"
    with store.views() as views:
        return [found for (found,) in views.execute(sql, (key, kind, limit))]


def ties_after(views: ReadViews, tie: int, limit: int) -> list[int]:
    """At most `limit` first bits of ids that are named, above `tie`, in ascending order; some come twice."""
    sql = "SELECT tie FROM deletions_named WHERE tie > ? ORDER BY tie LIMIT ?"
    return [found for (found,) in views.execute(sql, (tie, limit))]
