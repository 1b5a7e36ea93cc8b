"""What may be fetched: looked up in the store. Synchronous, for threads; every function may raise StoreError.

A hub keeps every blob that an entry names; another node keeps small ones that belong to what people read
(attachments, pictures, long versions of documents), and no files of the library.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.apps import blob_references
from node.home import Home
from node.sharing.space import Space
from node.sharing.waiting import Waiting
from store.blobs import Manifest
from store.ids import LOG_DOCS, LOG_FEED, LOG_PROFILE

SMALL_BYTES: Final = 2**20
"""Largest blob that a node which is no hub keeps unasked."""

READ_LOGS: Final = frozenset({LOG_FEED, LOG_DOCS, LOG_PROFILE})
"""Logs whose small blobs such a node keeps: attachments, long versions, pictures."""

PAGE: Final = 256
"""References that are looked at together: their entries are read, at most 8 MiB."""

MAX_NAMING: Final = 256
"""Entries that are asked how large a blob is: the first that named it know best. Any of them may be right,
so that nobody can keep others from a blob by lying about it."""


class Page(NamedTuple):
    """Some of what entries name."""

    blobs: list[tuple[bytes, int]]
    """Those that this node keeps unasked, each with the size that the entry says."""
    last_key: int
    """Key of the last entry that was looked at."""


class Candidates:
    """What may be fetched, by the rules of this node."""

    def __init__(self, home: Home, space: Space, *, hub: bool) -> None:
        """`space` decides what there is room for. `hub`: this node keeps everything that it may."""
        self._home = home
        self._space = space
        self._hub = hub

    def is_complete(self, blob: bytes) -> bool:
        """Is a blob here?"""
        return self._home.blobs.manifest(blob) is not None and not self._home.blobs.missing(blob)

    def complete_of(self, blobs: Sequence[bytes]) -> set[bytes]:
        """Those of some blobs that are here."""
        return {blob for blob in blobs if self.is_complete(blob)}

    def complete(self) -> set[bytes]:
        """Every blob that is here."""
        return {state.blob for state in self._home.blobs.listed() if state.is_complete}

    def size_of(self, blob: bytes) -> int:
        """Bytes of a blob that was begun or is here; else 0."""
        state = self._home.blobs.state(blob)
        return 0 if state is None else state.size

    def note_complete(self, blob: bytes) -> tuple[int, list[tuple[bytes, int]]]:
        """A blob came: let the store know that it is whole.

        Gives its size, and what it names in its turn as far as this node keeps it unasked, with sizes.
        """
        self._home.blobs.missing(blob)
        size = self.size_of(blob)
        parts = self._space.opened(blob)
        return size, [(part, part_size) for part, part_size in parts if self._hub]

    def named_after(self, key: int) -> Page | None:
        """What the next entries after `key` name; None: there is none."""
        with self._home.entries.views() as views:
            found = blob_references.references_after(views, key, PAGE)
        if not found:
            return None
        if not self._hub:
            keys = sorted({one.key for one in found if one.size <= SMALL_BYTES})
            entries = zip(keys, self._home.entries.at_keys(keys), strict=True)
            read = {each for each, entry in entries if entry is not None and entry.log in READ_LOGS}
            kept = [one for one in found if one.key in read and one.size <= SMALL_BYTES]
        else:
            kept = found
        return Page([(one.blob, one.size) for one in kept], found[-1].key)

    def sizes_to_take(self, waiting: Waiting) -> frozenset[int] | None:
        """How many bytes a blob may have so that it may be fetched now. What somebody asked for may always.

        Empty: there is no room. None: it is here, or nobody wants it any more.
        """
        blob = waiting.blob
        if self.is_complete(blob):
            return None
        if waiting.asked:
            return waiting.sizes
        with self._home.entries.views() as views:
            named = blob_references.references_to(views, blob, MAX_NAMING)
        if not named and not self._home.blobs.wholes_of(blob):
            return None
        sizes = waiting.sizes | {one.size for one in named}
        if not self._hub:
            sizes = frozenset(size for size in sizes if size <= SMALL_BYTES)
        return frozenset(size for size in sizes if self._may_have_room(blob, size, waiting.fresh))

    def make_room(self, waiting: Waiting | None, manifest: Manifest) -> bool:
        """The manifest of a blob came, so its size is true: make room for it. False: there is none.

        For what is not asked for and was named long ago nothing is driven out: a full disk would fetch and
        drop in a circle.
        """
        if waiting is not None and (waiting.asked or waiting.fresh):
            return self._space.make_room(manifest.size, manifest.id)
        return self._space.has_free_room(manifest.size)

    def _may_have_room(self, blob: bytes, size: int, fresh: bool) -> bool:
        """May there be room for a blob of that size, which is nothing but a claim?"""
        if not self._space.allows(blob, size):
            return False
        return fresh or self._space.has_free_room(size) or self._home.blobs.state(blob) is not None
