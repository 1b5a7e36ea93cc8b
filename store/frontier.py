"""What a node holds: a position in each log, a digest of them all, and fingerprints of ranges of them.

A position is the contiguous prefix of a log (seq and id of its head) and the evidence that ended it, if
any. Positions lie on a line of 2**64 places: a log's place is the first 8 bytes of
BLAKE2b-256(``asterism/place/1`` ‖ 0 ‖ author ‖ log number), big-endian. A place never moves, so nothing
has to be sorted again when a log grows, and a difference costs the same wherever it lies.

Bytes of a position, 80 in all: place 8 ‖ seq 8 ‖ head id 32 (zeros: none) ‖ evidence digest 32 (zeros).
A log counts where an entry of it is held or evidence against it; of an `id` log evidence alone does not
count, because only those keep it who happened to know the device before.

Digest of a frontier: BLAKE2b-256(``asterism/frontier/1`` ‖ 0 ‖ network id ‖ positions in order of place).
Fingerprint of a range: keyed BLAKE2b over the bytes of its positions in order.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from store.crypto import digest, keyed_digest
from store.ids import FOR_ALL, LOG_ID, AuthorId, NetworkId
from store.interface import LogState
from store.log import Head, LogId

PLACE_BYTES: Final = 8
PLACE_BITS: Final = 64
MAX_DIGESTS: Final = 16
"""Digests over different selections that are remembered; which there are, peers decide."""

_NONE: Final = bytes(32)


class Position(NamedTuple):
    """Where a node is in one log."""

    log_id: LogId
    place: int
    """0 to 2**64 - 1."""
    head: Head | None
    evidence: bytes
    """32 bytes: digest of the evidence that ended the log; empty: none."""
    packed: bytes
    """80 bytes, see the module."""

    def lacks(self, seq: int) -> bool:
        """Whether the log goes on here and the entry at `seq` has not come."""
        return not self.evidence and (self.head is None or self.head.seq < seq)


class Selection(NamedTuple):
    """Which logs count in a comparison."""

    logs: int
    """Bit n: logs of number n."""
    sections: tuple[frozenset[bytes], ...] = ()
    """Of each of these an author belongs to one, or else to none that is known. `FOR_ALL` counts anyway."""


def is_selected(
    log_id: LogId,
    sections: tuple[frozenset[bytes], ...],
    sections_of: Callable[[AuthorId], frozenset[bytes]],
) -> bool:
    """Whether the sections of a `Selection` leave a log in."""
    if not sections or log_id.log in FOR_ALL:
        return True
    own = sections_of(log_id.author)
    return not own or not any(own.isdisjoint(chosen) for chosen in sections)


def _of_no_section(author: AuthorId) -> frozenset[bytes]:
    return frozenset()


def place_of(log_id: LogId) -> int:
    """The place of a log on the line, 0 to 2**64 - 1."""
    name = b"asterism/place/1\x00" + log_id.author + bytes([log_id.log])
    return int.from_bytes(digest(name)[:PLACE_BYTES], "big")


def position(log_id: LogId, place: int, state: LogState) -> Position:
    """The position that a log's state is."""
    head = state.head
    evidence = b"" if state.evidence is None else state.evidence.digest()
    seq, head_id = (0, _NONE) if head is None else (head.seq, head.id)
    packed = place.to_bytes(8, "big") + seq.to_bytes(8, "big") + head_id + (evidence or _NONE)
    return Position(log_id, place, head, evidence, packed)


def _counts(log_id: LogId, state: LogState) -> bool:
    """Whether a log has a position; see the module."""
    return state.head is not None or (state.evidence is not None and log_id.log != LOG_ID)


