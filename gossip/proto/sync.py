"""One sync session: two nodes compare frontiers and each sends what the other lacks.

    initiator: Open →                        responder: Same | Differ(first turn)
    both, in turn: Turn …                    until a side has nothing to answer
    both at once: Totals, Run …, Done        at most RUN_WINDOW runs without Ack
    both: Bye                                all judged, nothing left to ask; the initiator closes

States of one side: OPENING → COMPARING → TRADING → ENDED. Any message out of place is a `RemoteFault`
and ends the session. Where logs contradict each other, the initiator looks for the lowest place at
which they do, by bisection with Probe and Shown, and both end up with the evidence.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.divergence import Bisection
from gossip.proto.events import Effect, SessionId, Token
from gossip.proto.reconcile import Ahead, Reconciler
from store.crypto import keyed_digest
from store.entry import Entry
from store.frontier import Frontier, place_of
from store.ids import AuthorId
from store.log import MAX_RUN_ENTRIES, LogId


class Phase(Enum):
    """Where a session is."""

    OPENING = auto()
    COMPARING = auto()
    TRADING = auto()
    ENDED = auto()


class _Cursor(NamedTuple):
    """What is still to be sent of one log; `mark` is the peer's head there, to be compared first."""

    log_id: LogId
    next_seq: int
    last_seq: int
    mark: bytes


