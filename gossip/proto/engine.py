"""The whole protocol as one object: `handle(event, now)` gives the effects to perform.

It holds push, announcements, sync, peers and reputation, and the frontier that they share. It reads no
clock, draws no chance of its own and does no I/O: `gossip.net.driver` and `gossip.sim` do that.
`now` is Unix time in seconds on a clock that never goes back.
"""

from random import Random
from typing import assert_never

from gossip.errors import RemoteFault
from gossip.proto import events, limits
from gossip.proto.admission import Admission
from gossip.proto.announce import MISSING, PRESENCE, Announcer
from gossip.proto.bodies import BODIES
from gossip.proto.context import Context, Tuning
from gossip.proto.events import Effect, Event
from gossip.proto.interest import Interest
from gossip.proto.messages import Hello, PushMessage
from gossip.proto.peers import DIAL, EXPLORE, Peers
from gossip.proto.push import FLUSH, NUDGE, Link, Push
from gossip.proto.reputation import Reputation
from gossip.proto.syncing import PERIODIC, Syncing
from store.frontier import Frontier
from store.ids import AuthorId, NetworkId
from store.interface import LogState
from store.log import LogId


class Engine:
    """One node's side of the protocol."""

    def __init__(
        self,
        device: AuthorId,
        network: NetworkId,
        admission: Admission,
        frontier: Frontier,
        *,
        random: Random,
        secret: Random,
        tuning: Tuning | None = None,
    ) -> None:
        """`random`: jitter and choices; `secret`: session keys, unpredictable in a real node."""
        self.context = Context(device, network, admission, frontier, random, secret, tuning or Tuning())
        self._reputation = Reputation()
        self._peers = Peers(self.context, self._reputation)
        self._push = Push(self.context)
        self._syncing = Syncing(self.context)
        self._announcer = Announcer(self.context)
        self._timer_at: float | None = None
        frontier.group_by(admission.section_ids_of)

    # --- what others may look at ----------------------------------------------------------------------

    @property
    def frontier(self) -> Frontier:
        """What we hold, as far as the engine was told."""
        return self.context.frontier

    def neighbours(self) -> list[AuthorId]:
        """Peers with a standing link that have said hello."""
        return self._push.neighbours()

    @property
    def interest(self) -> Interest:
        """What we carry."""
        return self.context.interest

    def interests(self) -> dict[AuthorId, Interest]:
        """What others carry, of neighbours as they said last, of others as they announced it."""
        said = {peer: self._push.interest_of(peer) for peer in self._push.neighbours()}
        return self._announcer.interests() | said

    @property
    def announcements(self) -> int:
        """Announcements heard and believed since the start."""
        return self._announcer.announcements

    def update(self, log_id: LogId, state: LogState) -> None:
        """A log's state changed; told before the `Committed` event about it."""
        self.context.frontier.update(log_id, state)

    # --- the one function -------------------------------------------------------------------------------

    def start(self, now: float) -> list[Effect]:
        """Begin: set the first timers."""
        self._announcer.start(now)
        self._syncing.start(now)
        self._peers.start(now)
        return self._with_timer([])

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in what happened; give what is to be done. Never raises for what a peer did."""
        culprit = self._culprit(event)
        try:
            effects = self._dispatch(event, now)
        except RemoteFault as fault:
            effects = self._blame(event, culprit, fault, now)
        self._mind_gaps(now)
        return self._with_timer(effects)

    def _mind_gaps(self, now: float) -> None:
        """Sync a moment later with whoever holds what we lack."""
        for gap in self._push.gaps:
            peer, digest = gap.peer, gap.digest
            if digest and (self._syncing.is_wished(peer) or not self._push.differs(peer, digest)):
                continue
            self._syncing.wish(gap.peer, now + limits.GAP_WAIT_S, gap.filled_by)
        self._push.gaps.clear()

    def _with_timer(self, effects: list[Effect]) -> list[Effect]:
        at = self.context.schedule.next_at()
        if at is not None and at != self._timer_at:
            self._timer_at = at
            effects.append(events.SetTimer(at))
        return effects

    def _dispatch(self, event: Event, now: float) -> list[Effect]:  # long because it is the table of events
        match event:
            case events.PushReceived(peer, message):
                return self._pushed(peer, message, now)
            case events.Committed():
                return self._committed(event, now)
            case events.Judged():
                effects = self._syncing.judged(event, now)
                return self._push.judged(event.token, event.verdicts, now) if effects is None else effects
            case events.SyncReceived():
                return self._syncing.received(event, now)
            case events.RunRead():
                return self._syncing.run_read(event, now)
            case events.EvidenceRead():
                return self._syncing.evidence_read(event)
            case events.TimerFired():
                return self._timer(now)
            case events.LinkUp():
                return self._link_up(event, now)
            case events.LinkDown(peer, _):
                return self._link_down(peer, now)
            case events.SyncOpened():
                return self._sync_opened(event, now)
            case events.SyncClosed():
                return self._syncing.closed(event, now)
            case _:
                return self._dispatch_rare(event, now)

    def _dispatch_rare(
        self,
        event: events.BodiesRead
        | events.BodyKept
        | events.BodiesMissing
        | events.Faulted
        | events.Announced
        | events.PeerFound
        | events.DialFailed
        | events.AdmissionChanged
        | events.InterestChanged
        | events.AddressesChanged
        | events.SyncWanted,
        now: float,
    ) -> list[Effect]:
        admission = self.context.admission
        match event:
            case events.BodiesRead(token, answers):
                return self._push.bodies_read(token, answers)
            case events.BodyKept(entry_id):
                return self._push.body_kept(entry_id)
            case events.BodiesMissing(ids):
                return self._push.bodies_missing(ids, now)
            case events.Faulted(_, severity, why):
                raise RemoteFault(why, severity)
            case events.Announced(origin, payload):
                return self._announced(origin, payload, now)
            case events.PeerFound():
                return self._peers.found(event, now)
            case events.DialFailed(peer, _):
                return self._peers.dial_failed(peer, now)
            case events.AdmissionChanged():
                self.context.frontier.group_by(admission.section_ids_of)
                self._compare_with_all(now)
                return self._peers.admission_changed(now)
            case events.InterestChanged(interest):
                return self._interest_changed(interest, now)
            case events.AddressesChanged(addresses):
                self.context.addresses = addresses
                self._announcer.own_heads_changed(now)
                return []
            case events.SyncWanted(peer):
                return self._syncing.open(peer, self._push.interest_of(peer), now, at_once=True)
            case _:
                assert_never(event)

    def _compare_with_all(self, now: float) -> None:
        """Something else is wanted than before: ask every neighbour."""
        self._syncing.forget_unwanted()
        for peer in self._push.neighbours():
            self._syncing.wish(peer, now)

    def _interest_changed(self, interest: Interest, now: float) -> list[Effect]:
        if interest == self.context.interest:
            return []
        self.context.interest = interest
        self._announcer.own_heads_changed(now)
        self._compare_with_all(now)
        return self._push.interest_changed()

    # --- links ------------------------------------------------------------------------------------------

    def is_welcome(self, peer: AuthorId, now: float) -> bool:
        """Whether we talk to a peer at the moment: it is admitted and not banned."""
        return not self._reputation.is_banned(peer, now) and self.context.admission.admits_peer(peer)

    def _link_up(self, event: events.LinkUp, now: float) -> list[Effect]:
        peer = event.peer
        if not self.is_welcome(peer, now):
            return [events.Disconnect(peer, "not welcome at the moment")]
        effects = self._peers.link_up(peer, now)
        if effects:
            return effects
        self._announcer.linked(now)
        return self._push.link_up(peer, Link(now, event.outbound, event.address, allowance_at=now))

    def _pushed(self, peer: AuthorId, message: PushMessage, now: float) -> list[Effect]:
        effects = self._push.received(peer, message, now)
        if isinstance(message, Hello) and peer in self._push.links and self._push.links[peer].outbound:
            self._syncing.wish(peer, now)
        return effects

    def _link_down(self, peer: AuthorId, now: float) -> list[Effect]:
        effects = self._push.link_down(peer, now) + self._syncing.link_down(peer, now)
        return effects + self._peers.link_down(peer, now)

    def _sync_opened(self, event: events.SyncOpened, now: float) -> list[Effect]:
        if not event.initiator and not self.is_welcome(event.peer, now):
            why = "not welcome at the moment"
            return [events.CloseSync(event.session, why), events.Disconnect(event.peer, why)]
        if not event.initiator and event.peer not in self.neighbours():
            return [events.CloseSync(event.session, "a sync before hello")]
        return self._syncing.opened(event, self._push.interest_of(event.peer), now)

    # --- changes ----------------------------------------------------------------------------------------

    def _committed(self, event: events.Committed, now: float) -> list[Effect]:
        if event.source is None and event.pieces:
            self._announcer.own_heads_changed(now)
        for piece in event.pieces[:4]:
            size = sum(len(entry.header) + 70 + entry.body_bytes for entry in piece) / len(piece)
            self.context.entry_bytes += (size - self.context.entry_bytes) * 0.1
        if event.evidence and event.source is not None:
            self._syncing.wish(event.source, now + limits.GAP_WAIT_S)
        return self._push.committed(event, self._syncing.is_bulk, now)

    def _announced(self, origin: AuthorId, payload: bytes, now: float) -> list[Effect]:
        if not self.context.admission.admits_peer(origin):
            return []
        said = self._announcer.hear(origin, payload, now)
        if said is None:
            return []
        learned = events.Learned(origin, said.addresses, said.hub, met=False)
        return [learned, *self._peers.heard(origin, said.addresses, hub=said.hub, now=now)]

    # --- time -------------------------------------------------------------------------------------------

    def _timer(self, now: float) -> list[Effect]:
        self._timer_at = None
        effects: list[Effect] = []
        for name in self.context.schedule.pop_due(now):
            effects += self._due(name, now)
        return effects

    def _due(self, name: str, now: float) -> list[Effect]:
        if name == FLUSH:
            return self._push.flush(now)
        if name == EXPLORE:
            return self._peers.explore(now)
        if name == DIAL:
            return self._peers.dial_some(now)
        if name == PRESENCE:
            return self._announcer.say(now)
        if name == NUDGE:
            return self._push.nudge(now)
        if name == BODIES:
            return self._push.bodies_due(now)
        if name == PERIODIC:
            asked = self._syncing.periodic(self.neighbours(), now)
            missing = events.FindMissingBodies(self.context.interest)
            return [missing, *self._open_with(asked, now)]
        if name == MISSING:
            return self._fetch_missing(now)
        silent = self._push.is_mute(name)
        if silent is not None:
            return [events.Disconnect(silent, "the peer did not say hello")]
        wished = self._syncing.is_wish(name)
        if wished is not None:
            return self._open_with([wished], now)
        return self._syncing.is_silence(name, now) or []

    def _open_with(self, peers: list[AuthorId], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for peer in peers:
            if peer in self.neighbours() and self.is_welcome(peer, now):
                effects += self._syncing.open(peer, self._push.interest_of(peer), now)
        return effects

    def _fetch_missing(self, now: float) -> list[Effect]:
        """Announced heads that did not come: ask the origins themselves, for all others one neighbour."""
        neighbours = self.neighbours()
        origins = self._announcer.still_missing(now)
        if not neighbours or not origins:
            return []
        asked = [origin for origin in origins if origin in neighbours]
        if len(asked) < len(origins):
            asked.append(self.context.random.choice(neighbours))
        return self._open_with(list(dict.fromkeys(asked)), now)

    # --- faults -----------------------------------------------------------------------------------------

    def _culprit(self, event: Event) -> AuthorId | None:
        """Whose fault it is if handling the event fails."""
        match event:
            case events.SyncReceived(session, _, _):
                return self._syncing.peer_of(session)
            case events.Judged(token, _):
                return self._syncing.peer_of_token(token) or self._push.peer_of_token(token)
            case events.PushReceived(peer, _) | events.Faulted(peer, _, _) | events.Announced(peer, _):
                return peer
            case events.SyncOpened(_, peer, _):
                return peer
            case _:
                return None

    def _blame(self, event: Event, culprit: AuthorId | None, fault: RemoteFault, now: float) -> list[Effect]:
        """A peer broke the protocol: its session or link ends, and it may be banned."""
        effects: list[Effect] = []
        if isinstance(event, events.SyncReceived):
            effects = self._syncing.broke(event.session, fault, now)
        if isinstance(event, events.SyncOpened):
            effects = [events.CloseSync(event.session, str(fault))]
        if culprit is None:
            return effects
        banned = self._reputation.blame(culprit, fault.severity, now)
        if banned or not isinstance(event, events.SyncReceived):
            why = f"{fault} (banned for a while)" if banned else str(fault)
            effects += self._syncing.link_down(culprit, now)
            effects.append(events.Disconnect(culprit, why))
        return effects
