"""Range reconciliation: two nodes find the logs in which they differ. One `Reconciler` a session.

Each turn answers the other side's parts:

    Split      → for each part of the range that differs: our split of it, or our list
    Listed     → Positions of ours that are not in the list, and Wanted for those of the list not here
    Positions  → a plan to send where we are ahead; our own position where we are behind
    Wanted     → our Positions for them, where not told already

An empty answer ends the exchange on that side. Positions are packed, 24 bytes each: place 8 ‖ seq 5 ‖
fingerprint of the head id 6 ‖ fingerprint of the evidence 5 (zeros: none), keyed like the others.
For 10,000 logs of which ten differ this takes three messages each way and about 2.5 kB.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from gossip.errors import RemoteFault
from gossip.proto.limits import FINGERPRINT_BYTES, LEAF_ITEMS, MAX_SPLIT_BITS, MAX_TURN_PARTS
from gossip.proto.sync_messages import Listed, Part, Positions, Split, Wanted
from store.crypto import keyed_digest
from store.frontier import PLACE_BITS, Position, Snapshot
from store.log import LogId

_POSITION_BYTES: Final = 24
_EVIDENCE_BYTES: Final = 5
_NO_EVIDENCE: Final = bytes(_EVIDENCE_BYTES)
_NO_HEAD: Final = bytes(FINGERPRINT_BYTES)
_NOWHERE: Final = bytes(_POSITION_BYTES - 8)
_POSITIONS_A_PART: Final = 10_000
"""240 kB: with all parts of a turn well inside one frame."""


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

    __slots__ = ("_key", "_snapshot", "_told", "_unwanted", "ahead", "contradicted", "forked", "truncated")

    def __init__(self, snapshot: Snapshot, key: bytes, unwanted: AbstractSet[int] = frozenset()) -> None:
        """`key`: 32 bytes, fresh for this session. `unwanted`: places of logs not to be asked for."""
        self._unwanted = unwanted
        self._snapshot = snapshot
        self._key = key
        self._told: set[int] = set()
        self.ahead: dict[LogId, Ahead] = {}
        self.forked: list[Forked] = []
        self.contradicted: list[LogId] = []
        """Logs for which we hold evidence that the peer does not hold."""
        self.truncated = False
        """Some differences did not fit into a turn; another session must follow."""

    def head_mark(self, head_id: bytes) -> bytes:
        """The keyed fingerprint (6 bytes) of a head id, as in `Positions`."""
        return keyed_digest(self._key, head_id, FINGERPRINT_BYTES)

    def first_turn(self) -> tuple[Part, ...]:
        """What the responder says when the digests differ."""
        return tuple(self._describe(0, 0, 0, len(self._snapshot)))

    def answer(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Our turn after theirs; empty: nothing is left to say.

        Raises:
            RemoteFault: positions cut off.
        """
        reply: list[Part] = []
        tell: list[tuple[int, bytes]] = []
        want: list[bytes] = []
        for part in parts:
            match part:
                case Split():
                    reply += self._compare(part)
                case Listed():
                    self._match(part, tell, want)
                case Positions(packed):
                    tell += self._place_theirs(packed)
                case Wanted():
                    continue
        for part in parts:
            if isinstance(part, Wanted):
                tell += self._find(part.fingerprints)
        reply += self._tell(tell)
        if want:
            reply.append(Wanted(b"".join(want)))
        if len(reply) > MAX_TURN_PARTS:
            self.truncated = True
            del reply[MAX_TURN_PARTS:]
        return tuple(reply)

    def _describe(self, depth: int, prefix: int, low: int, high: int) -> Iterable[Part]:
        """Our side of a range: a list where it is small, else fingerprints of its parts."""
        count = high - low
        if count <= LEAF_ITEMS or depth >= PLACE_BITS:
            marks = (self._mark(i, i + 1) for i in range(low, high))
            yield Listed(depth, prefix, b"".join(marks))
            return
        bits = min(MAX_SPLIT_BITS, PLACE_BITS - depth, max(1, (count // LEAF_ITEMS).bit_length()))
        ranges = (self._snapshot.bounds(depth + bits, (prefix << bits) + i) for i in range(1 << bits))
        marks = (self._mark(part_low, part_high) for part_low, part_high in ranges)
        yield Split(depth, prefix, bits, b"".join(marks))

    def _mark(self, low: int, high: int) -> bytes:
        return self._snapshot.fingerprint(self._key, low, high, FINGERPRINT_BYTES)

    def _compare(self, theirs: Split) -> Iterable[Part]:
        for i in range(1 << theirs.bits):
            mark = theirs.fingerprints[i * FINGERPRINT_BYTES : (i + 1) * FINGERPRINT_BYTES]
            depth, prefix = theirs.depth + theirs.bits, (theirs.prefix << theirs.bits) + i
            low, high = self._snapshot.bounds(depth, prefix)
            if self._mark(low, high) != mark:
                yield from self._describe(depth, prefix, low, high)

    def _match(self, theirs: Listed, tell: list[tuple[int, bytes]], want: list[bytes]) -> None:
        packed = theirs.fingerprints
        marks = {packed[at : at + FINGERPRINT_BYTES] for at in range(0, len(packed), FINGERPRINT_BYTES)}
        low, high = self._snapshot.bounds(theirs.depth, theirs.prefix)
        for i in range(low, high):
            mark = self._mark(i, i + 1)
            if mark in marks:
                marks.discard(mark)
            else:
                tell.append(self._pack(self._snapshot.positions[i]))
        want += sorted(marks)

    def _find(self, fingerprints: bytes) -> Iterable[tuple[int, bytes]]:
        """Our positions with these fingerprints. One pass over the frontier."""
        marks = {
            fingerprints[at : at + FINGERPRINT_BYTES] for at in range(0, len(fingerprints), FINGERPRINT_BYTES)
        }
        for i, held in enumerate(self._snapshot.positions):
            if held.log_id not in self.ahead and self._mark(i, i + 1) in marks:
                yield self._pack(held)

    def _tell(self, positions: Iterable[tuple[int, bytes]]) -> Iterable[Part]:
        packed = []
        for place, raw in positions:
            if place not in self._told:
                self._told.add(place)
                packed.append(raw)
        for at in range(0, len(packed), _POSITIONS_A_PART):
            yield Positions(b"".join(packed[at : at + _POSITIONS_A_PART]))

    def _pack(self, held: Position) -> tuple[int, bytes]:
        seq, mark = (0, _NO_HEAD) if held.head is None else (held.head.seq, self.head_mark(held.head.id))
        raw = held.place.to_bytes(8, "big") + seq.to_bytes(5, "big") + mark + self._evidence_mark(held)
        return held.place, raw

    def _evidence_mark(self, held: Position) -> bytes:
        return keyed_digest(self._key, held.evidence, _EVIDENCE_BYTES) if held.evidence else _NO_EVIDENCE

    def _place_theirs(self, packed: bytes) -> Iterable[tuple[int, bytes]]:
        """Plan for each position of the peer; gives those of ours that the peer has to know."""
        if len(packed) % _POSITION_BYTES:
            raise RemoteFault("positions that are cut off")
        for at in range(0, len(packed), _POSITION_BYTES):
            raw = packed[at : at + _POSITION_BYTES]
            place, seq = int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:13], "big")
            held = self._snapshot.at(place)
            if held is None:
                if place not in self._unwanted:
                    yield place, raw[:8] + _NOWHERE
            elif self._plan(held, seq, raw[13:19], raw[19:24]):
                yield self._pack(held)

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
