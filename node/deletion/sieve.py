"""A sieve for ids: which entries may be named by a deletion. Pure.

Every entry that comes is looked at, so that has to cost next to nothing, and no number of deletions may fill
the memory. One bit stands for the first 24 bits of an id: whoever is held back is looked up in the store,
which knows.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from gossip.proto.events import Piece
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_ID, EntryId

PREFIX_BYTES: Final = 3
"""2 MiB of bits. With 100,000 entries named one in 170 is looked up in vain, some µs."""

_TIE_BYTES: Final = 7
_BITS: Final = bytes(1 << bit for bit in range(8))

SPARED: Final = frozenset({LOG_ID, LOG_DELETIONS})
"""Logs whose bodies are never dropped: who belongs, and what was deleted."""


class Sieve:
    """Ids that were put in are held back; of others few."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: bytearray | None = None

    @property
    def is_empty(self) -> bool:
        """Was nothing put in?"""
        return self._marks is None

    def put(self, ids: Iterable[EntryId]) -> None:
        """Hold these back from now on."""
        for entry_id in ids:
            self._mark(int.from_bytes(entry_id[:PREFIX_BYTES], "big"))

    def put_ties(self, ties: Iterable[int]) -> None:
        """The same for ids of which only the first 56 bits are known, as numbers."""
        for tie in ties:
            self._mark(tie >> 8 * (_TIE_BYTES - PREFIX_BYTES))

    def _mark(self, place: int) -> None:
        if self._marks is None:
            self._marks = bytearray(2 ** (8 * PREFIX_BYTES) // 8)
        self._marks[place >> 3] |= _BITS[place & 7]

    def caught(self, pieces: Sequence[Piece]) -> list[Entry]:
        """The entries that are held back."""
        marks = self._marks
        if marks is None:
            return []
        number, bits, spared = int.from_bytes, _BITS, SPARED
        return [
            entry
            for piece in pieces
            if piece[0].log not in spared
            for entry in piece
            if marks[(place := number(entry.id[:PREFIX_BYTES], "big")) >> 3] & bits[place & 7]
        ]
