"""One sync session: two nodes compare frontiers and each sends what the other lacks.

    initiator: Open →                        responder: Same | Differ(first turn)
    both, in turn: Turn …                    until a side has nothing to answer
    both at once: Totals, Run …, Done        at most RUN_WINDOW runs without Ack
    both: Bye                                all judged, nothing left to ask; then each closes

States of one side: OPENING → COMPARING → TRADING → ENDED. Any message out of place is a `RemoteFault`
and ends the session. Where logs contradict each other, whoever finds out looks for the lowest place at
which they do, by bisection with Probe and Shown, and both end up with the evidence.
"""

from enum import Enum, auto

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.context import Terms
from gossip.proto.divergence import Searches
from gossip.proto.events import Effect, SessionId, Token
from gossip.proto.fields import expect, printable
from gossip.proto.interest import Interest
from gossip.proto.parts import Part
from gossip.proto.receiving import Receiving
from gossip.proto.reconcile import Reconciler
from gossip.proto.sending import Sending
from store.crypto import keyed_digest
from store.entry import Entry
from store.frontier import Selection, place_of
from store.ids import AuthorId
from store.log import Evidence, LogId


class Phase(Enum):
    """Where a session is."""

    OPENING = auto()
    COMPARING = auto()
    TRADING = auto()
    ENDED = auto()