class Frontier:
    """The positions of every log that a node holds. Two logs at one place do not both fit: the one of the
    larger name is left out, which hurts only who searched 2**32 keys to make them."""

    __slots__ = ("_digests", "_logs", "_network", "_places", "_sections_of")

    def __init__(self, network: NetworkId, states: Mapping[LogId, LogState] | None = None) -> None:
        self._network = network
        self._logs: dict[int, Position] = {}
        self._places: list[int] = []
        self._digests: dict[Selection, tuple[int, bytes]] = {}
        self._sections_of: Callable[[AuthorId], frozenset[bytes]] = _of_no_section
        for log_id, state in (states or {}).items():
            if not _counts(log_id, state):
                continue
            held = self._logs.get(place := place_of(log_id))
            if held is None or log_id < held.log_id:
                self._logs[place] = position(log_id, place, state)
        self._places = sorted(self._logs)

    def update(self, log_id: LogId, state: LogState) -> None:
        """Note a log's new state; a log of which nothing is left has no position."""
        place = place_of(log_id)
        held = self._logs.get(place)
        if held is not None and held.log_id < log_id:
            return
        if not _counts(log_id, state):
            self._remove(log_id, place)
            return
        if held is None:
            insort(self._places, place)
        self._logs[place] = position(log_id, place, state)
        self._digests.clear()

    def _remove(self, log_id: LogId, place: int) -> None:
        held = self._logs.get(place)
        if held is not None and held.log_id == log_id:
            del self._logs[place]
            del self._places[bisect_left(self._places, place)]
            self._digests.clear()

    def group_by(self, sections_of: Callable[[AuthorId], frozenset[bytes]]) -> None:
        """Ask `sections_of` which sections an author belongs to; to be told again when its answers change."""
        self._sections_of = sections_of
        self._digests.clear()

    def get(self, log_id: LogId) -> Position | None:
        """The position of one log, or None where nothing is held of it."""
        held = self._logs.get(place_of(log_id))
        return held if held is not None and held.log_id == log_id else None

    def __len__(self) -> int:
        return len(self._places)

    def count(self, selection: Selection | int) -> int:
        """How many of the logs selected are held; an int stands for logs of those numbers, by whomever."""
        return self._count_and_digest(selection)[0]

    def digest(self, selection: Selection | int) -> bytes:
        """32 bytes that name the positions of the logs selected."""
        return self._count_and_digest(selection)[1]

    def _count_and_digest(self, selection: Selection | int) -> tuple[int, bytes]:
        selection = Selection(selection) if isinstance(selection, int) else selection
        known = self._digests.get(selection)
        if known is None:
            if len(self._digests) >= MAX_DIGESTS:
                self._digests.clear()
            snapshot = self.snapshot(selection)
            known = self._digests[selection] = (len(snapshot), snapshot.digest(self._network))
        return known

    def snapshot(self, selection: Selection | int) -> "Snapshot":
        """The positions of the logs selected, as they are now."""
        numbers, sections = (selection, ()) if isinstance(selection, int) else selection
        logs = self._logs
        found = [p for place in self._places if numbers >> (p := logs[place]).log_id.log & 1]
        if sections:
            found = [p for p in found if is_selected(p.log_id, sections, self._sections_of)]
        return Snapshot(found)


def _is_held(state: LogState) -> bool:
    return state.head is not None or state.evidence is not None


class Snapshot:
    """An unchanging frontier with fingerprints for one session."""

    __slots__ = ("_by_place", "_packed", "_places", "positions")

    def __init__(self, positions: list[Position]) -> None:
        """`positions` in order of place."""
        self.positions = positions
        self._places = [p.place for p in positions]
        self._packed = [p.packed for p in positions]
        self._by_place: dict[int, Position] = dict(zip(self._places, positions, strict=True))

    def __len__(self) -> int:
        return len(self.positions)

    def at(self, place: int) -> Position | None:
        """The position at a place."""
        return self._by_place.get(place)

    def digest(self, network: NetworkId) -> bytes:
        """See the module."""
        return digest(b"asterism/frontier/1\x00" + network + b"".join(self._packed))

    def bounds(self, depth: int, prefix: int) -> tuple[int, int]:
        """First index and end index of the range whose places begin with the `depth` bits `prefix`."""
        shift = PLACE_BITS - depth
        low = bisect_left(self._places, prefix << shift)
        return low, bisect_left(self._places, (prefix + 1) << shift, low)

    def fingerprint(self, key: bytes, low: int, high: int, size_bytes: int) -> bytes:
        """Keyed fingerprint of the positions `low` to `high` (indices, end not included)."""
        return keyed_digest(key, b"".join(self._packed[low:high]), size_bytes)
