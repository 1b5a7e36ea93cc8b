"""What goes along when its author deletes something: his own corrections and translations of it."""

from collections.abc import Sequence
from typing import Final

from store.entry import Entry, content_of
from store.errors import InvalidEntry
from store.ids import LOG_FEED, EntryId
from store.sqlite.entries import SqliteEntryStore

CORRECTION: Final = 3
TRANSLATION: Final = 4

_TIE_BYTES: Final = 7


def amending(store: SqliteEntryStore, target: EntryId) -> Sequence[Entry]:
    """Corrections and translations of an entry that are held with their bodies, by whomever."""
    with store.views() as views:
        tie = int.from_bytes(target[:_TIE_BYTES], "big")
        keys = [key for (key,) in views.execute("SELECT k FROM feed_links WHERE parent = ?", (tie,))]
    found = (entry for entry in store.at_keys(keys) if entry is not None)
    return [entry for entry in found if target in entry.links and _amends(entry)]


def _amends(entry: Entry) -> bool:
    if entry.log != LOG_FEED or entry.body is None:
        return False
    try:
        return content_of(entry.body)[0] in (CORRECTION, TRANSLATION)
    except InvalidEntry:
        return False
