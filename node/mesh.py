"""The running mesh as the api and the doors see it: who is connected, why not, and syncs on request.

Between `gossip.net.driver`, which speaks of sessions and links, and people, who speak of peers. It keeps
what was learned of each peer since the start; what is worth keeping longer goes to the address book
through `on_learned`. For the trio thread.
"""

import math
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import trio

from gossip.errors import RemoteFault
from gossip.net.blob_streams import BlobStreams
from gossip.net.driver import Driver
from gossip.net.sync_streams import SyncReport
from gossip.net.transport import Transport
from gossip.proto.events import (
    AdmissionChanged,
    BodiesMissing,
    Faulted,
    Learned,
    PeerFound,
    SessionId,
    SyncEnded,
    SyncProgress,
    SyncWanted,
)
from gossip.proto.interest import Interest
from store.ids import AuthorId, EntryId, LogNo

WATCH_S: Final = 0.5
"""How often links are looked at for those who are told of them; people do not notice less."""

REACH_S: Final = 6.0
"""How long a sync that somebody asked for waits for a peer that is not connected: a few dials."""

MAX_LEARNED: Final = 10_000
"""Peers of which something is remembered; it is forgotten whole beyond that."""

_PROGRESS_QUEUE: Final = 1_024
"""News of syncs that wait for whoever asked; progress beyond it is not told, results always are."""


class PeerState(NamedTuple):
    """What is known of a peer since the start."""

    address: str = ""
    """Where it was reached, or said that it is."""
    hub: bool = False
    seen_ms: int = 0
    """When it was last connected, Unix time; 0: not since the start."""


class Synced(NamedTuple):
    """The last complete sync with a peer."""

    ended_ms: int
    """Unix time."""
    bodies: int
    """Bit n: the peer said that it wants the bodies of logs of number n."""


class LinkChange(NamedTuple):
    """A peer came or went."""

    device: AuthorId
    up: bool
    detail: str
    """Its address, or why the link ended."""


class Recheckable(Transport, Protocol):
    """A transport that can be told that admission changed."""

    async def recheck(self) -> None:
        """Drop each connection whose device is no longer admitted."""
        ...