class SyncSession:
    """One side of one session. Every method gives the effects to perform."""

    def __init__(self, session: SessionId, peer: AuthorId, *, initiator: bool, terms: Terms) -> None:
        """A session that waits for its stream."""
        self.session = session
        self.peer = peer
        self.initiator = initiator
        self.phase = Phase.OPENING
        self.rounds = 0
        self.bytes_received = 0
        self.receiving = Receiving(session, peer, terms)
        self._terms = terms
        self._peer_interest = terms.interests[1]
        self._reconciler: Reconciler | None = None
        self._sending: Sending | None = None
        self._searches = Searches()
        self._shows: dict[Token, tuple[LogId, int]] = {}
        self._probing: dict[Token, Entry] = {}
        self._contradicted: set[tuple[LogId, bytes]] = set()
        self._evidence_reads = 0
        self._evidence_bytes = limits.SESSION_EVIDENCE_BYTES
        self._truncated = False
        self._bye_sent = self._bye_received = False

    @property
    def entries_sent(self) -> int:
        """Entries sent so far."""
        return 0 if self._sending is None else self._sending.entries_sent

    @property
    def peer_interest(self) -> Interest:
        """What the peer carries, as far as it is known."""
        return self._peer_interest

    @property
    def is_comparing(self) -> bool:
        """It is ours, and what the peer has for us is not known yet."""
        return self.initiator and self.phase in (Phase.OPENING, Phase.COMPARING)

    @property
    def is_whole(self) -> bool:
        """Both sides compared everything, and all that came could be placed."""
        expected = self.receiving.expected
        return not self._truncated and (expected is None or expected.whole)

    # --- what happens -------------------------------------------------------------------------------

    def opened(self) -> list[Effect]:
        """The stream stands. The initiator speaks first."""
        if not self.initiator:
            return []
        ours, theirs = self._terms.interests
        frontier = self._terms.frontier
        self.rounds = 1
        both = ours.meet(theirs)
        return [self._send(wire.Open(ours, self._terms.nonce, frontier.digest(both), frontier.count(both)))]

    def received(self, message: wire.SyncMessage, size_bytes: int) -> list[Effect]:
        """A message came.

        Raises:
            RemoteFault: it breaks the protocol.
        """
        self.bytes_received += size_bytes
        match message:
            case wire.Open():
                return self._on_open(message)
            case wire.Same():
                return self._on_same()
            case wire.Differ():
                return self._on_differ(message)
            case wire.Turn(parts):
                expect(self.phase is Phase.COMPARING, "a turn out of turn")
                return self._take_turn(parts)
            case wire.Totals():
                return self._on_totals(message)
            case wire.Stop(why):
                return self._end(f"the peer stopped: {printable(why)}", ok=False)
            case _:
                expect(self.phase is Phase.TRADING, "data before the comparison ended")
                return self._on_trade(message)

    def run_read(self, token: Token, entries: tuple[Entry, ...]) -> list[Effect]:
        """The store answered a `ReadRun` of this session."""
        if self.phase is Phase.ENDED or self._sending is None:
            return []
        asked = self._shows.pop(token, None)
        if asked is not None:
            found = wire.Shown(entries[0].without_body()) if entries else wire.Absent(*asked)
            return [self._send(found), *self._maybe_bye()]
        effects = self._sending.run_read(token, entries)
        for log_id, seq in self._sending.conflicts:
            effects += map(self._send, self._searches.begin(log_id, seq))
        self._sending.conflicts.clear()
        return effects + self._maybe_bye()

    def evidence_read(self, evidence: bytes) -> list[Effect]:
        """The engine answered a `ReadEvidence`."""
        self._evidence_reads -= 1
        return [] if self.phase is Phase.ENDED else self._send_evidence(evidence) + self._maybe_bye()

    def judged(self, token: Token, verdicts: tuple[events.Verdict, ...]) -> list[Effect]:
        """The intake judged what we delivered.

        Raises:
            RemoteFault: it was invalid.
        """
        if self.phase is Phase.ENDED:
            return []
        shown = self._probing.pop(token, None)
        effects: list[Effect] = []
        for verdict in verdicts:
            match verdict:
                case events.Rejected(log_id, _) if self.receiving.excuses(token):
                    effects += self.receiving.refuse(log_id)
                case events.Rejected(_, why):
                    raise RemoteFault(why, Severity.HOSTILE)
                case events.Failed(_, why):
                    why = printable(why)[: limits.MAX_STOP_CHARS]
                    return [self._send(wire.Stop(why)), *self._end(why, ok=False)]
                case _ if shown is None:
                    effects += self._on_verdict(verdict)
                case _:
                    effects += map(self._send, self._searches.placed(shown, verdict))
                    if isinstance(verdict, events.Stopped):
                        effects += self._contradict(verdict.evidence)
        acknowledged = self.receiving.judged(token)
        if acknowledged:
            effects += [*acknowledged, self._progress()]
        return effects + self._maybe_bye()

    def closed(self, why: str) -> list[Effect]:
        """The stream ended."""
        if self.phase is Phase.ENDED:
            return []
        self.phase = Phase.ENDED
        return [self._report(why or "the peer closed the session early", ok=False)]

    def abandon(self, why: str) -> list[Effect]:
        """End it from our side."""
        return [] if self.phase is Phase.ENDED else self._end(why, ok=False)

    # --- comparing ----------------------------------------------------------------------------------

    def _on_open(self, message: wire.Open) -> list[Effect]:
        expect(self.phase is Phase.OPENING and not self.initiator, "open twice")
        ours, frontier = self._terms.interests[0], self._terms.frontier
        self._peer_interest = message.interest
        both = ours.meet(message.interest)
        self.rounds = 1
        if frontier.digest(both) == message.digest:
            return [self._send(wire.Same()), *self._end("", ok=True)]
        turn = self._compare_over(both, message.nonce + self._terms.nonce).first_turn()
        return [self._send(wire.Differ(ours, self._terms.nonce, frontier.digest(both), turn))]

    def _on_same(self) -> list[Effect]:
        """The answer to `Open`; or to `Differ`, from an initiator who did not know our interest before."""
        early = Phase.OPENING if self.initiator else Phase.COMPARING
        expect(self.phase is early and self.rounds == 1, "an answer without a question")
        return self._end("", ok=True)

    def _on_differ(self, message: wire.Differ) -> list[Effect]:
        expect(self.phase is Phase.OPENING and self.initiator, "an answer without a question")
        self._peer_interest = message.interest
        both = self._terms.interests[0].meet(message.interest)
        if self._terms.frontier.digest(both) == message.digest:
            return [self._send(wire.Same()), *self._end("", ok=True)]
        self._compare_over(both, self._terms.nonce + message.nonce)
        return self._take_turn(message.parts)

    def _compare_over(self, both: Selection, key: bytes) -> Reconciler:
        self.phase = Phase.COMPARING
        key = keyed_digest(key, b"asterism/sync/1", 32)
        snapshot = self._terms.frontier.snapshot(both)
        self._reconciler = Reconciler(snapshot, key, self._terms.unwanted, self._terms.is_full)
        return self._reconciler

    def _take_turn(self, parts: tuple[Part, ...]) -> list[Effect]:
        assert self._reconciler is not None
        reply = self._reconciler.answer(parts)
        self._truncated |= self._reconciler.truncated
        if reply and self.rounds >= limits.MAX_ROUNDS:
            self._truncated, reply = True, ()
        if not reply:
            return self._start_trading()
        self.rounds += 1
        return [self._send(wire.Turn(reply))]

    # --- trading ------------------------------------------------------------------------------------

    def _start_trading(self) -> list[Effect]:
        found = self._reconciler
        assert found is not None
        self.phase = Phase.TRADING
        self.receiving.begin(found.told)
        plan, fitted = found.ahead.values(), self._peer_interest.fitted
        sending = Sending(self.session, self._terms.new_token, found.head_mark, fitted, plan)
        self._sending = sending
        count = sending.entries_planned
        totals = wire.Totals(count, int(count * self._terms.entry_bytes), not self._truncated)
        effects: list[Effect] = [self._send(totals)]
        effects += (events.ReadEvidence(self.session, log_id) for log_id in found.contradicted)
        self._evidence_reads = len(found.contradicted)
        for fork in found.forked:
            if self.initiator or place_of(fork.log_id) not in found.told:
                effects += map(self._send, self._searches.begin(fork.log_id, fork.seq))
        return effects + sending.read_on()

    def _on_totals(self, message: wire.Totals) -> list[Effect]:
        starting: list[Effect] = []
        if self.phase is Phase.COMPARING:
            starting = self._start_trading()
        expect(self.phase is Phase.TRADING, "totals out of place")
        self.receiving.totals(message)
        return [*starting, self._progress()]

    def _on_trade(self, message: wire.SyncMessage) -> list[Effect]:
        assert self._sending is not None
        match message:
            case wire.Run(entries):
                return self.receiving.run(entries)
            case wire.Ack(runs):
                return self._sending.acknowledged(runs) + self._maybe_bye()
            case wire.Decline(log_id):
                return self._sending.decline(log_id) + self._maybe_bye()
            case wire.Done():
                self.receiving.done()
                return self._maybe_bye()
            case wire.Bye():
                expect(self.receiving.is_done and not self._bye_received, "bye out of place")
                self._bye_received = True
                return self._maybe_bye()
            case wire.Contradiction(evidence):
                if self._terms.is_news(evidence):
                    return [events.DeliverEvidence(self.peer, evidence)]
                self._truncated |= self.receiving.is_outstanding
                return []
            case wire.Probe(log_id, seq):
                return self._show(log_id, seq)
            case wire.Shown(entry):
                return self._on_shown(entry)
            case wire.Absent(log_id, seq):
                self._searches.answered(log_id, seq)
                return [*map(self._send, self._searches.end(log_id)), *self._maybe_bye()]
            case _:
                raise RemoteFault("a message out of place")

    def _on_verdict(self, verdict: events.Verdict) -> list[Effect]:
        """What became of a run."""
        match verdict:
            case events.Accepted(_, _, fresh):
                self.receiving.entries_new += fresh
                return []
            case events.Unwanted(log_id, _):
                return self.receiving.unwanted(log_id)
            case events.Stopped(log_id, evidence):
                return self.receiving.refuse(log_id) + self._contradict(evidence)
            case events.Diverged(log_id, seq):
                probes = self._searches.begin(log_id, seq)
                return self.receiving.refuse(log_id) + [self._send(probe) for probe in probes]
            case _:
                self._truncated |= not self.receiving.has_refused(verdict.log_id)
                return self.receiving.refuse(verdict.log_id)

    # --- contradictions -----------------------------------------------------------------------------

    def _contradict(self, evidence: Evidence) -> list[Effect]:
        named = (evidence.log_id, evidence.digest())
        if named in self._contradicted:
            return []
        self._contradicted.add(named)
        return self._send_evidence(evidence.encode())

    def _send_evidence(self, evidence: bytes) -> list[Effect]:
        """Send evidence while there is room for it; what is left goes with another session."""
        if self._evidence_bytes < len(evidence):
            self._truncated = True
            return []
        self._evidence_bytes -= len(evidence)
        return [self._send(wire.Contradiction(evidence))]

    def _show(self, log_id: LogId, seq: int) -> list[Effect]:
        expect(len(self._shows) < limits.MAX_PROBES, "too many probes at a time")
        token = self._terms.new_token()
        self._shows[token] = (log_id, seq)
        return [events.ReadRun(token, log_id, seq, seq, 1)]

    def _on_shown(self, entry: Entry) -> list[Effect]:
        self._searches.answered(LogId(entry.author, entry.log), entry.seq)
        token = self._terms.new_token()
        self._probing[token] = entry
        return [events.Deliver(token, self.peer, ((entry,),), each_signature=True)]

    # --- ends ---------------------------------------------------------------------------------------

    def _maybe_bye(self) -> list[Effect]:
        if self.phase is not Phase.TRADING or self._sending is None:
            return []
        effects: list[Effect] = []
        receiving = self.receiving
        busy = receiving.is_judging or self._probing or self._searches or self._shows or self._evidence_reads
        if self._sending.is_done and receiving.is_done and not busy and not self._bye_sent:
            self._bye_sent = True
            effects.append(self._send(wire.Bye()))
        if self._bye_sent and self._bye_received and not self._shows:
            effects += self._end("", ok=True)
        return effects

    def _end(self, why: str, *, ok: bool) -> list[Effect]:
        self.phase = Phase.ENDED
        return [self._report(why, ok=ok), events.CloseSync(self.session, why)]

    def _report(self, why: str, *, ok: bool) -> Effect:
        return events.SyncEnded(
            self.session,
            self.peer,
            ok,
            why,
            self.rounds,
            self.entries_sent,
            self.receiving.entries,
            complete=ok and self.is_whole,
        )

    def _progress(self) -> Effect:
        expected = self.receiving.expected or wire.Totals(0, 0, True)
        return events.SyncProgress(
            self.session,
            self.peer,
            self.receiving.entries,
            expected.entries,
            self.bytes_received,
            expected.size_bytes,
        )

    def _send(self, message: wire.SyncMessage) -> Effect:
        return events.SendSync(self.session, message)
