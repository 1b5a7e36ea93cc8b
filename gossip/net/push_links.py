"""The push streams: one to each neighbour, with its queue, its reader and its writer."""

import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import trio

from gossip.errors import GossipError, LocalFault, NotConnected, NotSpoken, RemoteFault
from gossip.net.feed import Feed
from gossip.net.links import Outflow, payloads
from gossip.net.transport import Stream, Transport
from gossip.proto import events, limits
from gossip.proto.events import Event
from gossip.proto.messages import PushMessage, encode_push, parse_push
from store.ids import AuthorId

PROTOCOL: Final = "/asterism/push/1"

Introduce = Callable[[AuthorId], Awaitable[bool]]
"""Presents us to a connected peer that does not know us, and says whether it lets us in now. A `GossipError`
that it raises counts as no."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Link:
    """A standing push stream."""

    stream: Stream
    outflow: Outflow
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    why: str = ""


class PushLinks:
    """Opens, serves and ends push streams; tells the engine what comes over them."""

    def __init__(
        self,
        transport: Transport,
        feed: Feed,
        give: Callable[[Event], None],
        introduce: Introduce | None = None,
    ) -> None:
        """`introduce`: what to do where a peer takes us for a guest; None: give it up."""
        self._introduce = introduce
        self._introduced_at: dict[AuthorId, float] = {}
        self._transport = transport
        self._feed = feed
        self._give = give
        self._links: dict[AuthorId, _Link] = {}
        self._waits: dict[AuthorId, trio.CancelScope] = {}
        self._last: tuple[PushMessage, bytes] | None = None
        self.problems: dict[AuthorId, str] = {}
        """Why the last link or dial of a peer ended, for people."""

    def __contains__(self, peer: AuthorId) -> bool:
        return peer in self._links

    async def greet(self, peer: AuthorId, address: str, outbound: bool) -> None:
        """A connection is up: the side that dialled opens the push stream, the other one waits for it.

        Either a link comes of it or a `DialFailed`, also where the peer dialled: we may have tried too.
        """
        if not outbound:
            await self._await_stream(peer)
            return
        try:
            stream = await self._transport.open(peer, PROTOCOL, limits.STREAM_TIMEOUT_S)
        except NotSpoken as fault:
            if not await self._present(peer, address):
                await self._fail(peer, str(fault))
            return
        except LocalFault as fault:
            await self._fail(peer, str(fault))
            return
        if peer in self._links:
            await stream.reset()
            return
        await self._run(stream, address, outbound=True)

    async def _present(self, peer: AuthorId, address: str) -> bool:
        """A peer takes us for a guest: show it who we are, and dial again. False: it did not help.

        What follows from the new connection comes as the news of it.
        """
        now_s = trio.current_time()
        if self._introduce is None:
            return False
        if now_s - self._introduced_at.get(peer, -math.inf) < limits.INTRODUCE_PAUSE_S:
            return False
        if len(self._introduced_at) >= limits.ADDRESS_BOOK:
            self._introduced_at.clear()
        self._introduced_at[peer] = now_s
        taken = False
        try:
            with trio.move_on_after(limits.GUEST_LIFE_S):
                taken = await self._introduce(peer)
        except GossipError as fault:
            self.note(peer, str(fault))
        if not taken:
            return False
        await self._transport.drop(peer)
        try:
            await self._transport.dial(peer, (address,), limits.DIAL_TIMEOUT_S)
        except LocalFault as fault:
            await self._fail(peer, str(fault))
        return True

    async def _await_stream(self, peer: AuthorId) -> None:
        scope = self._waits[peer] = trio.CancelScope()
        with scope:
            await trio.sleep(limits.STREAM_TIMEOUT_S)
        if self._waits.get(peer) is scope:
            del self._waits[peer]
            if peer not in self._links:
                await self._fail(peer, "the peer opened no push stream")

    async def _fail(self, peer: AuthorId, why: str) -> None:
        self.note(peer, why)
        await self._transport.drop(peer)
        self._give(events.DialFailed(peer, why))

    async def serve(self, stream: Stream) -> None:
        """Serve a push stream that a peer opened; a second one to the same peer is reset."""
        if stream.peer in self._links:
            await stream.reset()
            return
        await self._run(stream, "", outbound=False)

    def gone(self, peer: AuthorId) -> None:
        """The connection to a peer ended, whatever had come of it."""
        wait = self._waits.get(peer)
        if wait is not None:
            wait.cancel()
        self.end(peer, "the connection ended")

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

    def note(self, peer: AuthorId, why: str) -> None:
        """Remember why there is no link to a peer."""
        if len(self.problems) >= limits.ADDRESS_BOOK:
            self.problems.clear()
        self.problems[peer] = why

    async def _run(self, stream: Stream, address: str, *, outbound: bool) -> None:
        peer = stream.peer
        link = self._links[peer] = _Link(stream, Outflow(stream, limits.PUSH_QUEUE_BYTES))
        self.problems.pop(peer, None)
        if (wait := self._waits.pop(peer, None)) is not None:
            wait.cancel()
        with link.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, link)
                self._give(events.LinkUp(peer, address, outbound))
                await self._read(link)
                nursery.cancel_scope.cancel()
        self.note(peer, link.why or "the peer closed the connection")
        try:
            await self._hang_up(link)
        finally:
            del self._links[peer]
        self._give(events.LinkDown(peer, link.why))

    async def _hang_up(self, link: _Link) -> None:
        """End the connection before anyone is told, so that a new one to the peer is not ended instead."""
        with trio.move_on_after(limits.CLOSE_TIMEOUT_S):
            await link.stream.close()
            if link.outflow.is_closing:
                await trio.sleep(limits.LAST_WORDS_S)
        await self._transport.drop(link.stream.peer)

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
            async with aclosing(payloads(link.stream)) as incoming:
                async for payload in incoming:
                    if link.outflow.is_closing:
                        continue
                    self._give(events.PushReceived(peer, parse_push(payload)))
                    await inflow.wait_for_room()
        except RemoteFault as fault:
            link.why = str(fault)
            self._give(events.Faulted(peer, fault.severity, str(fault)))
        except GossipError as fault:
            link.why = link.why or str(fault)
        except Exception:  # noqa: BLE001 (the task of one peer: a fault of ours ends its link, not the node)
            _log.exception("a message of a neighbour could not be handled")
            link.why = link.why or "an error of this program; see the log"
