"""Push: new entries over one long-lived stream to each neighbour.

An entry is handed to the intake first; what the intake commits is pushed on to every neighbour that
wants its log and has not shown that it holds it. An entry that leaves a gap is not kept: it calls for a
sync. A commit in bulk is not pushed on; neighbours are nudged to sync. Bodies of `WHOLE_BODY_BYTES` or
more do not travel with their header; who lacks one asks, and who is waiting for it himself answers
once he has it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto import messages as wire
from gossip.proto.bodies import BodyTrade
from gossip.proto.context import Context
from gossip.proto.events import Effect, Piece, Token
from gossip.proto.evidence import glance, is_news
from gossip.proto.holders import Holders
from gossip.proto.interest import EVERYTHING, Interest
from gossip.proto.pace import Pace
from store.entry import Entry
from store.ids import AuthorId, EntryId
from store.log import Evidence, LogId

FLUSH = "flush"
NUDGE = "nudge"


class Gap(NamedTuple):
    """A peer has shown that it holds something that we lack."""

    peer: AuthorId
    filled_by: tuple[LogId, int] | None
    """The log and the seq that we lack; None: not known which."""
    digest: bytes = b""
    """What it says its frontier is, where it nudged."""


@dataclass(slots=True)
class Link:
    """A neighbour: one push stream."""

    since: float
    outbound: bool
    address: str
    hello: wire.Hello | None = None
    interest: Interest = EVERYTHING
    """What the neighbour carries, once it has said hello."""
    allowance: float = limits.RATE_BURST_ENTRIES
    """Entries that it may still push; grows by `RATE_ENTRIES_PER_S`."""
    allowance_at: float = 0.0
    outbox: list[Entry] = field(default_factory=list)
    told: set[tuple[LogId, bytes]] = field(default_factory=set)
    """Evidence that it was sent in answer to entries of logs that have ended."""
    missed: bool = False
    """Something was committed before it said hello."""


class Push:
    """The push streams of one engine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.links: dict[AuthorId, Link] = {}
        self._holders = Holders()
        self._delivered: dict[Token, tuple[AuthorId, tuple[Piece, ...]]] = {}
        self._bodies = BodyTrade(context)
        self._pace = Pace()
        self._flushed_at = float("-inf")
        self._nudged_at = float("-inf")
        self._nudging: set[AuthorId] = set()
        self._mute: dict[str, AuthorId] = {}
        self.gaps: list[Gap] = []
        """What peers hold and we lack; the engine empties this and syncs."""

    # --- links --------------------------------------------------------------------------------------

    def link_up(self, peer: AuthorId, link: Link) -> list[Effect]:
        """A stream stands: say hello."""
        self.links[peer] = link
        context = self._context
        name = f"hello:{peer.hex()}"
        self._mute[name] = peer
        context.schedule.set(name, link.since + limits.HELLO_WAIT_S)
        hello = wire.Hello(context.network, context.interest, context.tuning.hub, context.own_addresses())
        return [events.SendPush(peer, hello)]

    def link_down(self, peer: AuthorId, now: float) -> list[Effect]:
        """A stream ended. Bodies that the peer owed are asked of others."""
        self.links.pop(peer, None)
        self._nudging.discard(peer)
        return self._bodies.peer_gone(peer, self._holders, self.neighbours(), now)

    def neighbours(self) -> list[AuthorId]:
        """Peers that have said hello."""
        return [peer for peer, link in self.links.items() if link.hello is not None]

    def interest_of(self, peer: AuthorId) -> Interest:
        """What a neighbour carries, as far as known."""
        link = self.links.get(peer)
        return link.interest if link is not None and link.hello is not None else self._context.interest

    def interest_changed(self) -> list[Effect]:
        """We carry something else: tell everyone, and look for bodies that are wanted now."""
        told = wire.Interested(self._context.interest)
        return [*(events.SendPush(peer, told) for peer in self.links), self._find_missing()]

    def _find_missing(self, *, again: bool = False) -> Effect:
        return events.FindMissingBodies(self._context.interest, again)

    def is_mute(self, name: str) -> AuthorId | None:
        """The peer that a due moment is about, where it has not said hello yet."""
        peer = self._mute.pop(name, None)
        link = self.links.get(peer) if peer is not None else None
        return peer if link is not None and link.hello is None else None

    def peer_of_token(self, token: Token) -> AuthorId | None:
        """Who sent the pieces of a token."""
        delivered = self._delivered.get(token)
        return None if delivered is None else delivered[0]

    # --- messages -----------------------------------------------------------------------------------

    def received(self, peer: AuthorId, message: wire.PushMessage, now: float) -> list[Effect]:
        """A message from a neighbour.

        Raises:
            RemoteFault: it breaks the protocol.
        """
        link = self.links.get(peer)
        if link is None:
            return []
        if isinstance(message, wire.Hello):
            return self._on_hello(peer, link, message)
        if link.hello is None:
            raise RemoteFault("a message before hello")
        match message:
            case wire.Entries(entries):
                return self._on_entries(peer, link, entries, now)
            case wire.WantBodies(ids):
                return self._bodies.asked(peer, ids)
            case wire.Bodies(answers):
                return self._bodies.answered(peer, answers, self._holders, self.neighbours(), now)
            case wire.EvidenceFound(evidence):
                is_new = is_news(self._context, glance(evidence))
                return [events.DeliverEvidence(peer, evidence)] if is_new else []
            case wire.Nudge(digest):
                self.gaps.append(Gap(peer, None, digest))
                return []
            case wire.Interested(interest):
                link.interest = interest
                return []

    def _on_hello(self, peer: AuthorId, link: Link, hello: wire.Hello) -> list[Effect]:
        if link.hello is not None:
            raise RemoteFault("hello twice")
        if hello.network != self._context.network:
            raise RemoteFault("the peer belongs to another network", Severity.SLIGHT)
        link.hello, link.interest = hello, hello.interest
        addresses = (link.address,) if link.outbound and link.address else ()
        known = tuple(dict.fromkeys(addresses + hello.addresses))
        effects: list[Effect] = [
            events.Learned(peer, known, hello.hub, met=True),
            self._find_missing(again=True),
        ]
        if link.missed:
            effects.append(self._nudge_to(peer))
        return effects

    def differs(self, peer: AuthorId, digest: bytes) -> bool:
        """Whether a neighbour that nudged holds something else than we do. Costs a pass over the frontier."""
        both = self._context.interest.meet(self.interest_of(peer))
        return digest != self._context.frontier.digest(both)

    def _on_entries(self, peer: AuthorId, link: Link, entries: tuple[Entry, ...], now: float) -> list[Effect]:
        if not self._allow(link, len(entries), now):
            self.gaps.append(Gap(peer, None))
            return []
        context, carried = self._context, self._context.admission.last_carried
        fresh: dict[LogId, list[Entry]] = {}
        pieces: list[Piece] = []
        for entry in entries:
            log_id = LogId(entry.author, entry.log)
            if entry.seq > carried(log_id) or not context.carries(log_id):
                continue
            if self._holders.note(entry.id, peer):
                continue
            run = fresh.setdefault(log_id, [])
            if run and (run[-1].seq + 1 != entry.seq or run[-1].id != entry.back):
                pieces.append(tuple(run))
                run.clear()
            run.append(entry)
        pieces += (tuple(run) for run in fresh.values())
        if not pieces:
            return []
        token = context.new_token()
        self._delivered[token] = (peer, tuple(pieces))
        return [events.Deliver(token, peer, tuple(pieces), each_signature=True)]

    def _allow(self, link: Link, entries: int, now: float) -> bool:
        """Take from the peer's allowance. False: it sends more than we take from one peer."""
        grown = link.allowance + (now - link.allowance_at) * limits.RATE_ENTRIES_PER_S
        link.allowance, link.allowance_at = min(grown, limits.RATE_BURST_ENTRIES), now
        if link.allowance < entries:
            return False
        link.allowance -= entries
        return True

    # --- verdicts and commits -----------------------------------------------------------------------

    def judged(self, token: Token, verdicts: tuple[events.Verdict, ...], now: float) -> list[Effect]:
        """The intake judged pushed pieces.

        Raises:
            RemoteFault: one was invalid.
        """
        delivered = self._delivered.pop(token, None)
        if delivered is None:
            return []
        peer, pieces = delivered
        effects: list[Effect] = []
        invalid = ""
        for piece, verdict in zip(pieces, verdicts, strict=True):
            match verdict:
                case events.Accepted(_, head):
                    effects += self._bodies.want(peer, self._wanted(piece, head.seq), now)
                    self._holders.forget(entry for entry in piece if entry.seq > head.seq)
                case events.Stopped(_, evidence):
                    effects += self._tell(peer, evidence)
                case events.Rejected(_, why):
                    invalid = why
                case events.Behind(log_id, _):
                    self._note_gap(peer, piece, (log_id, piece[-1].seq))
                case events.Diverged():
                    self._note_gap(peer, piece, None)
                case events.Failed() | events.Unwanted():
                    self._holders.forget(piece)
        if invalid:
            raise RemoteFault(invalid, Severity.HOSTILE)
        return effects

    def _wanted(self, piece: Piece, last_seq: int) -> list[EntryId]:
        """Entries up to `last_seq` whose body did not come and is wanted."""
        wants = self._context.interest.wants_body
        return [entry.id for entry in piece if entry.body is None and entry.seq <= last_seq and wants(entry)]

    def _tell(self, peer: AuthorId, evidence: Evidence) -> list[Effect]:
        """Tell a neighbour, once, why we take no more of a log."""
        link = self.links.get(peer)
        named = (evidence.log_id, evidence.digest())
        if link is None or named in link.told:
            return []
        link.told.add(named)
        return [events.SendPush(peer, wire.EvidenceFound(evidence.encode()))]

    def _note_gap(self, peer: AuthorId, piece: Piece, filled_by: tuple[LogId, int] | None) -> None:
        """A piece could not be placed: whoever has shown that it holds it is asked for what is before it."""
        holders = {peer}.union(*(self._holders.of(entry.id) for entry in piece))
        self.gaps += (Gap(holder, filled_by) for holder in sorted(holders))
        self._holders.forget(piece)

    def committed(
        self, commit: events.Committed, is_bulk: Callable[[Piece], bool], now: float
    ) -> list[Effect]:
        """The store changed: push it on, or nudge where it is much.

        Whoever pushes an entry vouches for its signature, so what `is_bulk` is not pushed either; nor what
        comes too fast of its author.
        """
        effects: list[Effect] = []
        if commit.shrunk:
            self._recall(commit.shrunk)
        for evidence in commit.evidence:
            found = wire.EvidenceFound(evidence.encode())
            effects += (events.SendPush(peer, found) for peer in self.neighbours() if peer != commit.source)
        self._missed()
        if sum(map(len, commit.pieces)) > limits.BULK_ENTRIES:
            return effects + self._nudge_soon(commit.source, now)
        checked = [piece for piece in commit.pieces if commit.source is None or not is_bulk(piece)]
        pushed = [piece for piece in checked if self._pace.allows(piece[0].author, len(piece), now)]
        if len(pushed) < len(commit.pieces):
            effects += self._nudge_soon(commit.source, now)
        for piece in pushed:
            for entry in piece:
                self._holders.note(entry.id, commit.source)
            self._queue(piece)
        return effects + self._flush_soon(now)

    def _recall(self, logs: Iterable[LogId]) -> None:
        """Logs were cut: hand on nothing more of their tails, and take it again if it is carried again.

        Which of the remembered entries were cut is not known; to forget all of them costs some that are sent
        twice.
        """
        held = {log_id: self._held_seq(log_id) for log_id in logs}
        self._holders.clear()
        for link in self.links.values():
            link.outbox = [
                entry
                for entry in link.outbox
                if entry.seq <= held.get(LogId(entry.author, entry.log), entry.seq)
            ]

    def _held_seq(self, log_id: LogId) -> int:
        held = self._context.frontier.get(log_id)
        return 0 if held is None or held.head is None else held.head.seq

    def body_kept(self, entry_id: EntryId) -> list[Effect]:
        """A missing body came: whoever waits for it gets it."""
        return self._bodies.kept(entry_id)

    def bodies_read(self, token: Token, answers: tuple[wire.BodyAnswer, ...]) -> list[Effect]:
        """The store answered a `ReadBodies`."""
        return self._bodies.read(token, answers)

    def bodies_missing(self, ids: tuple[EntryId, ...], now: float) -> list[Effect]:
        """The store lacks bodies: ask neighbours."""
        return self._bodies.missing(ids, self.neighbours(), now)

    def bodies_due(self, now: float) -> list[Effect]:
        """Neighbours that owe us bodies may have let their time pass."""
        return self._bodies.due(self._holders, self.neighbours(), now)

    def _missed(self) -> None:
        for link in self.links.values():
            link.missed |= link.hello is None

    def _queue(self, piece: Piece) -> None:
        log_id, sections_of = LogId(piece[0].author, piece[0].log), self._context.admission.section_ids_of
        ours = self._context.interest
        for peer, link in self.links.items():
            if link.hello is None or not link.interest.carries(log_id, sections_of):
                continue
            if not ours.withholds(piece, link.interest):
                link.outbox += (entry for entry in piece if peer not in self._holders.of(entry.id))

    def _flush_soon(self, now: float) -> list[Effect]:
        if now - self._flushed_at >= self._context.tuning.flush_s:
            return self.flush(now)
        self._context.schedule.set_earlier(FLUSH, self._flushed_at + self._context.tuning.flush_s)
        return []

    def flush(self, now: float) -> list[Effect]:
        """Send what is queued for each neighbour. What it pushed to us meanwhile is left out."""
        effects: list[Effect] = []
        handed_on: set[EntryId] = set()
        for peer, link in self.links.items():
            if not link.outbox:
                continue
            handed_on.update(entry.id for entry in link.outbox)
            fresh = [entry for entry in link.outbox if peer not in self._holders.of(entry.id)]
            link.outbox.clear()
            batches = _batches(map(link.interest.fitted, fresh))
            effects += (events.SendPush(peer, wire.Entries(batch)) for batch in batches)
        self._holders.hand_on(handed_on)
        if effects:
            self._flushed_at = now
        return effects

    def _nudge_soon(self, source: AuthorId | None, now: float) -> list[Effect]:
        """Nudge everyone but whom we have it from, now or a little later where that was just done."""
        self._nudging |= {peer for peer in self.neighbours() if peer != source}
        at = self._nudged_at + limits.NUDGE_WAIT_S
        if at <= now:
            return self.nudge(now)
        self._context.schedule.set_earlier(NUDGE, at)
        return []

    def nudge(self, now: float) -> list[Effect]:
        """Tell those who have to know that we hold more, and a fingerprint of what."""
        peers = [peer for peer in self.neighbours() if peer in self._nudging]
        self._nudging.clear()
        self._nudged_at = now
        return [self._nudge_to(peer) for peer in peers]

    def _nudge_to(self, peer: AuthorId) -> Effect:
        both = self._context.interest.meet(self.interest_of(peer))
        return events.SendPush(peer, wire.Nudge(self._context.frontier.digest(both)))


def _batches(entries: Iterable[Entry]) -> Iterable[tuple[Entry, ...]]:
    """Entries as they travel (large bodies left out), cut into messages."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if entry.body_bytes >= limits.WHOLE_BODY_BYTES:
            entry = entry.without_body()
        cost = len(entry.header) + 80 + (len(entry.body) if entry.body is not None else 0)
        if batch and (size + cost > limits.PUSH_BATCH_BYTES or len(batch) >= limits.PUSH_BATCH_ENTRIES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(entry)
        size += cost
    if batch:
        yield tuple(batch)
