"""The libp2p host proper: who serves an inbound stream, and what becomes of one whose handler fails.

libp2p's `BasicHost` with three protocols of its own: gossipsub (added by `gossip.net.libp2p_gossip`),
ping, and an identify that tells our key and what gossip we speak, and neither agent nor addresses. We
identify nobody ourselves: what a peer speaks, a stream finds out.
"""

import functools
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.host.ping import ID as PING_PROTOCOL
from libp2p.host.ping import handle_ping
from libp2p.identity.identify.identify import ID as IDENTIFY_PROTOCOL
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamError
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectClientError, MultiselectError
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.utils.varint import encode_varint_prefixed

from gossip.errors import GossipError, NotConnected
from gossip.net.libp2p_negotiation import BoundedCommunicator
from gossip.net.libp2p_stream import MuxedStream
from gossip.net.libp2p_swarm import CalmSwarm
from gossip.net.transport import StreamHandler

NEGOTIATE_S: Final = 10
"""How long the opener of a stream may take to say what the stream is for."""

_log = logging.getLogger(__name__)


async def serve_alone(stream: MuxedStream, serve: Callable[[], Awaitable[None]]) -> None:
    """Serve one inbound stream: whatever `serve` raises resets that stream only, its return closes it."""
    with stream.conn.handling():
        try:
            await serve()
        except Exception as error:  # noqa: BLE001 - the per-stream task: a fault ends its stream only
            if _is_loss(error):
                _log.debug("a stream ended: %s", error)
            else:
                _log.exception("the handler of a stream failed")
            stream.reset_now()
        except BaseException:
            stream.reset_now()
            raise
        else:
            stream.finish()


class CalmHost(BasicHost):
    """libp2p's host; a stream that fails ends alone."""

    def __init__(self, swarm: CalmSwarm, told_protocols: tuple[TProtocol, ...]) -> None:
        """`told_protocols`: what identify says that we speak."""
        self.swarm = swarm
        self._told_protocols = (*told_protocols, IDENTIFY_PROTOCOL, PING_PROTOCOL)
        super().__init__(
            swarm,
            default_protocols=OrderedDict(
                {IDENTIFY_PROTOCOL: self._serve_identify, PING_PROTOCOL: handle_ping}
            ),
            negotiate_timeout=NEGOTIATE_S,
            announce_addrs=[],
            disable_identify_address_discovery=True,
        )

    def serve(self, protocol: str, handler: StreamHandler) -> None:
        """Serve inbound streams of one of our protocols."""

        async def serve(stream: INetStream) -> None:
            if isinstance(stream, NetStream) and isinstance(stream.muxed_stream, MuxedStream):
                await handler(stream.muxed_stream)

        self.set_stream_handler(TProtocol(protocol), serve)

    async def _swarm_stream_handler(self, net_stream: INetStream) -> None:
        """Find out what a stream is for, and serve it.

        Cures: in the library whatever a handler raises, and text that is not UTF-8 in a negotiation,
        ends the whole host. Here it ends the stream, and the handler ends with its connection.
        """
        if isinstance(net_stream, NetStream) and isinstance(net_stream.muxed_stream, MuxedStream):
            await serve_alone(net_stream.muxed_stream, functools.partial(self._serve_stream, net_stream))

    async def new_stream(self, peer_id: ID, protocol_ids: Sequence[TProtocol]) -> NetStream:
        """Open a stream for one of the library's protocols. Cures: a peer's answer has no bounds.

        Raises:
            NotConnected: not connected, or the peer speaks none of them.
        """
        try:
            stream = await self._network.new_stream(peer_id)
        except SwarmException as error:
            raise NotConnected(f"no stream to {peer_id}: {error}") from error
        if not isinstance(stream, NetStream):
            raise NotConnected("not our muxer")
        try:
            protocol = await self.multiselect_client.select_one_of(
                protocol_ids, BoundedCommunicator(stream), NEGOTIATE_S
            )
        except MultiselectClientError as error:
            raise NotConnected(f"{peer_id} speaks none of {', '.join(protocol_ids)}") from error
        else:
            stream.set_protocol(protocol)
            return stream
        finally:
            if stream.get_protocol() is None:
                with trio.CancelScope(shield=True):
                    await stream.reset()

    async def _serve_stream(self, stream: NetStream) -> None:
        protocol, handler = await self.multiselect.negotiate(BoundedCommunicator(stream), NEGOTIATE_S)
        if protocol is None or handler is None:
            raise MultiselectError("no protocol was agreed on")
        stream.set_protocol(protocol)
        await handler(stream)

    async def _serve_identify(self, stream: INetStream) -> None:
        message = Identify(
            protocol_version="ipfs/0.1.0",
            public_key=self.get_public_key().serialize(),
            protocols=self._told_protocols,
        )
        await stream.write(encode_varint_prefixed(message.SerializeToString()))

    async def _on_notifee_connected(self, conn: INetConn) -> None:
        """Cures: the library identifies every new peer in a system task, whose failure ends trio."""
        await trio.lowlevel.checkpoint()

    def _schedule_identify(self, peer_id: ID, *, reason: str) -> None:
        """The same, from other places."""

    async def _push_identify_to_all_peers(self) -> None:
        """Cures: the library opens a stream to every peer in a system task when it begins to listen."""
        await trio.lowlevel.checkpoint()


def _is_loss(error: Exception) -> bool:
    """The peer or the connection ended the stream: no fault of the handler."""
    if isinstance(error, ExceptionGroup):
        return all(_is_loss(inner) for inner in error.exceptions)
    return isinstance(error, (GossipError, StreamError, MuxedStreamError, MultiselectError))
