"""What libp2p's swarm tells of connections, as events of the transport."""

from typing import Final

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from gossip.net.event_queue import EventQueue
from gossip.net.libp2p_yamux import Muxer
from gossip.net.transport import Connected, Disconnected
from store.ids import AuthorId

CROSSED_S: Final = 0.5
"""When two devices dial each other at the same moment, one connection is ended in favour of the other:
how long the dialler of the ended one waits for the other to come up."""


class ConnectionNews(INotifee):
    """Turns what libp2p tells of connections into events."""

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue
        self._told: set[AuthorId] = set()
        self._awaited: dict[AuthorId, trio.Event] = {}

    async def arrives(self, peer: AuthorId) -> bool:
        """Wait for a moment whether the peer connects to us."""
        awaited = self._awaited.setdefault(peer, trio.Event())
        with trio.move_on_after(CROSSED_S):
            await awaited.wait()
        self._awaited.pop(peer, None)
        return awaited.is_set()

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        """A connection came up; waits for room in the queue."""
        muxer = conn.muxed_conn
        if isinstance(muxer, Muxer):
            self._told.add(muxer.author)
            awaited = self._awaited.pop(muxer.author, None)
            if awaited is not None:
                awaited.set()
            await self._queue.tell(
                Connected(muxer.author, muxer.session.conn.remote_text, muxer.is_initiator)
            )

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        """A connection ended; told only if its beginning was."""
        muxer = conn.muxed_conn
        if isinstance(muxer, Muxer) and muxer.author in self._told:
            self._told.discard(muxer.author)
            await self._queue.tell(Disconnected(muxer.author))

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        """No event of ours."""
        await trio.lowlevel.checkpoint()

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        """No event of ours."""
        await trio.lowlevel.checkpoint()

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """No event of ours."""
        await trio.lowlevel.checkpoint()

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """No event of ours."""
        await trio.lowlevel.checkpoint()
