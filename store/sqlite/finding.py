"""Finding entries by their ids."""

import apsw

from store.entry import Entry
from store.errors import NotFound
from store.ids import EntryId
from store.interface import EntryKey
from store.sqlite import id_index
from store.sqlite.rows import read_entry, read_headers


def find_entry(connection: apsw.Connection, entry_id: bytes) -> tuple[EntryKey, Entry]:
    """The entry with that id and its key. Raises: NotFound, Damaged."""
    for key in id_index.keys_near(connection, entry_id):
        entry = read_entry(connection, key)
        if entry is not None and entry.id == entry_id:
            return EntryKey(key), entry
    raise NotFound("no such entry is held here")


def find_headers(connection: apsw.Connection, ids: frozenset[EntryId]) -> list[tuple[EntryKey, Entry]]:
    """The entries with these ids that are held, without their bodies; less those that are damaged."""
    found = read_headers(connection, id_index.keys_of_all(connection, ids))
    return [(key, entry) for key, entry in found if entry.id in ids]


def find_between(connection: apsw.Connection, low: bytes, high: bytes, limit: int) -> list[EntryId]:
    """At most `limit` ids between two 32-byte bounds, both included, in ascending order. Raises: Damaged."""
    found: list[EntryId] = []
    for keys in id_index.keys_between(connection, low, high):
        entries = [read_entry(connection, key) for key in keys]
        ids = [entry.id for entry in entries if entry is not None]
        found += sorted(entry_id for entry_id in ids if low <= entry_id <= high)
        if len(found) >= limit:
            break
    return found[:limit]
