"""What the one writer is asked to do: the kinds of jobs. Values alone; `node.writer` does them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gossip.proto.events import Piece
from gossip.proto.judge import Inspected
from store.ids import EntryId
from store.log import Evidence, LogId


class Delivery(NamedTuple):
    """Inspected pieces from a peer. The answer is a verdict for each."""

    pieces: tuple[Inspected, ...]


class OwnEntries(NamedTuple):
    """Entries that we signed: all of them are kept, durably, or none."""

    pieces: tuple[Piece, ...]


class EvidenceNews(NamedTuple):
    """Checked evidence against an author."""

    evidence: Evidence


class BodyNews(NamedTuple):
    """A body that was missing."""

    entry_id: EntryId
    body: bytes


class SignaturesChecked(NamedTuple):
    """All signatures of a log up to `seq` were found good."""

    log_id: LogId
    seq: int


class Truncations(NamedTuple):
    """Logs of which no more is carried than so far."""

    ends: tuple[tuple[LogId, int], ...]
    """Last seq of each that is carried; 0: nothing of it."""


class Errand(NamedTuple):
    """Something else that changes the store, in transactions of its own. `do` may raise a StoreError."""

    do: Callable[[], None]


class Composition(NamedTuple):
    """Entries of our own that are made in the transaction which appends them."""

    compose: Callable[[], Sequence[Piece]]
    """Does it and gives the entries that are held since, in chains. May raise a StoreError."""


Job = Delivery | OwnEntries | EvidenceNews | BodyNews | SignaturesChecked | Truncations | Errand | Composition
