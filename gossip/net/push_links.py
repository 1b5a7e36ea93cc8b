"""The push streams: one to each neighbour, with its queue, its reader and its writer."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import trio

from gossip.errors import GossipError, LocalFault, NotConnected, RemoteFault
from gossip.net.feed import Feed
from gossip.net.links import Outflow, payloads
from gossip.net.transport import Stream, Transport
from gossip.proto import events, limits
from gossip.proto.events import Event
from gossip.proto.messages import PushMessage, encode_push, parse_push
from store.ids import AuthorId

PROTOCOL: Final = "/asterism/push/1"


@dataclass(slots=True)
class _Link:
    """A standing push stream."""

    stream: Stream
    outflow: Outflow
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    why: str = ""


class PushLinks:
    """Opens, serves and ends push streams; tells the engine what comes over them."""

    def __init__(self, transport: Transport, feed: Feed, give: Callable[[Event], None]) -> None:
        self._transport = transport
        self._feed = feed
        self._give = give
        self._links: dict[AuthorId, _Link] = {}
        self._ending: dict[AuthorId, trio.Event] = {}
        self._last: tuple[PushMessage, bytes] | None = None
        self.problems: dict[AuthorId, str] = {}
        """Why the last link or dial of a peer ended, for people."""

    def __contains__(self, peer: AuthorId) -> bool:
        return peer in self._links

    async def greet(self, peer: AuthorId, address: str, outbound: bool) -> None:
        """A connection is up: the side that dialled opens the push stream, the other one waits for it."""
        if not outbound:
            await trio.sleep(limits.STREAM_TIMEOUT_S)
            if peer not in self._links:
                await self._transport.drop(peer)
                self._give(events.DialFailed(peer, "the peer opened no push stream"))
            return
        try:
            stream = await self._transport.open(peer, PROTOCOL, limits.STREAM_TIMEOUT_S)
        except LocalFault as fault:
            self.note(peer, str(fault))
            await self._transport.drop(peer)
            self._give(events.DialFailed(peer, str(fault)))
            return
        if peer in self._links:
            await stream.reset()
            return
        await self._run(stream, address, outbound=True)

    async def serve(self, stream: Stream) -> None:
        """Serve a push stream that a peer opened; a second one to the same peer is reset."""
        if stream.peer in self._links:
            await stream.reset()
            return
        await self._run(stream, "", outbound=False)

    def send(self, effect: events.SendPush) -> None:
        """Queue a message; a full queue ends the link."""
        link = self._links.get(effect.peer)
        if link is None or link.outflow.is_closing:
            return
        if self._last is None or self._last[0] != effect.message:
            self._last = (effect.message, encode_push(effect.message))
        if not link.outflow.offer(self._last[1]):
            self.end(effect.peer, "the peer reads too slowly")

    def end(self, peer: AuthorId, why: str) -> None:
        """End a link; `LinkDown` follows."""
        link = self._links.get(peer)
        if link is not None:
            link.why = link.why or why
            link.scope.cancel()

    def let_go(self, peer: AuthorId, why: str) -> bool:
        """End a link once what is queued was sent, so that the peer can see why. False: there is none."""
        link = self._links.get(peer)
        if link is None:
            return False
        link.why = why
        link.outflow.close_after()
        link.scope.deadline = trio.current_time() + limits.CLOSE_TIMEOUT_S
        return True

    async def wait_for_end(self, peer: AuthorId) -> None:
        """Return once no connection of an ended link is left: a dial would find it and then lose it."""
        while peer in self._ending:
            await self._ending[peer].wait()

    def note(self, peer: AuthorId, why: str) -> None:
        """Remember why there is no link to a peer."""
        if len(self.problems) >= limits.ADDRESS_BOOK:
            self.problems.clear()
        self.problems[peer] = why

    async def _run(self, stream: Stream, address: str, *, outbound: bool) -> None:
        peer = stream.peer
        link = self._links[peer] = _Link(stream, Outflow(stream, limits.PUSH_QUEUE_BYTES))
        self.problems.pop(peer, None)
        with link.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, link)
                self._give(events.LinkUp(peer, address, outbound))
                await self._read(link)
                nursery.cancel_scope.cancel()
        del self._links[peer]
        ended = self._ending[peer] = trio.Event()
        self._feed.forget(peer)
        self.note(peer, link.why or "the peer closed the connection")
        self._give(events.LinkDown(peer, link.why))
        try:
            with trio.move_on_after(limits.CLOSE_TIMEOUT_S):
                await stream.close()
                await trio.sleep(limits.LAST_WORDS_S)
            await self._transport.drop(peer)
        finally:
            if self._ending.get(peer) is ended:
                del self._ending[peer]
            ended.set()

    async def _pump(self, link: _Link) -> None:
        try:
            await link.outflow.pump()
        except NotConnected as fault:
            link.why = link.why or str(fault)
        link.scope.cancel()

    async def _read(self, link: _Link) -> None:
        peer = link.stream.peer
        inflow = self._feed.inflow(peer)
        try:
            async with aclosing(payloads(link.stream)) as received:
                async for payload in received:
                    if link.outflow.is_closing:
                        continue
                    self._give(events.PushReceived(peer, parse_push(payload)))
                    await inflow.wait_for_room()
        except RemoteFault as fault:
            link.why = str(fault)
            self._give(events.Faulted(peer, fault.severity, str(fault)))
        except GossipError as fault:
            link.why = link.why or str(fault)
