"""Range reconciliation: two nodes find the logs in which they differ. One `Reconciler` a session.

Each turn answers the other side's parts:

    Split      → for each part of the range that differs: our split of it, or our list
    Listed     → Positions of ours that are not in the list, and Wanted for those of the list not here
    Positions  → a plan to send where we are ahead; our own position where we are behind
    Wanted     → our Positions for them, where not told already

An empty answer ends the exchange on that side. Positions are packed, 24 bytes each: place 8 ‖ seq 5 ‖
fingerprint of the head id 6 ‖ fingerprint of the evidence 5 (zeros: none), keyed like the others.
For 10,000 logs of which ten differ this takes three messages each way and at most 2.7 kB.

A turn describes nothing but what the turn before it split, each range once and in order, so that it
costs one pass over the frontier at most and ranges get smaller with every turn.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from gossip.errors import RemoteFault
from gossip.proto.limits import (
    DEEP_BITS,
    FINGERPRINT_BYTES,
    HEAD_MARK_BYTES,
    LAST_BITS,
    LEAF_ITEMS,
    LIST_ITEMS,
    MAX_POSITIONS,
    MAX_SPLIT_BITS,
    MAX_TURN_PARTS,
    TURN_BYTES,
)
from gossip.proto.parts import POSITION_BYTES, Listed, Part, Positions, Split, Wanted
from store.crypto import keyed_digest
from store.entry import MAX_SEQ
from store.frontier import PLACE_BITS, Position, Snapshot
from store.log import LogId

_EVIDENCE_BYTES: Final = 5
_NO_EVIDENCE: Final = bytes(_EVIDENCE_BYTES)
_NO_HEAD: Final = bytes(HEAD_MARK_BYTES)
_NOWHERE: Final = bytes(POSITION_BYTES - 8)
_PART_BYTES: Final = 24
"""What a part takes beside its bytes, at most."""

_WHOLE_LINE: Final = (0, 0)


def never_full(log_id: LogId) -> bool:
    """Of every log more is taken."""
    return False


class Ahead(NamedTuple):
    """We hold more of a log than the peer, who is at `their_seq` (0: it has nothing of it).

    `their_head` is the keyed fingerprint (6 bytes) of the id that the peer has there; where ours at that
    seq gives another, the log has forked.
    """

    log_id: LogId
    their_seq: int
    our_seq: int
    their_head: bytes


class Forked(NamedTuple):
    """Both hold `seq` entries of a log, ending in different ones."""

    log_id: LogId
    seq: int


class Reconciler:
    """One side of one session. `answer` takes the other side's parts and gives ours."""

    __slots__ = (
        "_heard",
        "_is_full",
        "_key",
        "_listed",
        "_snapshot",
        "_split",
        "_unwanted",
        "ahead",
        "contradicted",
        "forked",
        "told",
        "truncated",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        key: bytes,
        unwanted: AbstractSet[int] = frozenset(),
        is_full: Callable[[LogId], bool] = never_full,
    ) -> None:
        """`key`: 32 bytes, fresh for this session. `unwanted`: places of logs not to be asked for.

        `is_full`: of a held log no more is taken. The peer is told that we are at its last seq, so that it
        sends nothing, and gets what it lacks of it all the same.
        """
        self._unwanted = unwanted
        self._is_full = is_full
        self._snapshot = snapshot
        self._key = key
        self._split: dict[tuple[int, int], int] = {_WHOLE_LINE: 0}
        self._listed: dict[bytes, Position] = {}
        self._heard: set[int] = set()
        self.told: dict[int, int] = {}
        """Places whose position we told → our seq there. What the peer sends follows from these."""
        self.ahead: dict[LogId, Ahead] = {}
        self.forked: list[Forked] = []
        self.contradicted: list[LogId] = []
        """Logs for which we hold evidence that the peer does not hold."""
        self.truncated = False
        """Some differences did not fit into a turn; another session must follow."""

    def head_mark(self, head_id: bytes) -> bytes:
        """The keyed fingerprint (6 bytes) of a head id, as in `Positions`."""
        return keyed_digest(self._key, head_id, HEAD_MARK_BYTES)

    def first_turn(self) -> tuple[Part, ...]:
        """What the responder says when the digests differ."""
        return self._fitting(list(self._describe(0, 0, 0, len(self._snapshot))), [], [])

    def answer(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Our turn after theirs; empty: nothing is left to say.

        Raises:
            RemoteFault: a range that our last turn did not split, or an answer to what was not asked.
        """
        self._check_ranges(parts)
        described: list[Part] = []
        tell: list[tuple[int, int, bytes]] = []
        want: list[bytes] = []
        for part in parts:
            match part:
                case Split():
                    described += self._compare(part)
                case Listed():
                    self._match(part, tell, want)
                case Positions(packed):
                    tell += self._place_theirs(packed)
                case Wanted():
                    continue
        for part in parts:
            if isinstance(part, Wanted):
                tell += self._find(part.fingerprints)
        return self._fitting(described, tell, want)

    # --- the other side's turn ----------------------------------------------------------------------

    def _check_ranges(self, parts: Sequence[Part]) -> None:
        """Each range is a part of one that we split in our last turn, and none comes twice."""
        end = 0
        for part in parts:
            if not isinstance(part, Split | Listed):
                continue
            depth, prefix = part.depth, part.prefix
            first = prefix << PLACE_BITS - depth
            if first < end or not any(
                self._split.get((depth - bits, prefix >> bits)) == bits for bits in range(MAX_SPLIT_BITS + 1)
            ):
                raise RemoteFault("a range that was not asked for")
            end = prefix + 1 << PLACE_BITS - depth

    def _compare(self, theirs: Split) -> Iterable[Part]:
        for i in range(1 << theirs.bits):
            mark = theirs.fingerprints[i * FINGERPRINT_BYTES : (i + 1) * FINGERPRINT_BYTES]
            depth, prefix = theirs.depth + theirs.bits, (theirs.prefix << theirs.bits) + i
            low, high = self._snapshot.bounds(depth, prefix)
            if self._mark(low, high) != mark:
                yield from self._describe(depth, prefix, low, high)

    def _match(self, theirs: Listed, tell: list[tuple[int, int, bytes]], want: list[bytes]) -> None:
        marks = set(_marks(theirs.fingerprints))
        low, high = self._snapshot.bounds(theirs.depth, theirs.prefix)
        for i in range(low, high):
            mark = self._mark(i, i + 1)
            if mark in marks:
                marks.discard(mark)
            elif (held := self._snapshot.positions[i]).place not in self._unwanted:
                tell.append(self._pack(held))
        want += sorted(marks)

    def _find(self, fingerprints: bytes) -> Iterable[tuple[int, int, bytes]]:
        """Our positions that we listed with these fingerprints."""
        for mark in _marks(fingerprints):
            held = self._listed.get(mark)
            if held is None:
                raise RemoteFault("a position wanted that was not listed")
            if held.log_id not in self.ahead and held.place not in self._unwanted:
                yield self._pack(held)

    def _place_theirs(self, packed: bytes) -> Iterable[tuple[int, int, bytes]]:
        """Plan for each position of the peer; gives those of ours that the peer has to know."""
        for at in range(0, len(packed), POSITION_BYTES):
            raw = packed[at : at + POSITION_BYTES]
            place, seq = int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:13], "big")
            if place in self._heard or len(self._heard) >= MAX_POSITIONS:
                raise RemoteFault("a position told twice, or too many of them")
            self._heard.add(place)
            held = self._snapshot.at(place)
            if held is None:
                if place not in self._unwanted:
                    yield place, 0, raw[:8] + _NOWHERE
            elif self._plan(held, seq, raw[13:19], raw[19:24]) and self._takes_more(held):
                yield self._pack(held)

    def _takes_more(self, held: Position) -> bool:
        return held.place not in self._unwanted and not self._is_full(held.log_id)

    def _plan(self, held: Position, seq: int, mark: bytes, evidence: bytes) -> bool:
        """Note what we have to send about one log. True: the peer has something for us."""
        ours = held.head.seq if held.head is not None else 0
        if held.evidence and evidence != self._evidence_mark(held):
            self.contradicted.append(held.log_id)
        if evidence not in (_NO_EVIDENCE, self._evidence_mark(held)):
            return True
        if ours > seq:
            self.ahead[held.log_id] = Ahead(held.log_id, seq, ours, mark)
        elif held.head is not None and ours == seq and self.head_mark(held.head.id) != mark:
            self.forked.append(Forked(held.log_id, seq))
        return seq > ours

    # --- our turn -----------------------------------------------------------------------------------

    def _describe(self, depth: int, prefix: int, low: int, high: int) -> Iterable[Part]:
        """Our side of a range: a list where it is small, else fingerprints of its parts."""
        count = high - low
        if count <= LIST_ITEMS or depth >= LAST_BITS:
            held = self._snapshot.positions[low:high]
            marks = [self._mark(i, i + 1) for i in range(low, high)]
            self._listed.update(zip(marks, held, strict=True))
            yield Listed(depth, prefix, b"".join(marks))
            return
        bits = min(MAX_SPLIT_BITS, max(1, (count // LEAF_ITEMS).bit_length()))
        if depth >= DEEP_BITS:
            bits = MAX_SPLIT_BITS
        ranges = (self._snapshot.bounds(depth + bits, (prefix << bits) + i) for i in range(1 << bits))
        yield Split(depth, prefix, bits, b"".join(self._mark(*bounds) for bounds in ranges))

    def _fitting(
        self, described: list[Part], tell: Iterable[tuple[int, int, bytes]], want: list[bytes]
    ) -> tuple[Part, ...]:
        """As much of what there is to say as one turn takes; the rest waits for another session."""
        turn: list[Part] = []
        room = TURN_BYTES
        self._split.clear()
        for part in described:
            assert isinstance(part, Split | Listed)
            room -= len(part.fingerprints) + _PART_BYTES
            if room < 0 or len(turn) >= MAX_TURN_PARTS - 2:
                self.truncated = True
                break
            turn.append(part)
            if isinstance(part, Split):
                self._split[part.depth, part.prefix] = part.bits
        positions = self._tell(tell, max(0, room - 2 * _PART_BYTES) // POSITION_BYTES)
        if positions:
            turn.append(Positions(positions))
            room -= len(positions) + _PART_BYTES
        wanted = b"".join(want[: max(0, room - _PART_BYTES) // FINGERPRINT_BYTES])
        self.truncated |= len(wanted) < len(want) * FINGERPRINT_BYTES
        return (*turn, Wanted(wanted)) if wanted else tuple(turn)

    def _tell(self, positions: Iterable[tuple[int, int, bytes]], room: int) -> bytes:
        packed: list[bytes] = []
        for place, seq, raw in positions:
            if place in self.told:
                continue
            if len(packed) >= room or len(self.told) >= MAX_POSITIONS:
                self.truncated = True
                break
            self.told[place] = seq
            packed.append(raw)
        return b"".join(packed)

    def _mark(self, low: int, high: int) -> bytes:
        return self._snapshot.fingerprint(self._key, low, high, FINGERPRINT_BYTES)

    def _pack(self, held: Position) -> tuple[int, int, bytes]:
        if held.head is None:
            seq, mark = 0, _NO_HEAD
        elif self._is_full(held.log_id):
            seq, mark = MAX_SEQ, _NO_HEAD
        else:
            seq, mark = held.head.seq, self.head_mark(held.head.id)
        raw = held.place.to_bytes(8, "big") + seq.to_bytes(5, "big") + mark + self._evidence_mark(held)
        return held.place, seq, raw

    def _evidence_mark(self, held: Position) -> bytes:
        return keyed_digest(self._key, held.evidence, _EVIDENCE_BYTES) if held.evidence else _NO_EVIDENCE


def _marks(packed: bytes) -> Iterable[bytes]:
    """The fingerprints in a packed list."""
    return (packed[at : at + FINGERPRINT_BYTES] for at in range(0, len(packed), FINGERPRINT_BYTES))
