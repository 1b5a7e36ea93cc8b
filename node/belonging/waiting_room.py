"""Where the `id` logs of authors wait whom the roster does not know yet. Pure, bounded, in memory only.

Of each author the beginning of his log is kept, as one chain from entry 1. Where two entries stand at one
place, the log is forked, and ends before it: that is evidence as it would be in the store, and what is
left is the same whatever came first. What is put here has been checked, each signature of it.

Full, it lets go of what waits longest of what the busiest peer has brought: a peer that makes up authors
pushes out its own.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gossip.proto.events import Piece
from store.crypto import SIGNATURE_BYTES
from store.entry import Entry
from store.ids import LOG_ID, AuthorId, EntryId, NetworkId
from store.log import FORK, Evidence, LogId, fork_proof, stronger

MAX_POOL_AUTHORS: Final = 1_000
"""Authors that wait at a time."""

MAX_POOL_BYTES: Final = 4 * 2**20
"""Headers, signatures and bodies of all of them. Parsed entries take about twice as much memory."""

MAX_AUTHOR_BYTES: Final = 65_536
"""The same for one author: more than a hundred statements. A member is known by the first three."""


class Waiting(NamedTuple):
    """What is held of one author."""

    entries: Piece
    """A chain from entry 1; empty where two first entries contradict each other."""
    evidence: Evidence | None
    """Why it goes no further."""
    source: AuthorId
    """Who brought it first."""


class Change(NamedTuple):
    """What became of a piece."""

    changed_from: int
    """The first seq at which the chain is another one than before; 0: it is the same."""
    next_seq: int
    """The seq that can come next; smaller than that of the piece where entries before it are missing."""
    evidence: Evidence | None
    """Why the log goes no further."""
    evicted: tuple[AuthorId, ...]
    """Authors that had to make room, perhaps this one."""


@dataclass(slots=True)
class _Log:
    source: AuthorId
    entries: list[Entry] = field(default_factory=list)
    evidence: Evidence | None = None
    size_bytes: int = 0


class WaitingRoom:
    """Logs that wait. Not thread-safe."""

    def __init__(
        self, network: NetworkId, max_authors: int = MAX_POOL_AUTHORS, max_bytes: int = MAX_POOL_BYTES
    ) -> None:
        self._network = network
        self._max_bytes = max_bytes
        self._least_weight = max_bytes // max_authors
        """What each author counts for at least: so the bound in bytes is the one in authors too."""
        self._logs: OrderedDict[AuthorId, _Log] = OrderedDict()
        """Those that grew last are last."""
        self._weights: Counter[AuthorId] = Counter()
        """By source."""

    def __len__(self) -> int:
        return len(self._logs)

    def __iter__(self) -> Iterator[AuthorId]:
        return iter(tuple(self._logs))

    def __contains__(self, author: object) -> bool:
        return author in self._logs

    @property
    def size_bytes(self) -> int:
        """Headers, signatures and bodies of all that wait."""
        return sum(log.size_bytes for log in self._logs.values())

    def holds(self, entry: Entry) -> bool:
        """Does this very entry wait here?"""
        log = self._logs.get(entry.author)
        return log is not None and entry.seq <= len(log.entries) and log.entries[entry.seq - 1].id == entry.id

    def get(self, author: AuthorId) -> Waiting | None:
        """What is held of an author, or None."""
        log = self._logs.get(author)
        return None if log is None else Waiting(tuple(log.entries), log.evidence, log.source)

    def put(self, piece: Piece, source: AuthorId, evidence: Evidence | None = None) -> Change:
        """Keep a checked chain of an `id` log, and evidence against it, as far as there is room."""
        author = piece[0].author if piece else evidence.log_id.author if evidence else None
        if author is None:
            raise ValueError("something has to be put")
        log = self._logs.get(author) or _Log(source)
        before = [entry.id for entry in log.entries]
        weight = self._weight(log) if author in self._logs else 0
        if evidence is not None:
            _end(log, evidence)
        self._merge(log, piece)
        changed_from = _first_difference(before, log.entries)
        if log.entries or log.evidence:
            if changed_from or author not in self._logs:
                self._logs[author] = log
                self._logs.move_to_end(author)
            self._weights[log.source] += self._weight(log) - weight
        return Change(changed_from, len(log.entries) + 1, log.evidence, self._make_room())

    def release(self, author: AuthorId) -> Waiting | None:
        """Let an author go; what was held of him."""
        found = self.get(author)
        if found is not None:
            log = self._logs.pop(author)
            self._weights[log.source] -= self._weight(log)
            if not self._weights[log.source]:
                del self._weights[log.source]
        return found

    def _merge(self, log: _Log, piece: Piece) -> None:
        """Take in what continues or contradicts the chain; the rest is left out."""
        for entry in piece:
            held, ended = log.entries, log.evidence
            if ended is not None and entry.seq >= ended.seq:
                if entry.seq == ended.seq and ended.kind == FORK:
                    self._contradict(log, ended.entries[0], entry)
                return
            if entry.seq <= len(held):
                if held[entry.seq - 1].id != entry.id:
                    self._contradict(log, held[entry.seq - 1], entry)
                    return
            elif not _append(log, entry):
                return

    def _contradict(self, log: _Log, held: Entry, entry: Entry) -> None:
        known = () if log.evidence is None else log.evidence.entries
        if entry.id not in (other.id for other in known):
            _end(log, fork_proof(held, entry, self._network))

    def _weight(self, log: _Log) -> int:
        return max(log.size_bytes, self._least_weight)

    def _make_room(self) -> tuple[AuthorId, ...]:
        evicted: list[AuthorId] = []
        while sum(self._weights.values()) > self._max_bytes:
            busiest = max(self._weights, key=self._weights.__getitem__)
            oldest = next(author for author, log in self._logs.items() if log.source == busiest)
            self.release(oldest)
            evicted.append(oldest)
        return tuple(evicted)


def _append(log: _Log, entry: Entry) -> bool:
    """Put an entry at the end of the chain. False: it does not belong there, or there is no room."""
    held, size = log.entries, _size_of(entry)
    follows = entry.seq == len(held) + 1 and (not held or entry.back == held[-1].id)
    if not follows or entry.body is None or log.size_bytes + size > MAX_AUTHOR_BYTES:
        return False
    held.append(entry)
    log.size_bytes += size
    return True


def _end(log: _Log, evidence: Evidence) -> None:
    log.evidence = stronger(log.evidence, evidence)
    del log.entries[log.evidence.seq - 1 :]
    log.size_bytes = sum(map(_size_of, log.entries))


def _first_difference(before: list[EntryId], after: list[Entry]) -> int:
    """The first seq at which a chain is another one; 0: nowhere."""
    for at, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other.id:
            return at + 1
    return 0 if len(before) == len(after) else min(len(before), len(after)) + 1


def _size_of(entry: Entry) -> int:
    return len(entry.header) + SIGNATURE_BYTES + len(entry.body or b"")


def log_of(author: AuthorId) -> LogId:
    """The `id` log of an author."""
    return LogId(author, LOG_ID)
