"""A sieve for ids: which entries may be named by a deletion. Pure.

Every entry that comes is looked at, so that has to cost next to nothing, and no number of deletions may fill
the memory. While few ids are named, their first bytes are in a set; of many, one bit stands for the first 24
bits of an id. Whoever is held back is looked up in the store, which knows.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from gossip.proto.events import Piece
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_ID, EntryId

PREFIX_BYTES: Final = 4
"""Of ids in the set. With 100,000 named one entry in 40,000 is looked up in vain."""

MAX_PREFIXES: Final = 100_000
"""In the set, some 10 MB. A federation in which so much was deleted pays half a microsecond an entry."""

_BITS_BYTES: Final = 3
_TIE_BYTES: Final = 7
_BITS: Final = bytes(1 << bit for bit in range(8))

SPARED: Final = frozenset({LOG_ID, LOG_DELETIONS})
"""Logs whose bodies are never dropped: who belongs, and what was deleted."""


class Sieve:
    """Ids that were put in are held back; of others few."""

    __slots__ = ("_marks", "_prefixes")

    def __init__(self) -> None:
        self._prefixes: set[bytes] = set()
        self._marks: bytearray | None = None

    @property
    def is_empty(self) -> bool:
        """Was nothing put in?"""
        return not self._prefixes and self._marks is None

    def put(self, ids: Iterable[EntryId]) -> None:
        """Hold these back from now on."""
        for entry_id in ids:
            self._put(entry_id[:PREFIX_BYTES])

    def put_ties(self, ties: Iterable[int]) -> None:
        """The same for ids of which only the first 56 bits are known, as numbers."""
        for tie in ties:
            self._put(tie.to_bytes(_TIE_BYTES, "big")[:PREFIX_BYTES])

    def _put(self, prefix: bytes) -> None:
        if self._marks is None and len(self._prefixes) < MAX_PREFIXES:
            self._prefixes.add(prefix)
            return
        if self._marks is None:
            self._marks = bytearray(2 ** (8 * _BITS_BYTES) // 8)
            for known in self._prefixes:
                self._mark(self._marks, known)
            self._prefixes.clear()
        self._mark(self._marks, prefix)

    def _mark(self, marks: bytearray, prefix: bytes) -> None:
        place = int.from_bytes(prefix[:_BITS_BYTES], "big")
        marks[place >> 3] |= _BITS[place & 7]

    def caught(self, pieces: Sequence[Piece]) -> list[Entry]:
        """The entries that are held back."""
        prefixes, marks = self._prefixes, self._marks
        if marks is not None:
            return _marked(marks, pieces)
        if not prefixes:
            return []
        return [
            entry
            for piece in pieces
            if piece[0].log not in SPARED
            for entry in piece
            if entry[0][:PREFIX_BYTES] in prefixes
        ]


def _marked(marks: bytearray, pieces: Sequence[Piece]) -> list[Entry]:
    number, bits = int.from_bytes, _BITS
    return [
        entry
        for piece in pieces
        if piece[0].log not in SPARED
        for entry in piece
        if marks[(place := number(entry[0][:_BITS_BYTES], "big")) >> 3] & bits[place & 7]
    ]
