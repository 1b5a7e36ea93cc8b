"""What an app is to the rest of the node, and how its fold looks beyond the entries that it is given.

An app owns the bodies of one log number. Its fold turns entries into rows of its own tables, inside the
transaction that appends them; its unfold takes rows out before entries go. Both must leave the same
tables for the same set of entries, whatever the order in which they came.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from operator import itemgetter
from typing import Final, NamedTuple, TypeAlias

from store.entry import Entry
from store.ids import AuthorId, EntryId, LogNo
from store.interface import KeyedRun
from store.sqlite.entries import SqliteEntryStore
from store.sqlite.views import ReadViews, Schema, Views

MAX_KEPT_TEXTS: Final = 20_000
"""Texts that the index may be behind without parsing bodies again: a few batches of the writer. Once or twice
that many are kept."""

MAX_KEPT_CHARS: Final = 600
"""Mean length of texts that are kept: 12 to 48 MB at most, for as long as the index is behind."""


MAX_PLACES: Final = 12_000
"""Entries whose places are remembered, once or twice that many; some 200 bytes each."""

MAX_BLOB_SIZE: Final = 2**62
"""Bytes. What is said to be larger is not noted: the tables hold numbers of 63 bits."""

_BLOB_ID_BYTES: Final = 32
_ID_OF: Final = itemgetter(Entry._fields.index("id"))
_new: Final = tuple.__new__
"""Makes a named tuple without a call of Python in between: these are made for each entry."""


class Texts:
    """What folds read in bodies, kept for the search index, which comes by a moment later; an empty text
    where there is nothing to search for.

    Only a shortcut: whoever finds nothing here parses the body again. Bounded; for two threads, each of
    whose steps is one operation on a dictionary.
    """

    __slots__ = ("_before", "_texts")

    def __init__(self) -> None:
        self._texts: dict[EntryId, str] = {}
        self._before: dict[EntryId, str] = {}

    def keep(self, texts: dict[EntryId, str]) -> None:
        """Keep texts, unless they are too many or long; the oldest may go."""
        if len(texts) > MAX_KEPT_TEXTS or sum(map(len, texts.values())) > MAX_KEPT_CHARS * len(texts):
            return
        if len(self._texts) + len(texts) > MAX_KEPT_TEXTS:
            self._before, self._texts = self._texts, {}
        self._texts.update(texts)

    def take(self, entry_id: EntryId) -> str | None:
        """A text that was kept, once."""
        text = self._texts.pop(entry_id, None)
        return self._before.pop(entry_id, None) if text is None else text


class Places:
    """Where entries that came lately lie, by id. Most links go to such entries.

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
    """Where an entry lies, and what its header says of it."""

    key: int
    time_ms: int
    """What it claims."""
    author: AuthorId
    """The device, 32 bytes."""
    log: LogNo


def place_of(key: int, entry: Entry) -> Place:
    """The place of an entry whose key is known."""
    return _new(Place, (key, entry.time_ms, entry.author, entry.log))


class BlobReference(NamedTuple):
    """That an entry names a blob."""

    blob: bytes
    """32 bytes."""
    key: int
    """Of the entry."""
    size: int
    """Bytes, as the entry says; only the blob's manifest knows."""


class Reach:
    """Entries that a fold may look at: those it is given, and those that were committed before.

    What is given counts before what is committed: a body that comes back is not yet on the disk.
    """

    __slots__ = ("_blobs", "_by_key", "_keys", "_runs", "_store", "_views", "places", "texts")

    def __init__(
        self,
        store: SqliteEntryStore,
        runs: Sequence[KeyedRun],
        texts: Texts,
        places: Places,
        views: ReadViews | None = None,
    ) -> None:
        """`views`: of the transaction that the fold is in; without them what was committed is read."""
        self.texts = texts
        self.places = places
        self._store = store
        self._views = views
        self._runs = runs
        self._keys: dict[EntryId, int] | None = None
        self._by_key: dict[int, Entry] = {}
        self._blobs: dict[tuple[bytes, int], int] = {}

    def find(self, entry_id: EntryId) -> Place | None:
        """Where an entry lies, by its id; None where it is not held. The view has to confirm it."""
        return self.find_all((entry_id,)).get(entry_id)

    def find_all(self, ids: Iterable[EntryId]) -> dict[EntryId, Place]:
        """Where entries lie, by their ids, without those that are not held. The view has to confirm it.

        Far cheaper than one `find` after the other: whoever follows links asks once for a whole batch.
        """
        given, found, asked = self._given(), dict[EntryId, Place](), list[EntryId]()
        for entry_id in ids:
            known = self.places.of(entry_id)
            key = given.get(entry_id) if known is None else None
            if known is not None:
                found[entry_id] = known
            elif key is not None:
                found[entry_id] = place_of(key, self._by_key[key])
            else:
                asked.append(entry_id)
        for key, entry in self._store.headers_of(asked, self._views):
            found[entry.id] = place_of(key, entry)
        return found

    def headers_at(self, keys: Iterable[int]) -> dict[int, Entry]:
        """The entries of keys, without those that are not held. Those that were not given have no bodies."""
        self._given()
        found = {key: self._by_key[key] for key in keys if key in self._by_key}
        found.update(self._store.headers_at(sorted(set(keys) - found.keys()), self._views))
        return found

    def all_at(self, keys: Sequence[int]) -> dict[int, Entry | None]:
        """The entries of keys with their bodies, by one look for many; None where there is none."""
        self._given()
        asked = [key for key in keys if key not in self._by_key]
        found = dict(zip(asked, self._store.at_keys(asked), strict=True)) if asked else {}
        return {key: self._by_key.get(key) or found.get(key) for key in keys}

    def note_blobs(self, key: int, blobs: Iterable[tuple[bytes, int]]) -> None:
        """Note that the entry of `key` names these blobs (32 bytes) of these sizes in bytes.

        For folds alone; when an entry goes, its references go by themselves. What is no id of a blob, or
        no size, is left out. An entry that names a blob twice is taken at the larger size.
        """
        for blob, size in blobs:
            if len(blob) == _BLOB_ID_BYTES and 0 <= size <= MAX_BLOB_SIZE:
                self._blobs[blob, key] = max(size, self._blobs.get((blob, key), 0))

    def blobs(self) -> list[BlobReference]:
        """What was noted, in ascending order."""
        return [BlobReference(blob, key, size) for (blob, key), size in sorted(self._blobs.items())]

    def _given(self) -> dict[EntryId, int]:
        """Built when it is first asked for: most batches have no links."""
        if self._keys is None:
            self._keys = {}
            for first_key, entries in self._runs:
                self._keys.update(zip(map(_ID_OF, entries), count(first_key)))
                self._by_key.update(enumerate(entries, first_key))
        return self._keys


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
    more_logs: tuple[LogNo, ...] = ()
    """Further logs whose bodies it understands."""
