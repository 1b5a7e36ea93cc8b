"""Who has shown that it holds which entry, of those seen lately."""

from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from gossip.proto import limits
from store.entry import Entry
from store.ids import AuthorId, EntryId

_EVERYONE: Final[set[AuthorId]] = set()
"""Stands for the holders of an entry that was handed on, whoever they are. A set of its own for each of the
entries that are remembered would take 250 MB at a hub with many neighbours."""

_NOBODY: Final[frozenset[AuthorId]] = frozenset()


class Holders:
    """At most `limits.SEEN_ENTRIES` entries, each with its holders until it was handed on to all others."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[EntryId, set[AuthorId]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def of(self, entry_id: EntryId) -> AbstractSet[AuthorId]:
        """Who has shown an entry, as far as that is still remembered."""
        return self._seen.get(entry_id, _NOBODY)

    def note(self, entry_id: EntryId, peer: AuthorId | None) -> bool:
        """Note that `peer` holds an entry. True: it was seen before, from anyone."""
        holders = self._seen.get(entry_id)
        is_known = holders is not None
        if holders is None:
            holders = self._seen[entry_id] = set()
            if len(self._seen) > limits.SEEN_ENTRIES:
                self._seen.popitem(last=False)
        if peer is not None and holders is not _EVERYONE:
            holders.add(peer)
        return is_known

    def hand_on(self, ids: AbstractSet[EntryId]) -> None:
        """Entries went to all who had not shown them: who did does not matter any more."""
        for entry_id in ids & self._seen.keys():
            self._seen[entry_id] = _EVERYONE

    def forget(self, entries: Iterable[Entry]) -> None:
        """Take these entries when they come again."""
        for entry in entries:
            self._seen.pop(entry.id, None)

    def clear(self) -> None:
        """Take every entry when it comes again."""
        self._seen.clear()