class SyncSession:
    """One side of one session. Every method gives the effects to perform."""

    def __init__(
        self,
        session: SessionId,
        peer: AuthorId,
        *,
        initiator: bool,
        frontier: Frontier,
        interests: tuple[int, int],
        unwanted: set[int],
        new_token: Callable[[], Token],
        nonce: bytes,
        entry_bytes: float,
    ) -> None:
        """`interests`: ours, and the peer's as far as known. `nonce`: 16 random bytes. `unwanted`: places
        of logs not to be asked for; the session adds to it. `entry_bytes`: size of an average entry."""
        self.session = session
        self.peer = peer
        self.initiator = initiator
        self.phase = Phase.OPENING
        self.rounds = 0
        self.bytes_received = 0
        self.entries_sent = 0
        self.entries_received = 0
        self._entries_expected = 0
        self._bytes_expected = 0
        self._frontier = frontier
        self._interests = interests
        self._unwanted = unwanted
        self._new_token = new_token
        self._nonce = nonce
        self._entry_bytes = entry_bytes
        self._reconciler: Reconciler | None = None
        self._cursors: deque[_Cursor] = deque()
        self._reads: dict[Token, _Cursor] = {}
        self._shows: set[Token] = set()
        self._judging: dict[Token, int] = {}
        self._bisections: dict[LogId, Bisection] = {}
        self._probing: dict[Token, tuple[LogId, int]] = {}
        self._runs_sent = 0
        self._runs_acked = 0
        self._runs_judged = 0
        self._truncated = False
        self._done_sent = self._done_received = False
        self._bye_sent = self._bye_received = False

    # --- what happens -------------------------------------------------------------------------------

    def opened(self) -> list[Effect]:
        """The stream stands. The initiator speaks first."""
        if not self.initiator:
            return []
        both = self._interests[0] & self._interests[1]
        known = self._frontier.digest(both)
        self.rounds = 1
        logs = self._frontier.count(both)
        return [self._send(wire.Open(self._interests[0], self._nonce, known, logs))]

    def received(self, message: wire.SyncMessage, size_bytes: int) -> list[Effect]:
        """A message came.

        Raises:
            RemoteFault: it breaks the protocol.
        """
        self.bytes_received += size_bytes
        match message:
            case wire.Open():
                return self._on_open(message)
            case wire.Same() | wire.Differ():
                return self._on_answer(message)
            case wire.Turn(parts):
                self._expect(self.phase is Phase.COMPARING, "a turn out of turn")
                return self._take_turn(parts)
            case wire.Totals(entries, size):
                return self._on_totals(entries, size)
            case wire.Stop(why):
                return self._end(f"the peer stopped: {why}", ok=False)
            case _:
                self._expect(self.phase is Phase.TRADING, "data before the comparison ended")
                return self._on_trade(message)

    def run_read(self, token: Token, entries: tuple[Entry, ...]) -> list[Effect]:
        """The store answered a `ReadRun` of this session."""
        if self.phase is Phase.ENDED:
            return []
        if token in self._shows:
            self._shows.discard(token)
            shown = self._send(wire.Shown(entries[0].without_body() if entries else None))
            return [shown, *self._maybe_bye()]
        cursor = self._reads.pop(token, None)
        if cursor is None:
            return []
        if cursor.mark:
            return self._compare_first(cursor, entries)
        return self._send_run(cursor, entries) + self._read_on()

    def judged(self, token: Token, verdicts: tuple[events.Verdict, ...]) -> list[Effect]:
        """The intake judged what we delivered.

        Raises:
            RemoteFault: it was invalid.
        """
        if self.phase is Phase.ENDED:
            return []
        effects: list[Effect] = []
        probed = self._probing.pop(token, None)
        for verdict in verdicts:
            match verdict:
                case events.Rejected(_, why):
                    raise RemoteFault(why, Severity.HOSTILE)
                case events.Failed(_, why):
                    return [self._send(wire.Stop(why[:200])), *self._end(why, ok=False)]
                case events.Unwanted(log_id, _):
                    self._unwanted.add(place_of(log_id))
                case events.Stopped(log_id, evidence):
                    effects += self._disagreed(log_id, evidence.seq)
                    effects.append(self._send(wire.Contradiction(evidence.encode())))
                case events.Diverged(log_id, seq):
                    effects += self._disagreed(log_id, seq)
                case events.Accepted() | events.Behind():
                    if probed is not None:
                        effects += self._agreed(*probed)
        if token in self._judging:
            del self._judging[token]
            self._runs_judged += 1
            effects += [self._send(wire.Ack(self._runs_judged)), self._progress()]
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
        self._expect(self.phase is Phase.OPENING and not self.initiator, "open twice")
        both = self._interests[0] & message.interest
        if self._frontier.digest(both) == message.digest:
            self.phase = Phase.ENDED
            self.rounds = 1
            return [self._send(wire.Same()), self._report("", ok=True)]
        reconciler = self._compare_over(both, message.nonce + self._nonce)
        turn = reconciler.first_turn()
        self.rounds = 1
        return [self._send(wire.Differ(self._interests[0], self._nonce, self._frontier.digest(both), turn))]

    def _on_answer(self, message: wire.Same | wire.Differ) -> list[Effect]:
        self._expect(self.phase is Phase.OPENING and self.initiator, "an answer without a question")
        if isinstance(message, wire.Same):
            return self._end("", ok=True)
        both = self._interests[0] & message.interest
        if self._frontier.digest(both) == message.digest:
            return self._end("", ok=True)
        self._compare_over(both, self._nonce + message.nonce)
        return self._take_turn(message.parts)

    def _compare_over(self, both: int, key: bytes) -> Reconciler:
        self.phase = Phase.COMPARING
        key = keyed_digest(key, b"asterism/sync/1", 32)
        self._reconciler = Reconciler(self._frontier.snapshot(both), key, self._unwanted)
        return self._reconciler

    def _take_turn(self, parts: tuple[wire.Part, ...]) -> list[Effect]:
        assert self._reconciler is not None
        reply = self._reconciler.answer(parts)
        self._truncated |= self._reconciler.truncated
        if not reply:
            return self._start_trading()
        self._expect(self.rounds < limits.MAX_ROUNDS, "a comparison without end")
        self.rounds += 1
        return [self._send(wire.Turn(reply))]

    # --- trading ------------------------------------------------------------------------------------

    def _start_trading(self) -> list[Effect]:
        assert self._reconciler is not None
        self.phase = Phase.TRADING
        plan = sorted(self._reconciler.ahead.values(), key=_priority)
        self._cursors.extend(_cursor(ahead) for ahead in plan)
        entries = sum(ahead.our_seq - ahead.their_seq for ahead in plan)
        effects: list[Effect] = [self._send(wire.Totals(entries, int(entries * self._entry_bytes)))]
        for log_id in self._reconciler.contradicted:
            effects.append(events.ReadEvidence(self.session, log_id))
        for fork in self._reconciler.forked:
            effects += self._contradict(fork.log_id, fork.seq, None)
        return effects + self._read_on()

    def evidence_read(self, evidence: bytes) -> list[Effect]:
        """The engine answered a `ReadEvidence`."""
        return [] if self.phase is Phase.ENDED else [self._send(wire.Contradiction(evidence))]

    def _on_totals(self, entries: int, size: int) -> list[Effect]:
        starting: list[Effect] = []
        if self.phase is Phase.COMPARING:
            starting = self._start_trading()
        self._expect(self.phase is Phase.TRADING and not self._entries_expected, "totals out of place")
        self._entries_expected, self._bytes_expected = entries, size
        return [*starting, self._progress()]

    def _on_trade(self, message: wire.SyncMessage) -> list[Effect]:
        match message:
            case wire.Run(entries):
                return self._on_run(entries)
            case wire.Ack(runs):
                self._expect(self._runs_acked <= runs <= self._runs_sent, "an impossible acknowledgement")
                self._runs_acked = runs
                return self._read_on()
            case wire.Done():
                self._expect(not self._done_received, "done twice")
                self._done_received = True
                return self._maybe_bye()
            case wire.Bye():
                self._expect(self._done_received and not self._bye_received, "bye out of place")
                self._bye_received = True
                return self._maybe_bye()
            case wire.Contradiction(evidence):
                return [events.DeliverEvidence(self.peer, evidence)]
            case wire.Probe(log_id, seq):
                return self._show(log_id, seq)
            case wire.Shown(entry):
                return self._on_shown(entry)
            case _:
                raise RemoteFault("a message out of place")

    def _on_run(self, entries: tuple[Entry, ...]) -> list[Effect]:
        self._expect(not self._done_received, "a run after done")
        self._expect(len(self._judging) < limits.RUN_WINDOW, "more runs than the window allows")
        self.entries_received += len(entries)
        token = self._new_token()
        self._judging[token] = len(entries)
        return [events.Deliver(token, self.peer, (entries,), each_signature=False)]

    def _read_on(self) -> list[Effect]:
        """Ask the store for more while the window and the read-ahead allow it; say so at the end."""
        effects: list[Effect] = []
        while (
            self._cursors and len(self._reads) < limits.READS_AHEAD and self._in_flight() < limits.RUN_WINDOW
        ):
            cursor = self._cursors.popleft()
            token = self._new_token()
            self._reads[token] = cursor
            first = cursor.next_seq - 1 if cursor.mark else cursor.next_seq
            last = min(cursor.last_seq, cursor.next_seq + MAX_RUN_ENTRIES - 1)
            effects.append(events.ReadRun(token, cursor.log_id, first, last, limits.RUN_BYTES))
        if not self._cursors and not self._reads and not self._done_sent:
            self._done_sent = True
            effects.append(self._send(wire.Done()))
        return effects

    def _in_flight(self) -> int:
        return len(self._reads) + self._runs_sent - self._runs_acked

    def _compare_first(self, cursor: _Cursor, entries: tuple[Entry, ...]) -> list[Effect]:
        """The first entry read is where the peer says it is: on the same branch?"""
        assert self._reconciler is not None
        if entries and self._reconciler.head_mark(entries[0].id) != cursor.mark:
            return self._contradict(cursor.log_id, cursor.next_seq - 1, entries[0]) + self._read_on()
        cursor = cursor._replace(mark=b"")
        if len(entries) == 1:
            self._cursors.appendleft(cursor)
        return self._send_run(cursor, entries[1:]) + self._read_on()

    def _send_run(self, cursor: _Cursor, entries: tuple[Entry, ...]) -> list[Effect]:
        if not entries:
            return []
        self._runs_sent += 1
        self.entries_sent += len(entries)
        last = entries[-1].seq
        if last < cursor.last_seq:
            self._cursors.appendleft(cursor._replace(next_seq=last + 1))
        return [self._send(wire.Run(entries))]

    # --- contradictions -----------------------------------------------------------------------------

    def _contradict(self, log_id: LogId, seq: int, entry: Entry | None) -> list[Effect]:
        """Our entry at `seq` is another than the peer's. The initiator searches; the other one shows."""
        if self.initiator:
            return self._search(log_id, seq)
        return (
            [self._send(wire.Shown(entry.without_body()))] if entry is not None else self._show(log_id, seq)
        )

    def _search(self, log_id: LogId, seq: int) -> list[Effect]:
        if log_id in self._bisections:
            return []
        search = self._bisections[log_id] = Bisection(seq)
        search.asked = seq
        return [self._send(wire.Probe(log_id, seq))]

    def _show(self, log_id: LogId, seq: int) -> list[Effect]:
        self._expect(len(self._shows) < limits.MAX_PROBES, "too many probes at a time")
        token = self._new_token()
        self._shows.add(token)
        return [events.ReadRun(token, log_id, seq, seq, 1)]

    def _on_shown(self, entry: Entry | None) -> list[Effect]:
        if entry is None:
            for log_id, search in list(self._bisections.items()):
                if search.asked:
                    del self._bisections[log_id]
            return self._maybe_bye()
        log_id = LogId(entry.author, entry.log)
        self._expect(len(self._probing) < limits.MAX_PROBES, "too many entries shown at a time")
        token = self._new_token()
        self._probing[token] = (log_id, entry.seq)
        return [events.Deliver(token, self.peer, ((entry,),), each_signature=True)]

    def _next_probe(self, log_id: LogId) -> list[Effect]:
        search = self._bisections[log_id]
        seq = search.next_probe()
        if seq:
            return [self._send(wire.Probe(log_id, seq))]
        del self._bisections[log_id]
        return []

    def _disagreed(self, log_id: LogId, seq: int) -> list[Effect]:
        """The intake found our entry at `seq` to be another than the peer's."""
        if not self.initiator:
            return []
        search = self._bisections.setdefault(log_id, Bisection(seq))
        search.differ_at(seq)
        return self._next_probe(log_id)

    def _agreed(self, log_id: LogId, seq: int) -> list[Effect]:
        if log_id not in self._bisections:
            return []
        self._bisections[log_id].same_at(seq)
        return self._next_probe(log_id)

    # --- ends ---------------------------------------------------------------------------------------

    def _maybe_bye(self) -> list[Effect]:
        if self.phase is not Phase.TRADING:
            return []
        effects: list[Effect] = []
        busy = self._judging or self._probing or self._bisections or self._shows
        if self._done_sent and self._done_received and not busy and not self._bye_sent:
            self._bye_sent = True
            effects.append(self._send(wire.Bye()))
        if self._bye_sent and self._bye_received:
            effects += self._end("", ok=True)
        return effects

    def _end(self, why: str, *, ok: bool) -> list[Effect]:
        self.phase = Phase.ENDED
        report = self._report(why, ok=ok)
        return [report, events.CloseSync(self.session, why)] if self.initiator or not ok else [report]

    def _report(self, why: str, *, ok: bool) -> Effect:
        return events.SyncEnded(
            self.session,
            self.peer,
            ok,
            why,
            self.rounds,
            self.entries_sent,
            self.entries_received,
            complete=ok and not self._truncated,
        )

    def _progress(self) -> Effect:
        return events.SyncProgress(
            self.session,
            self.peer,
            self.entries_received,
            self._entries_expected,
            self.bytes_received,
            self._bytes_expected,
        )

    def _send(self, message: wire.SyncMessage) -> Effect:
        return events.SendSync(self.session, message)

    def _expect(self, condition: bool, what: str) -> None:
        if not condition:
            raise RemoteFault(what)


def _priority(ahead: Ahead) -> tuple[bool, int, LogId]:
    """Who people are before what they say; short logs before long ones, so that much is readable soon."""
    return ahead.log_id.log > 1, ahead.our_seq - ahead.their_seq, ahead.log_id


def _cursor(ahead: Ahead) -> _Cursor:
    return _Cursor(
        ahead.log_id, ahead.their_seq + 1, ahead.our_seq, ahead.their_head if ahead.their_seq else b""
    )
