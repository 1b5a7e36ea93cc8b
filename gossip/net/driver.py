"""The shell around the engine: turns I/O into events and performs effects. It decides nothing.

One task reads the transport's events, one keeps the engine's timer, two serve each stream, one feeds
the keeper for each peer. All run in one nursery; a peer's fault ends its own tasks only.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from gossip.errors import BadAddress, LocalFault, Severity
from gossip.net import push_links, sync_streams
from gossip.net.address import parse_address
from gossip.net.feed import Feed
from gossip.net.ports import Keeper
from gossip.net.push_links import Introduce, PushLinks
from gossip.net.sync_streams import SyncListener, SyncStreams
from gossip.net.transport import Connected, Disconnected, Found, Heard, Transport
from gossip.proto import events, limits
from gossip.proto.engine import Engine
from gossip.proto.events import Effect, Event
from gossip.proto.interest import Interest
from store.ids import AuthorId
from store.interface import NOTHING_HELD
from store.log import LogId

_log = logging.getLogger(__name__)


class Driver:
    """Runs one engine over one transport and one keeper."""

    def __init__(
        self, engine: Engine, transport: Transport, keeper: Keeper, introduce: Introduce | None = None
    ) -> None:
        """`keeper` tells its commits to this driver as soon as it runs.

        `introduce` is awaited when a peer refuses our push stream, because we are a guest there. It may
        visit the peer over the connection that stands; True: dial it again, False: the dial has failed.
        """
        self._introduce = introduce
        self._engine = engine
        self._transport = transport
        self._keeper = keeper
        self.on_learned: Callable[[events.Learned], None] = lambda learned: None
        """Called with what is news for the address book."""
        self._nursery: trio.Nursery
        self._links: PushLinks
        self._streams: SyncStreams
        self._feed: Feed
        self._sync_listeners: list[SyncListener] = []
        self._timer = trio.Event()
        self._timer_at = float("inf")
        self._epoch = time.time() - trio.current_time()

    # --- for the node -------------------------------------------------------------------------------

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:  # noqa: ANN401 (see below)
        """Run until cancelled. The transport must run already.

        `task_status` is trio's; the stubs that libp2p brings along do not know its type.
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._feed = Feed(self._keeper, nursery, self.give)
            self._links = PushLinks(self._transport, self._feed, self.give, self._introduce)
            new_session = self._engine.context.new_session
            self._streams = SyncStreams(self._transport, self._feed, self.give, new_session)
            self._streams.listeners = self._sync_listeners
            self._keeper.listen(self._committed)
            self._transport.handle(push_links.PROTOCOL, self._links.serve)
            self._transport.handle(sync_streams.PROTOCOL, self._streams.serve)
            self._engine.context.addresses = tuple(_without_peer(a) for a in self._transport.addresses)
            nursery.start_soon(self._watch_timer)
            nursery.start_soon(self._watch_transport)
            self._perform(self._engine.start(self._now()))
            task_status.started()

    def give(self, event: Event) -> None:
        """Tell the engine what happened, and perform what it answers."""
        self._perform(self._engine.handle(event, self._now()))

    def on_sync(self, listener: SyncListener) -> Callable[[], None]:
        """Call `listener` with progress and reports of sync sessions; gives a function that ends it."""
        self._sync_listeners.append(listener)
        return lambda: self._sync_listeners.remove(listener)

    def neighbours(self) -> list[AuthorId]:
        """Peers with a standing link that have said hello."""
        return self._engine.neighbours()

    def problem_of(self, peer: AuthorId) -> str:
        """Why there is no link to a peer; empty where nothing is known."""
        return self._links.problems.get(peer, "")

    @property
    def announcements(self) -> int:
        """Announcements heard and believed since the start."""
        return self._engine.announcements

    @property
    def interest(self) -> Interest:
        """What we carry."""
        return self._engine.interest

    def change_interest(self, interest: Interest) -> None:
        """Carry something else from now on: neighbours are told, and asked for what is wanted and lacking."""
        self.give(events.InterestChanged(interest))

    def interests(self) -> dict[AuthorId, Interest]:
        """What others carry, of neighbours as they said last, of others as they announced it."""
        return self._engine.interests()

    def is_welcome(self, peer: AuthorId) -> bool:
        """Whether we talk to a peer at the moment: it is admitted and not banned."""
        return self._engine.is_welcome(peer, self._now())

    def _now(self) -> float:
        """Unix time on a clock that never goes back, and goes on where the machine was asleep."""
        ahead_s = time.time() - trio.current_time() - self._epoch
        if ahead_s > limits.CLOCK_JUMP_S:
            self._epoch += ahead_s
        return self._epoch + trio.current_time()

    def _committed(self, commit: events.Committed) -> None:
        named = [LogId(piece[0].author, piece[0].log) for piece in commit.pieces]
        ended = [evidence.log_id for evidence in commit.evidence]
        for log_id in dict.fromkeys((*named, *ended, *commit.shrunk)):
            self._engine.update(log_id, self._keeper.state(log_id) or NOTHING_HELD)
        self.give(commit)

    # --- time and transport -------------------------------------------------------------------------

    async def _watch_timer(self) -> None:
        while True:
            self._timer = trio.Event()
            with trio.move_on_at(self._timer_at - self._epoch) as waiting:
                await self._timer.wait()
            if waiting.cancelled_caught:
                due, self._timer_at = self._timer_at, float("inf")
                self._perform(self._engine.handle(events.TimerFired(), max(due, self._now())))

    async def _watch_transport(self) -> None:
        async for happened in self._transport.events:
            match happened:
                case Connected(peer, address, outbound):
                    self._nursery.start_soon(self._links.greet, peer, address, outbound)
                case Disconnected(peer):
                    self._links.gone(peer)
                    self._streams.end_all(peer)
                case Heard(origin, payload):
                    self.give(events.Announced(origin, payload))
                case Found(peer, addresses):
                    self.give(events.PeerFound(peer, addresses, configured=False))

    # --- effects ------------------------------------------------------------------------------------

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case events.SendPush():
                    self._links.send(effect)
                case events.SendSync():
                    self._streams.send(effect)
                case events.Deliver():
                    self._feed.deliver(effect)
                case events.SetTimer(at):
                    self._timer_at = at
                    self._timer.set()
                case events.CloseSync():
                    self._streams.close(effect)
                case events.ReadEvidence():
                    self._read_evidence(effect)
                case events.SyncProgress():
                    self._streams.progress(effect)
                case events.SyncEnded():
                    self._streams.ended(effect)
                case events.Learned():
                    self.on_learned(effect)
                case events.OpenSync():
                    self._nursery.start_soon(self._streams.open, effect)
                case _:
                    self._nursery.start_soon(_WORK[type(effect)], self, effect)

    def _read_evidence(self, effect: events.ReadEvidence) -> None:
        state = self._keeper.state(effect.log_id)
        if state is not None and state.evidence is not None:
            self.give(events.EvidenceRead(effect.session, state.evidence.encode()))

    async def _deliver_evidence(self, effect: events.DeliverEvidence) -> None:
        with self._feed.weighing(effect.source, len(effect.evidence)):
            proves = await self._keeper.ingest_evidence(effect.evidence, effect.source)
        if not proves:
            self.give(events.Faulted(effect.source, Severity.HOSTILE, "evidence that proves nothing"))

    async def _deliver_body(self, effect: events.DeliverBody) -> None:
        if await self._keeper.ingest_body(effect.entry_id, effect.body, effect.source):
            self.give(events.BodyKept(effect.entry_id))
        else:
            self.give(events.Faulted(effect.source, Severity.BAD, "a body that does not fit"))

    async def _read_run(self, effect: events.ReadRun) -> None:
        entries = await self._keeper.read_run(
            effect.log_id, effect.first_seq, effect.last_seq, effect.max_bytes
        )
        self.give(events.RunRead(effect.token, entries))

    async def _read_bodies(self, effect: events.ReadBodies) -> None:
        answers = await self._keeper.read_bodies(effect.ids)
        self.give(events.BodiesRead(effect.token, tuple(answers)))

    async def _find_missing(self, effect: events.FindMissingBodies) -> None:
        ids = await self._keeper.missing_bodies(limits.WANTED_BODIES, effect.interest, again=effect.again)
        if ids:
            self.give(events.BodiesMissing(tuple(ids)))

    async def _note_absent(self, effect: events.NoteAbsent) -> None:
        await self._keeper.note_absent(effect.ids)

    async def _announce(self, effect: events.Announce) -> None:
        try:
            await self._transport.publish(effect.payload)
        except LocalFault as fault:
            _log.debug("could not announce: %s", fault)

    async def _dial(self, effect: events.Dial) -> None:
        usable = tuple(filter(_is_usable, effect.addresses))
        try:
            await self._transport.dial(effect.peer, usable or effect.addresses, limits.DIAL_TIMEOUT_S)
        except LocalFault as fault:
            self._links.note(effect.peer, str(fault))
            self.give(events.DialFailed(effect.peer, str(fault)))

    async def _disconnect(self, effect: events.Disconnect) -> None:
        self._links.note(effect.peer, effect.why)
        if not self._links.let_go(effect.peer, effect.why):
            await self._transport.drop(effect.peer)


def _is_usable(address: str) -> bool:
    """Whether we can dial an address: a peer of a later version may have other ones too."""
    try:
        parse_address(address)
    except BadAddress:
        return False
    return True


def _without_peer(address: str) -> str:
    return address.rpartition("/p2p/")[0] or address


_WORK: Final[dict[type, Callable[[Driver, Any], Awaitable[None]]]] = {
    events.DeliverEvidence: Driver._deliver_evidence,
    events.DeliverBody: Driver._deliver_body,
    events.ReadRun: Driver._read_run,
    events.ReadBodies: Driver._read_bodies,
    events.FindMissingBodies: Driver._find_missing,
    events.NoteAbsent: Driver._note_absent,
    events.Announce: Driver._announce,
    events.Dial: Driver._dial,
    events.Disconnect: Driver._disconnect,
}
