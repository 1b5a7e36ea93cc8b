"""What goes along when its author deletes something: his own corrections and translations of it."""

from collections.abc import Sequence

from node.apps.feed.tables import tie_of
from store.entry import Entry
from store.ids import EntryId
from store.sqlite.entries import SqliteEntryStore


def amending(store: SqliteEntryStore, target: EntryId) -> Sequence[Entry]:
    """Corrections and translations of an entry that are held with their bodies, by whomever."""
    with store.views() as views:
        sql = "SELECT k FROM feed_amendments WHERE target = ? ORDER BY k"
        keys = [key for (key,) in views.execute(sql, (tie_of(target),))]
    return [entry for entry in store.at_keys(keys) if entry is not None and target in entry.links[:1]]
