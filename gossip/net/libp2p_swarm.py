"""The swarm of the libp2p host: libp2p's book of connections, with our rules for how they come and go.

Each override below names the fault of libp2p 0.8.1 that it cures; `gossip.net.libp2p_cures` checks at
start that what is overridden still exists.
"""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import trio
from libp2p.abc import IMuxedConn, INetConn, ISecureConn
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.protocol_muxer.exceptions import MultiselectError
from libp2p.security.noise.exceptions import PeerIDMismatchesPubkey
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_PROTOCOL
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_PROTOCOL
from libp2p.transport.exceptions import MuxerUpgradeFailure, SecurityUpgradeFailure
from libp2p.transport.upgrader import TransportUpgrader

from gossip.errors import Unreachable
from gossip.net.libp2p_noise import NoiseGate, NoiseSession, NotAdmitted
from gossip.net.libp2p_stream import UnreadBytes
from gossip.net.libp2p_tcp import TcpConnection, origin_of
from gossip.net.libp2p_yamux import Muxer
from store.ids import AuthorId

MAX_CONNECTIONS: Final = 256
"""Admitted peers connected at a time, in both directions together. With the half-open ones it stays
well below the usual limit of 1,024 file descriptors."""

HANDSHAKE_S: Final = 10.0
"""How long an inbound connection may take until its streams can be used. Four round trips."""

MAX_HALF_OPEN: Final = 128
"""Inbound connections whose handshake is not done. Beyond it the oldest one is ended, not the new one
refused: a flood of silent connections then shuts nobody out, for an honest handshake takes a moment."""

MAX_HALF_OPEN_FROM_ONE: Final = 32
"""The same for one IP address (one /64 of IPv6), so that one machine cannot use up the rest."""

SIMULTANEOUS_S: Final = 10.0
"""Two connections in opposite directions within so short a time were dialled at the same moment; both
sides then keep the one that the smaller key dialled."""

_log = logging.getLogger(__name__)


class HungUp(Unreachable):
    """The right device answered, and then ended the connection: it does not let us in, or it dialled us
    at the same moment and keeps that connection."""


