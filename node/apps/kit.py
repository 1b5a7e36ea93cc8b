"""What an app is to the rest of the node, and how its fold looks beyond the entries that it is given.

An app owns the bodies of one log number. Its fold turns entries into rows of its own tables, inside the
transaction that appends them; its unfold takes rows out before entries go. Both must leave the same
tables for the same set of entries, whatever the order in which they came.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from store.entry import Entry
from store.errors import NotFound
from store.ids import EntryId, LogNo
from store.interface import EntryKey, KeyedRun
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Schema, Views

MAX_KEPT_TEXTS: Final = 20_000
"""Texts that the index may be behind without parsing bodies again: a few batches of the writer."""

MAX_KEPT_CHARS: Final = 600
"""Mean length of texts that are kept: 12 to 48 MB at most, for as long as the index is behind."""


class Texts:
    """What folds read in bodies, kept for the search index, which comes by a moment later.

    Only a shortcut: whoever finds nothing here parses the body again. Bounded; for two threads, each of
    whose steps is one operation on a dictionary.
    """

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: dict[EntryId, str] = {}

    def keep(self, texts: dict[EntryId, str]) -> None:
        """Keep texts, unless they are too many or long; what was kept before may go."""
        if len(texts) > MAX_KEPT_TEXTS or sum(map(len, texts.values())) > MAX_KEPT_CHARS * len(texts):
            return
        if len(self._texts) + len(texts) > MAX_KEPT_TEXTS:
            self._texts.clear()
        self._texts.update(texts)

    def take(self, entry_id: EntryId) -> str | None:
        """A text that was kept, once."""
        return self._texts.pop(entry_id, None)


class Reach:
    """Entries that a fold may look at: those it is given, and those that were committed before.

    What is given counts before what is committed: a body that comes back is not yet on the disk.
    """

    __slots__ = ("_by_id", "_by_key", "_runs", "_store", "texts")

    def __init__(self, store: SqliteEntryStore, runs: Sequence[KeyedRun], texts: Texts) -> None:
        self.texts = texts
        self._store = store
        self._runs = runs
        self._by_id: dict[EntryId, tuple[EntryKey, Entry]] | None = None
        self._by_key: dict[int, Entry] = {}

    def find(self, entry_id: EntryId) -> tuple[EntryKey, Entry] | None:
        """An entry and its key by its id; None where it is not held."""
        found = self._given().get(entry_id)
        if found is not None:
            return found
        try:
            key = self._store.key_of(entry_id)
        except NotFound:
            return None
        entry = self.at(key)
        return None if entry is None else (key, entry)

    def at(self, key: int) -> Entry | None:
        """The entry of a key; None where there is none."""
        self._given()
        entry = self._by_key.get(key)
        if entry is None:
            [entry] = self._store.at_keys([key])
        return entry

    def _given(self) -> dict[EntryId, tuple[EntryKey, Entry]]:
        """Built when it is first asked for: most batches have no links."""
        if self._by_id is None:
            self._by_id = {}
            for first_key, entries in self._runs:
                for key, entry in enumerate(entries, first_key):
                    self._by_id[entry.id] = (EntryKey(key), entry)
                    self._by_key[key] = entry
        return self._by_id


AppFold: TypeAlias = Callable[[Views, Sequence[KeyedRun], Reach], None]
"""Takes entries of the app's log into its tables, or out of them; what it does not understand it skips."""


class App(NamedTuple):
    """One app, as `node.apps.registry` lists it."""

    schema: Schema
    """Its tables, all named after it."""
    log: LogNo
    """The log whose bodies it understands."""
    fold: AppFold
    unfold: AppFold
    text_of: Callable[[bytes], str | None]
    """What people may search for in a body; None: nothing."""
