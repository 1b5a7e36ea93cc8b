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
from store.interface import KeyedRun
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import Schema, Views

MAX_KEPT_TEXTS: Final = 20_000
"""Texts that the index may be behind without parsing bodies again: a few batches of the writer."""

MAX_KEPT_CHARS: Final = 600
"""Mean length of texts that are kept: 12 to 48 MB at most, for as long as the index is behind."""


MAX_PLACES: Final = 12_000
"""Entries whose places are remembered, once or twice that many; some 200 bytes each."""


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


class Places:
    """Where entries that came lately lie: key and claimed time by id. Most links go to such entries.

    Only a shortcut, and one that may be wrong: where a transaction was undone, another entry may have
    got the key. Whoever uses it looks whether the view has that very entry at that key.
    """

    __slots__ = ("_before", "_latest")

    def __init__(self) -> None:
        self._latest: dict[EntryId, Place] = {}
        self._before: dict[EntryId, Place] = {}

    def note(self, places: dict[EntryId, "Place"]) -> None:
        """Remember places; the oldest are forgotten."""
        if len(self._latest) + len(places) > MAX_PLACES:
            self._before, self._latest = self._latest, {}
        self._latest.update(places)

    def of(self, entry_id: EntryId) -> "Place | None":
        """The place of an entry, if it is remembered."""
        return self._latest.get(entry_id) or self._before.get(entry_id)


class Place(NamedTuple):
    """Where an entry lies."""

    key: int
    time_ms: int
    """What it claims."""


class Reach:
    """Entries that a fold may look at: those it is given, and those that were committed before.

    What is given counts before what is committed: a body that comes back is not yet on the disk.
    """

    __slots__ = ("_by_id", "_by_key", "_runs", "_store", "places", "texts")

    def __init__(
        self, store: SqliteEntryStore, runs: Sequence[KeyedRun], texts: Texts, places: Places
    ) -> None:
        self.texts = texts
        self.places = places
        self._store = store
        self._runs = runs
        self._by_id: dict[EntryId, Place] | None = None
        self._by_key: dict[int, Entry] = {}

    def find(self, entry_id: EntryId) -> Place | None:
        """Where an entry lies, by its id; None where it is not held. The view has to confirm it."""
        known = self.places.of(entry_id) or self._given().get(entry_id)
        if known is not None:
            return known
        try:
            key = self._store.key_of(entry_id)
        except NotFound:
            return None
        entry = self.at(key)
        return None if entry is None else Place(key, entry.time_ms)

    def at(self, key: int) -> Entry | None:
        """The entry of a key; None where there is none."""
        self._given()
        entry = self._by_key.get(key)
        if entry is None:
            [entry] = self._store.at_keys([key])
        return entry

    def _given(self) -> dict[EntryId, Place]:
        """Built when it is first asked for: most batches have no links."""
        if self._by_id is None:
            self._by_id = {}
            for first_key, entries in self._runs:
                for key, entry in enumerate(entries, first_key):
                    self._by_id[entry.id] = Place(key, entry.time_ms)
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