class HalfOpen:
    """Places for inbound connections whose handshake is not done; the oldest gives way."""

    def __init__(self) -> None:
        self._places: OrderedDict[trio.CancelScope, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    @contextmanager
    def place(self, ip: str) -> Iterator[trio.CancelScope]:
        """Hold a place for at most `HANDSHAKE_S`; the block is cancelled at its end or when it must
        give way."""
        origin = origin_of(ip)
        same = [scope for scope, other in self._places.items() if other == origin]
        if len(same) >= MAX_HALF_OPEN_FROM_ONE:
            self._give_way(same[0])
        elif len(self._places) >= MAX_HALF_OPEN:
            self._give_way(next(iter(self._places)))
        with trio.move_on_after(HANDSHAKE_S) as scope:
            self._places[scope] = origin
            try:
                yield scope
            finally:
                self._places.pop(scope, None)

    def _give_way(self, scope: trio.CancelScope) -> None:
        del self._places[scope]
        scope.cancel()


class Upgrader(TransportUpgrader):
    """Noise alone, then our Yamux."""

    def __init__(self, gate: NoiseGate, unread: UnreadBytes) -> None:
        super().__init__({NOISE_PROTOCOL: gate}, {TProtocol(YAMUX_PROTOCOL): Muxer})
        self._unread = unread

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        """Agree on Yamux. Cures: the library makes its own Yamux here, whatever class it was given.

        Raises:
            MuxerUpgradeFailure: the other side does not speak it.
        """
        try:
            await self.muxer_multistream.select_transport(conn)
        except MultiselectError as error:
            raise MuxerUpgradeFailure("no agreement on a muxer") from error
        if not isinstance(conn, NoiseSession):
            raise MuxerUpgradeFailure("not over our Noise")
        return Muxer(conn, peer_id, self._unread)


class CalmSwarm(Swarm):
    """libp2p's swarm without its auto-dialler, pruner and resource manager, and one connection a peer."""

    def __init__(
        self, peer_id: ID, store: PeerStore, upgrader: Upgrader, admit: Callable[[AuthorId], bool]
    ) -> None:
        """`admit`: asked again when a connection is booked, for a handshake takes its time."""
        super().__init__(
            peer_id,
            store,
            upgrader,
            transports=[],
            retry_config=RetryConfig(max_retries=0),
            connection_config=ConnectionConfig(
                max_connections=MAX_CONNECTIONS,
                min_connections=0,
                low_watermark=0,
                high_watermark=MAX_CONNECTIONS,
                max_connections_per_peer=2,
                inbound_upgrade_timeout=HANDSHAKE_S,
                outbound_upgrade_timeout=HANDSHAKE_S,
            ),
        )
        self.half_open = HalfOpen()
        self._admit = admit
        self._turns: dict[ID, trio.Lock] = {}
        self._clearing: dict[ID, trio.Event] = {}

    # --- how connections come ------------------------------------------------------------------------

    async def accept(self, conn: TcpConnection) -> Muxer | None:
        """Handshake with whoever connected, and book it; a guest is given back instead. Never raises; holds
        its place only until streams can flow.

        Cures: a slot of 250 and a task were held by each inbound connection until the process ended.
        """
        with self.half_open.place(conn.remote_ip):
            try:
                muxer = await self._shaken(conn)
                if muxer.session.is_guest:
                    return muxer
                await self.add_conn(muxer, "inbound")
            except Exception as error:  # noqa: BLE001 - the per-peer task: strangers may raise anything
                _log.debug("handshake with %s failed: %s", conn.remote_text, _reason(error))
            else:
                return None
        conn.close_now()
        return None

    async def visit(self, conn: TcpConnection, peer: ID) -> Muxer:
        """Handshake as a guest; the connection is not booked. The caller sets the deadline.

        Raises:
            HungUp: it does not want this connection.
            Unreachable: it is another device, or it speaks another language.
        """
        conn.is_visit = True
        try:
            return await self._shaken(conn, peer)
        except Exception as error:
            conn.close_now()
            text = f"{conn.remote_text}: {_reason(error)}"
            raise (HungUp(text) if isinstance(error, MuxerUpgradeFailure) else Unreachable(text)) from error
        except BaseException:
            conn.close_now()
            raise

    async def _shaken(self, conn: TcpConnection, peer: ID | None = None) -> Muxer:
        """Noise, then Yamux; `peer`: whom we dialled."""
        secured = await self.upgrader.upgrade_security(conn, peer is not None, peer)
        muxer = await self.upgrader.upgrade_connection(secured, secured.get_remote_peer())
        if not isinstance(muxer, Muxer):
            raise SwarmException("not our muxer")
        return muxer

    async def secure(self, conn: TcpConnection, peer: ID) -> None:
        """Handshake as the dialler and book the connection. The caller sets the deadline.

        Raises:
            HungUp: it does not want this connection.
            Unreachable: it is another device, or it speaks another language.
        """
        try:
            await self.upgrade_outbound_raw_conn(conn, peer)
        except Exception as error:
            conn.close_now()
            if self.live(peer) is None:
                text = f"{conn.remote_text}: {_reason(error)}"
                proven = not isinstance(error.__cause__, SecurityUpgradeFailure)
                raise (HungUp(text) if proven else Unreachable(text)) from error
        except BaseException:
            conn.close_now()
            raise

    async def add_conn(self, muxed_conn: IMuxedConn, direction: str = "unknown") -> SwarmConn:
        """Book a connection, and keep one a peer.

        Cures: after sleep or a change of address the old half-dead connection and the new one coexist,
        and gossip is lost both ways. A device that dials us again has lost the old connection, whatever
        it looks like here: it is cleared away completely before the new one is announced.

        Raises:
            SwarmException: another connection to the peer wins, or there are too many.
        """
        if not isinstance(muxed_conn, Muxer):
            raise SwarmException("not our muxer")
        peer = muxed_conn.peer_id
        async with self._turn(peer):
            try:
                if muxed_conn.session.is_guest or not self._admit(muxed_conn.author):
                    raise SwarmException("this device is not admitted any more")
                old = self.live(peer)
                if old is not None and not self._replaces(muxed_conn, old):
                    raise SwarmException("there is a connection to this peer already")
                self.end(peer, "replaced by a newer connection")
                await self._cleared(peer)
                if len(self.get_connections()) >= MAX_CONNECTIONS:
                    raise SwarmException(f"{MAX_CONNECTIONS} peers are connected already")
            except BaseException:
                muxed_conn.break_off("not needed")
                raise
            conn = await super().add_conn(muxed_conn, direction)
            if conn.is_closed:
                # Cures: a connection that ends while the library books it stays in the book for ever.
                self.remove_conn(conn)
                await self.notify_disconnected(conn)
                raise SwarmException("lost while it came up")
            return conn

    def _replaces(self, new: Muxer, old: Muxer) -> bool:
        if old.is_initiator == new.is_initiator or trio.current_time() - old.since_s > SIMULTANEOUS_S:
            return not new.is_initiator
        ours, theirs = self.self_id.to_bytes(), new.peer_id.to_bytes()
        return (ours < theirs) == new.is_initiator

    @asynccontextmanager
    async def _turn(self, peer: ID) -> AsyncIterator[None]:
        """One at a time for each peer."""
        lock = self._turns.setdefault(peer, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._turns.pop(peer, None)

    # --- how connections go --------------------------------------------------------------------------

    def live(self, peer: ID) -> Muxer | None:
        """The connection to a peer, if there is one that is not over."""
        for conn in self.connections.get(peer, ()):
            if isinstance(conn.muxed_conn, Muxer) and not conn.muxed_conn.is_closed:
                return conn.muxed_conn
        return None

    def end(self, peer: ID, reason: str) -> None:
        """End every connection to a peer at once. What follows from it goes on by itself. Never raises."""
        for conn in self.get_connections(peer):
            if isinstance(conn.muxed_conn, Muxer):
                self._clearing.setdefault(peer, trio.Event())
                conn.muxed_conn.break_off(reason)

    async def _cleared(self, peer: ID) -> None:
        """Wait until everybody was told of the end of each connection to a peer; about 0.1 s."""
        while (told := self._clearing.get(peer)) is not None:
            await told.wait()

    def remove_conn(self, swarm_conn: SwarmConn) -> None:
        """Take a connection that ended out of the book; a new one to its peer waits until all were told."""
        self._clearing.setdefault(swarm_conn.muxed_conn.peer_id, trio.Event())
        super().remove_conn(swarm_conn)

    async def notify_disconnected(self, conn: INetConn) -> None:
        """Tell that a connection ended. Cures: the library may dial others of its own accord here."""
        try:
            await self._notify("disconnected", conn)
        finally:
            told = self._clearing.pop(conn.muxed_conn.peer_id, None)
            if told is not None:
                told.set()

    def _schedule_auto_connect(self) -> None:
        """Cures: the library dials on its own. The node decides whom to dial."""

    def _schedule_prune(self) -> None:
        """Cures: the library closes connections that it likes less. The node decides whom to keep."""

    # --- life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Be there for the tasks of connections. Cures: pruner, auto-dialler and transports that the
        library starts here are not wanted, and each keeps state about every peer ever seen."""
        async with trio.open_nursery() as nursery:
            self.background_nursery = nursery
            self.event_background_nursery_created.set()
            await trio.sleep_forever()

    async def close(self) -> None:
        """End all connections at once, then stop. Cures: the library takes 0.1 s for each in turn."""
        self._closing = True
        for conn in self.get_connections():
            if isinstance(conn.muxed_conn, Muxer):
                await conn.muxed_conn.close()
        await self.manager.stop()


def _reason(error: BaseException) -> str:
    """What went wrong in a handshake, from the innermost cause that says it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PeerIDMismatchesPubkey):
            return "another device answers there"
        if isinstance(cause, NotAdmitted):
            return "that device is not admitted here"
        if isinstance(cause, SecurityUpgradeFailure) and cause.__cause__ is None:
            return "another device answers there"
        if isinstance(cause, MuxerUpgradeFailure):
            return "it hung up after the handshake, as one does who does not let us in"
        error, cause = cause, cause.__cause__
    return str(error) or type(error).__name__