class Mesh:
    """What runs between this node and its peers."""

    def __init__(self, driver: Driver, transport: Recheckable, *, hub: bool) -> None:
        """The driver tells this mesh what it learns from now on."""
        self.hub = hub
        self.on_learned: Callable[[Learned], None] = lambda learned: None
        """Called with what is worth keeping in the address book."""
        self.blobs: BlobStreams | None = None
        """What fetches and serves blobs; None: nothing does. Whoever uses it runs it."""
        self._driver = driver
        self._transport = transport
        self._states: dict[AuthorId, PeerState] = {}
        self._changed = trio.Event()
        self._heard = trio.Event()
        self._synced: dict[AuthorId, Synced] = {}
        driver.on_learned = self._learned
        driver.on_sync(self._note_sync)

    # --- how it stands --------------------------------------------------------------------------------

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where we listen, with /p2p/…"""
        return self._transport.addresses

    @property
    def announcements(self) -> int:
        """Announcements heard and believed since the start."""
        return self._driver.announcements

    def connected(self) -> list[AuthorId]:
        """Peers with a standing link."""
        return self._driver.neighbours()

    def is_connected(self, device: AuthorId) -> bool:
        """Is there a standing link to that peer?"""
        return device in self._driver.neighbours()

    def sources(self) -> list[AuthorId]:
        """Peers with a standing link, hubs first: whom to ask for blobs."""
        return sorted(self.connected(), key=lambda device: not self.state_of(device).hub)

    def blame(self, device: AuthorId, fault: RemoteFault) -> None:
        """A peer broke a protocol: the connection to it ends, and it may be banned."""
        self._driver.give(Faulted(device, fault.severity, str(fault)))

    def state_of(self, device: AuthorId) -> PeerState:
        """What is known of a peer since the start."""
        state = self._states.get(device, PeerState())
        return state._replace(seen_ms=_now_ms()) if self.is_connected(device) else state

    def problem_of(self, device: AuthorId) -> str:
        """Why there is no link to a peer; empty where nothing is known."""
        return self._driver.problem_of(device)

    def hubs(self) -> dict[AuthorId, str]:
        """Devices that said since the start that they are hubs, with an address of each or an empty text."""
        return {device: state.address for device, state in self._states.items() if state.hub}

    @property
    def interest(self) -> Interest:
        """What this node carries."""
        return self._driver.interest

    def interests(self) -> dict[AuthorId, Interest]:
        """What others said that they carry."""
        return self._driver.interests()

    def change_interest(self, interest: Interest) -> None:
        """Carry something else from now on, and tell others; the same again changes nothing."""
        self._driver.change_interest(interest)

    def synced_ms(self) -> dict[AuthorId, int]:
        """When the last complete sync with each peer ended, Unix time; since the start."""
        return {device: synced.ended_ms for device, synced in self._synced.items()}

    def last_synced_ms(self, log: LogNo) -> int:
        """When the last complete sync ended with a peer that wanted bodies of logs of that number, and so had
        those that were for us, Unix time; 0: none since the start."""
        return max((s.ended_ms for s in self._synced.values() if s.bodies >> log & 1), default=0)

    # --- what people ask for ----------------------------------------------------------------------------

    def peer_added(self, device: AuthorId, addresses: Sequence[str]) -> None:
        """A peer was put on the list, or is there from the start: connect to it."""
        self._driver.give(PeerFound(device, tuple(addresses), configured=True))

    def peer_met(self, device: AuthorId, addresses: Sequence[str]) -> None:
        """A peer was met in the past: connect to it where links are wanted."""
        self._driver.give(PeerFound(device, tuple(addresses), configured=False))

    def admission_changed(self) -> None:
        """Who is let in changed: ask again about everyone."""
        self._driver.give(AdmissionChanged())
        self._changed.set()

    def ask_for_bodies(self, ids: Sequence[EntryId]) -> None:
        """Ask who is connected for bodies that are missing here; who connects later is asked then."""
        if ids:
            self._driver.give(BodiesMissing(tuple(ids)))

    async def sync(self, peers: Sequence[AuthorId]) -> AsyncGenerator[SyncReport | SyncProgress, None]:
        """Sync with each of `peers`: progress, and one report for each. Ends after the last report."""
        waiting = set(peers)
        send, receive = trio.open_memory_channel[SyncReport | SyncProgress](math.inf)

        def tell(news: SyncReport | SyncProgress) -> None:
            peer = news.ended.peer if isinstance(news, SyncReport) else news.peer
            is_late = isinstance(news, SyncProgress) and (
                send.statistics().current_buffer_used > _PROGRESS_QUEUE
            )
            if peer in waiting and not is_late:
                send.send_nowait(news)

        stop = self._driver.on_sync(tell)
        try:
            for peer in await self._reach(peers):
                waiting.discard(peer)
                yield _unreachable(peer, self.problem_of(peer))
            for peer in list(waiting):
                self._driver.give(SyncWanted(peer))
            while waiting:
                news = await receive.receive()
                yield news
                if isinstance(news, SyncReport):
                    waiting.discard(news.ended.peer)
        finally:
            stop()

    async def _reach(self, peers: Sequence[AuthorId]) -> list[AuthorId]:
        """Connect to peers that are not connected; gives those that could not be reached."""
        for peer in peers:
            if not self.is_connected(peer):
                self.peer_added(peer, ())
        with trio.move_on_after(REACH_S):
            while not all(self.is_connected(peer) for peer in peers):
                await self._heard.wait()
        return [peer for peer in peers if not self.is_connected(peer)]

    # --- tasks ------------------------------------------------------------------------------------------

    async def run(self, tell: Callable[[LinkChange], None]) -> None:
        """Tell who comes and goes, and drop who is let in no longer, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_links, tell)
            nursery.start_soon(self._recheck)

    async def _watch_links(self, tell: Callable[[LinkChange], None]) -> None:
        before: set[AuthorId] = set()
        looked_ms = 0
        while True:
            now = set(self._driver.neighbours())
            for device in _ordered(now - before):
                tell(LinkChange(device, True, self.state_of(device).address))
            for device in _ordered(before - now):
                state = self.state_of(device)
                self._states[device] = state._replace(seen_ms=max(looked_ms, state.seen_ms))
                tell(LinkChange(device, False, self.problem_of(device)))
            before, looked_ms = now, _now_ms()
            await trio.sleep(WATCH_S)

    async def _recheck(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            await self._transport.recheck()

    def _note_sync(self, news: SyncReport | SyncProgress) -> None:
        if isinstance(news, SyncReport) and news.ended.complete:
            if len(self._synced) >= MAX_LEARNED:
                self._synced.clear()
            peer = news.ended.peer
            interest = self._driver.interests().get(peer)
            self._synced[peer] = Synced(_now_ms(), 0 if interest is None else interest.bodies)

    def _learned(self, learned: Learned) -> None:
        if len(self._states) >= MAX_LEARNED:
            self._states.clear()
        before = self._states.get(learned.peer, PeerState())
        address = learned.addresses[0] if learned.addresses else before.address
        seen_ms = _now_ms() if learned.met else before.seen_ms
        self._states[learned.peer] = PeerState(address, learned.hub, seen_ms)
        self.on_learned(learned)
        self._heard.set()
        self._heard = trio.Event()


def _unreachable(peer: AuthorId, why: str) -> SyncReport:
    """The report about a session that never began."""
    ended = SyncEnded(SessionId(0), peer, False, why or "it does not answer", 0, 0, 0, False)
    return SyncReport(ended, True, 0, 0, REACH_S)


def _ordered(devices: Iterable[AuthorId]) -> list[AuthorId]:
    return sorted(devices)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
