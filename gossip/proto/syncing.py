"""When to sync with whom: the sessions of one engine and what starts them.

A session starts when both sides of a new link have said hello (the side that dialled opens it), every
minute with one neighbour by turn, a moment after a gap or a nudge, when an announced head does not
arrive, and when a person asks. One session a peer; a wish that comes while one runs is granted after it.
A session that could not compare or take everything calls for another, as long as each brings something.
"""

from dataclasses import dataclass, field
from functools import partial

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto.context import Context, Terms
from gossip.proto.events import Effect, Piece, SessionId, Token
from gossip.proto.evidence import glance, is_news
from gossip.proto.fields import ID_LOGS
from gossip.proto.interest import Interest
from gossip.proto.sync import Phase, SyncSession
from store.frontier import place_of
from store.ids import AuthorId
from store.log import LogId

PERIODIC = "sync"
_WISH = "wish:"
_SILENCE = "silence:"
_LONGEST_PAUSE = 2


@dataclass(slots=True)
class _Peer:
    """What is remembered of a peer's sessions."""

    opened_at: float = float("-inf")
    """When we last opened one."""
    fruitless: int = 0
    """How many in a row brought nothing, since the last periodic one with whomever."""
    allowance: float = limits.SESSIONS_BURST
    allowance_at: float = 0.0


@dataclass(slots=True)
class _Wish:
    """A session that is to be opened."""

    peer: AuthorId
    always: bool = False
    """Not only because of the gaps."""
    gaps: dict[LogId, int] = field(default_factory=dict)
    """Logs of which an entry was shown, with its seq: once all are filled, the wish is granted."""


