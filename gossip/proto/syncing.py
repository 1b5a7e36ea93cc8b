"""When to sync with whom: the sessions of one engine and what starts them.

A session starts when a link comes up (the side that dialled opens it), every minute with one neighbour
by turn, a moment after a gap or a nudge, when an announced head does not arrive, and when a person
asks. One session a peer; a wish that comes while one runs is granted after it.
"""

from gossip.errors import RemoteFault
from gossip.proto import events, limits
from gossip.proto.context import Context
from gossip.proto.events import Effect, SessionId, Token
from gossip.proto.sync import Phase, SyncSession
from store.ids import AuthorId

PERIODIC = "sync"
_WISH = "wish:"
_SILENCE = "silence:"


class Syncing:
    """The sync sessions of one engine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sessions: dict[SessionId, SyncSession] = {}
        self._tokens: dict[Token, SessionId] = {}
        self._wishes: dict[str, AuthorId] = {}
        self._later: set[AuthorId] = set()
        self._last: dict[AuthorId, float] = {}
        self._unwanted: set[int] = set()

    # --- starting -----------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Begin the periodic sessions."""
        self._context.schedule.set(PERIODIC, now + self._context.jitter(self._context.tuning.sync_interval_s))

    def wish(self, peer: AuthorId, at: float) -> None:
        """Sync with `peer` at that time, if it is a neighbour then."""
        name = _WISH + peer.hex()
        self._wishes[name] = peer
        self._context.schedule.set_earlier(name, at)

    def periodic(self, neighbours: list[AuthorId], now: float) -> list[AuthorId]:
        """The neighbour whose turn it is: the one that was asked longest ago."""
        self.start(now)
        if not neighbours:
            return []
        first = min(neighbours, key=lambda peer: (self._last.get(peer, 0.0), self._context.random.random()))
        return [first]

    def is_wish(self, name: str) -> AuthorId | None:
        """The peer that a due moment is about."""
        return self._wishes.pop(name, None)

    def open(self, peer: AuthorId, interest: int, now: float) -> list[Effect]:
        """Open a session with a neighbour whose interest is known, or remember the wish."""
        if any(running.peer == peer for running in self._sessions.values()):
            self._later.add(peer)
            return []
        outgoing = sum(running.initiator for running in self._sessions.values())
        if outgoing >= limits.MAX_SESSIONS_OUT or len(self._sessions) >= limits.MAX_SESSIONS:
            self.wish(peer, now + limits.NUDGE_WAIT_S)
            return []
        self._last[peer] = now
        session = self._context.new_session()
        self._begin(session, peer, interest, initiator=True, now=now)
        return [events.OpenSync(session, peer)]

    def _begin(
        self, session: SessionId, peer: AuthorId, interest: int, *, initiator: bool, now: float
    ) -> None:
        context = self._context
        self._sessions[session] = SyncSession(
            session,
            peer,
            initiator=initiator,
            frontier=context.frontier,
            interests=(context.tuning.interest, interest),
            unwanted=self._unwanted,
            new_token=lambda: self._token(session),
            nonce=context.secret.randbytes(16),
            entry_bytes=context.entry_bytes,
        )
        self._heard_from(session, now)

    def _token(self, session: SessionId) -> Token:
        token = self._context.new_token()
        self._tokens[token] = session
        return token

    # --- what happens -------------------------------------------------------------------------------

    def opened(self, event: events.SyncOpened, interest: int, now: float) -> list[Effect]:
        """A sync stream stands: ours, or a peer's."""
        session = self._sessions.get(event.session)
        if event.initiator:
            return [] if session is None else session.opened()
        if len(self._sessions) >= limits.MAX_SESSIONS or self._serves(event.peer):
            return [events.CloseSync(event.session, "too many sync sessions at a time")]
        self._begin(event.session, event.peer, interest, initiator=False, now=now)
        return []

    def _serves(self, peer: AuthorId) -> bool:
        return any(running.peer == peer and not running.initiator for running in self._sessions.values())

    def received(self, event: events.SyncReceived, now: float) -> list[Effect]:
        """A message on a sync stream. Raises: RemoteFault."""
        session = self._sessions.get(event.session)
        if session is None:
            return []
        self._heard_from(event.session, now)
        return self._after(session, session.received(event.message, event.size_bytes), now)

    def judged(self, event: events.Judged, now: float) -> list[Effect] | None:
        """The intake's word; None where it is not about a session of ours. Raises: RemoteFault."""
        if event.token not in self._tokens:
            return None
        session = self._sessions.get(self._tokens.pop(event.token))
        if session is None:
            return []
        self._heard_from(session.session, now)
        return self._after(session, session.judged(event.token, event.verdicts), now)

    def run_read(self, event: events.RunRead, now: float) -> list[Effect]:
        """The store answered a read of a session."""
        session = self._sessions.get(self._tokens.pop(event.token, SessionId(0)))
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
        """Whom the session of a token is with."""
        return self.peer_of(self._tokens.get(token, SessionId(0)))

    def broke(self, session_id: SessionId, fault: RemoteFault, now: float) -> list[Effect]:
        """The peer broke the protocol in a session: it ends."""
        session = self._sessions.get(session_id)
        return [] if session is None else self._after(session, session.abandon(str(fault)), now)

    def link_down(self, peer: AuthorId, now: float) -> list[Effect]:
        """A neighbour is gone: so are its sessions and wishes."""
        self._later.discard(peer)
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

    def admission_changed(self) -> None:
        """Logs that were unwanted may be wanted now."""
        self._unwanted.clear()

    def forget(self, peer: AuthorId) -> None:
        """Drop what is remembered of a peer that is not known any more."""
        self._last.pop(peer, None)

    def _heard_from(self, session: SessionId, now: float) -> None:
        self._context.schedule.set(f"{_SILENCE}{session}", now + limits.SESSION_SILENCE_S)

    def _after(self, session: SyncSession, effects: list[Effect], now: float) -> list[Effect]:
        """Clear away a session that ended, and grant a wish that waited for it."""
        if session.phase is Phase.ENDED and self._sessions.pop(session.session, None) is not None:
            self._context.schedule.cancel(f"{_SILENCE}{session.session}")
            for token in [token for token, owner in self._tokens.items() if owner == session.session]:
                del self._tokens[token]
            if session.peer in self._later:
                self._later.discard(session.peer)
                self.wish(session.peer, now + limits.GAP_WAIT_S)
        return effects