class Syncing:
    """The sync sessions of one engine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sessions: dict[SessionId, SyncSession] = {}
        self._begun_at: dict[SessionId, float] = {}
        self._tokens: dict[Token, tuple[SessionId, AuthorId]] = {}
        self._bulk: dict[Token, Piece] = {}
        self._wishes: dict[str, _Wish] = {}
        self._later: set[AuthorId] = set()
        self._peers: dict[AuthorId, _Peer] = {}
        self._unwanted: set[int] = set()
        self._preludes: set[SessionId] = set()
        """Sessions of ours over `id` logs alone."""
        self._versed: set[AuthorId] = set()
        """Peers whose `id` logs were compared with ours since their link stands."""

    # --- starting -----------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin the periodic sessions."""
        self._context.schedule.set(PERIODIC, now + self._context.jitter(self._context.tuning.sync_interval_s))

    def wish(self, peer: AuthorId, at: float, gap: tuple[LogId, int] | None = None) -> None:
        """Sync with `peer` at that time, if it is a neighbour then; for a `gap` only if it is still there."""
        name = _WISH + peer.hex()
        wish = self._wishes.setdefault(name, _Wish(peer))
        if gap is None or len(wish.gaps) >= limits.MAX_GAPS:
            wish.always = True
        else:
            wish.gaps[gap[0]] = max(gap[1], wish.gaps.get(gap[0], 0))
        record = self._peers.get(peer)
        if record is not None:
            pause = limits.SESSION_PAUSE_S * 4.0 ** min(max(0, record.fruitless - 1), _LONGEST_PAUSE)
            at = max(at, record.opened_at + pause)
        self._context.schedule.set_earlier(name, at)

    def is_wished(self, peer: AuthorId) -> bool:
        """Whether a session with `peer` is going to be opened in any case."""
        wish = self._wishes.get(_WISH + peer.hex())
        return peer in self._later or (wish is not None and wish.always)

    def periodic(self, neighbours: list[AuthorId], now: float) -> list[AuthorId]:
        """The neighbour whose turn it is: the one that was asked longest ago."""
        self.start(now)
        linked = set(neighbours)
        known = {peer: record for peer, record in self._peers.items() if peer in linked}
        for record in known.values():
            record.fruitless = 0
        self._peers = known
        if not neighbours:
            return []

        def asked_at(peer: AuthorId) -> tuple[float, float]:
            return known[peer].opened_at if peer in known else float("-inf"), self._context.random.random()

        return [min(neighbours, key=asked_at)]

    def is_wish(self, name: str) -> AuthorId | None:
        """The peer that a due moment is about; None where it is about none, or every gap has closed."""
        wish = self._wishes.pop(name, None)
        if wish is None or not (wish.always or any(self._is_open(*gap) for gap in wish.gaps.items())):
            return None
        return wish.peer

    def _is_open(self, log_id: LogId, seq: int) -> bool:
        held = self._context.frontier.get(log_id)
        wanted = min(seq, self._context.admission.last_carried(log_id))
        return wanted > 0 and (held is None or held.lacks(wanted))

    def open(self, peer: AuthorId, interest: Interest, now: float, *, at_once: bool = False) -> list[Effect]:
        """Open a session with a neighbour whose interest is known, or remember the wish.

        While one session brings entries another one would bring the same: it waits, unless `at_once`.
        """
        if any(running.peer == peer for running in self._sessions.values()):
            self._later.add(peer)
            return []
        outgoing = sum(running.initiator for running in self._sessions.values())
        full = outgoing >= limits.MAX_SESSIONS_OUT or len(self._sessions) >= limits.MAX_SESSIONS
        if full or (not at_once and self._is_receiving(now)):
            self.wish(peer, now + limits.NUDGE_WAIT_S)
            return []
        self._peers.setdefault(peer, _Peer(allowance_at=now)).opened_at = now
        session = self._context.new_session()
        context = self._context
        if context.tuning.ids_first and peer not in self._versed and context.interest.logs & ID_LOGS:
            self._preludes.add(session)
        self._begin(session, peer, interest, initiator=True, now=now)
        return [events.OpenSync(session, peer)]

    def _is_receiving(self, now: float) -> bool:
        """Whether enough sessions bring entries, one and one more for each time that has passed, or one of
        ours is about to find out whether it does."""
        begun: list[float] = []
        for number, running in self._sessions.items():
            if running.receiving.is_outstanding:
                begun.append(self._begun_at[number])
            elif running.is_comparing and now - self._begun_at[number] < limits.SOLE_COMPARISON_S:
                return True
        return bool(begun) and len(begun) > (now - min(begun)) // limits.SOLE_SESSION_S

    def _begin(
        self, session: SessionId, peer: AuthorId, interest: Interest, *, initiator: bool, now: float
    ) -> None:
        context = self._context
        if len(self._unwanted) >= limits.MAX_UNWANTED:
            self._unwanted.clear()
        terms = Terms(
            frontier=context.frontier,
            interests=(Interest(ID_LOGS) if session in self._preludes else context.interest, interest),
            last_carried=context.admission.last_carried,
            unwanted=self._unwanted,
            is_news=self._is_news,
            new_token=partial(self._token, session, peer),
            nonce=context.secret.randbytes(16),
            entry_bytes=context.entry_bytes,
            is_full=context.is_full,
        )
        self._sessions[session] = SyncSession(session, peer, initiator=initiator, terms=terms)
        self._begun_at[session] = now
        self._heard_from(session, now)

    def _token(self, session: SessionId, peer: AuthorId) -> Token:
        token = self._context.new_token()
        self._tokens[token] = (session, peer)
        return token

    def _is_news(self, evidence: bytes) -> bool:
        claim = glance(evidence)
        if not self._context.admission.last_carried(claim.log_id):
            self._unwanted.add(place_of(claim.log_id))
        return is_news(self._context, claim)

    # --- what happens -------------------------------------------------------------------------------

    def opened(self, event: events.SyncOpened, interest: Interest, now: float) -> list[Effect]:
        """A sync stream stands: ours, or a peer's.

        Raises:
            RemoteFault: the peer opens them too often.
        """
        session = self._sessions.get(event.session)
        if event.initiator:
            return [] if session is None else session.opened()
        if not self._allow(event.peer, now):
            raise RemoteFault("sync sessions without pause", Severity.SLIGHT)
        if len(self._sessions) >= limits.MAX_SESSIONS or self._serves(event.peer):
            return [events.CloseSync(event.session, "too many sync sessions at a time")]
        self._begin(event.session, event.peer, interest, initiator=False, now=now)
        return []

    def _allow(self, peer: AuthorId, now: float) -> bool:
        record = self._peers.setdefault(peer, _Peer(allowance_at=now))
        grown = record.allowance + (now - record.allowance_at) * limits.SESSIONS_PER_S
        record.allowance, record.allowance_at = min(grown, limits.SESSIONS_BURST), now
        if record.allowance < 1:
            return False
        record.allowance -= 1
        return True

    def _serves(self, peer: AuthorId) -> bool:
        return any(running.peer == peer and not running.initiator for running in self._sessions.values())

    def received(self, event: events.SyncReceived, now: float) -> list[Effect]:
        """A message on a sync stream. Raises: RemoteFault."""
        session = self._sessions.get(event.session)
        if session is None:
            return []
        self._heard_from(event.session, now)
        effects = session.received(event.message, event.size_bytes)
        for effect in effects:
            if isinstance(effect, events.Deliver) and not effect.each_signature:
                self._bulk[effect.token] = effect.pieces[0]
        return self._after(session, effects, now)

    def judged(self, event: events.Judged, now: float) -> list[Effect] | None:
        """The intake's word; None where it is not about a session of ours. Raises: RemoteFault."""
        owner = self._tokens.pop(event.token, None)
        if owner is None:
            return None
        self._bulk.pop(event.token, None)
        session = self._sessions.get(owner[0])
        if session is None:
            for verdict in event.verdicts:
                if isinstance(verdict, events.Rejected):
                    raise RemoteFault(verdict.why, Severity.HOSTILE)
            return []
        self._heard_from(session.session, now)
        return self._after(session, session.judged(event.token, event.verdicts), now)

    def is_bulk(self, piece: Piece) -> bool:
        """Whether a piece is of a run of which only the last signature was checked."""
        first, last = piece[0], piece[-1]
        return any(
            (run[0].author, run[0].log) == (first.author, first.log)
            and first.seq <= run[-1].seq
            and run[0].seq <= last.seq
            for run in self._bulk.values()
        )

    def run_read(self, event: events.RunRead, now: float) -> list[Effect]:
        """The store answered a read of a session."""
        owner = self._tokens.pop(event.token, None)
        session = None if owner is None else self._sessions.get(owner[0])
        if session is None:
            return []
        return self._after(session, session.run_read(event.token, event.entries), now)

    def evidence_read(self, event: events.EvidenceRead) -> list[Effect]:
        """The store answered a read of evidence."""
        session = self._sessions.get(event.session)
        return [] if session is None else session.evidence_read(event.evidence)

    def closed(self, event: events.SyncClosed, now: float) -> list[Effect]:
        """A sync stream ended."""
        session = self._sessions.get(event.session)
        return [] if session is None else self._after(session, session.closed(event.why), now)

    def peer_of(self, session: SessionId) -> AuthorId | None:
        """Whom a session is with."""
        running = self._sessions.get(session)
        return None if running is None else running.peer

    def peer_of_token(self, token: Token) -> AuthorId | None:
        """Whom the session of a token is or was with."""
        owner = self._tokens.get(token)
        return None if owner is None else owner[1]

    def broke(self, session_id: SessionId, fault: RemoteFault, now: float) -> list[Effect]:
        """The peer broke the protocol in a session: it ends."""
        session = self._sessions.get(session_id)
        return [] if session is None else self._after(session, session.abandon(str(fault)), now)

    def link_down(self, peer: AuthorId, now: float) -> list[Effect]:
        """A neighbour is gone: so are its sessions and wishes."""
        self._later.discard(peer)
        self._versed.discard(peer)
        effects: list[Effect] = []
        for session in [running for running in self._sessions.values() if running.peer == peer]:
            effects += self._after(session, session.abandon("the connection ended"), now)
        return effects

    def is_silence(self, name: str, now: float) -> list[Effect] | None:
        """A due moment of a session that said nothing for too long; None where it is none."""
        if not name.startswith(_SILENCE):
            return None
        session = self._sessions.get(SessionId(int(name.removeprefix(_SILENCE))))
        return [] if session is None else self._after(session, session.abandon("the peer fell silent"), now)

    def forget_unwanted(self) -> None:
        """Logs that were unwanted may be wanted now."""
        self._unwanted.clear()

    def _heard_from(self, session: SessionId, now: float) -> None:
        self._context.schedule.set(f"{_SILENCE}{session}", now + limits.SESSION_SILENCE_S)

    def _after(self, session: SyncSession, effects: list[Effect], now: float) -> list[Effect]:
        """Clear away a session that ended, and see whether another one has to follow."""
        if session.phase is not Phase.ENDED or self._sessions.pop(session.session, None) is None:
            return effects
        self._context.schedule.cancel(f"{_SILENCE}{session.session}")
        del self._begun_at[session.session]
        peer, ok = session.peer, any(isinstance(e, events.SyncEnded) and e.ok for e in effects)
        if ok:
            self._versed.add(peer)
        if session.session in self._preludes:
            self._preludes.discard(session.session)
            if ok:
                return self._go_on(session, effects, now)
        record = self._peers.setdefault(peer, _Peer(allowance_at=now))
        fresh = session.receiving.entries_new
        record.fruitless = 0 if fresh or session.entries_sent else record.fruitless + 1
        goes_on = fresh > 0 and not session.is_whole
        if peer in self._later or goes_on or (not ok and session.initiator):
            self._later.discard(peer)
            self.wish(peer, now + self._context.jitter(limits.GAP_WAIT_S))
        if session.receiving.lacks_bodies:
            effects.append(events.FindMissingBodies(self._context.interest))
        return effects

    def _go_on(self, session: SyncSession, effects: list[Effect], now: float) -> list[Effect]:
        """After a session over `id` logs comes the one over everything; for people both are one."""
        self._later.discard(session.peer)
        shown = [effect for effect in effects if not isinstance(effect, events.SyncEnded)]
        return shown + self.open(session.peer, session.peer_interest, now, at_once=True)
