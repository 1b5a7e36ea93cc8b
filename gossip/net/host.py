"""The libp2p host: `gossip.net.transport.Transport` over TCP, Noise and Yamux.

This room and the `libp2p_*` rooms beside it are the only ones that import libp2p, which takes 1.6 s and
65 MB; the daemon imports them, and nothing else does. What libp2p does wrong and where it is put right:
`gossip.net.libp2p_cures`. The device's Ed25519 key is the libp2p identity.
"""

import contextlib
import functools
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Final

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils.address_validation import expand_wildcard_address
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from gossip.errors import BadAddress, NotConnected, Unreachable
from gossip.net.address import (
    PEER_ID_PREFIX,
    Address,
    parse_address,
    parse_listen_address,
    peer_id_text,
)
from gossip.net.discovery import Discovery
from gossip.net.event_queue import EventQueue
from gossip.net.libp2p_cures import check_library, quiet_library
from gossip.net.libp2p_dialling import dial_each
from gossip.net.libp2p_gossip import GOSSIP_PROTOCOLS, MAX_GOSSIP_BYTES, BoundedGossipSub, BoundedPubsub
from gossip.net.libp2p_guests import Guests, open_visit
from gossip.net.libp2p_negotiation import ask_for
from gossip.net.libp2p_news import ConnectionNews
from gossip.net.libp2p_noise import NoiseGate
from gossip.net.libp2p_service import CalmHost
from gossip.net.libp2p_stream import MuxedStream, UnreadBytes
from gossip.net.libp2p_swarm import CalmSwarm, Upgrader
from gossip.net.libp2p_tcp import TcpConnection, accept_forever, listen_tcp
from gossip.net.libp2p_yamux import Muxer
from gossip.net.transport import (
    Found,
    GuestHandler,
    Heard,
    Stream,
    StreamHandler,
    TransportEvent,
)
from store.ids import AuthorId, short

if TYPE_CHECKING:
    from trio_typing import TaskStatus

MAX_DIALLED: Final = 16
"""Addresses of one peer that are tried; as many as an announcement may hold."""

CLOSE_S: Final = 3.0
"""How long the end of the host may take before what is left is cut off."""

_log = logging.getLogger(__name__)


class Libp2pHost:
    """A libp2p node. Make it inside trio, then run `run` in a nursery; it can be run once."""

    def __init__(
        self,
        seed: bytes,
        listen: Sequence[str],
        *,
        topic: str,
        admit: Callable[[AuthorId], bool],
        validate: Callable[[AuthorId, bytes], bool],
        guests: Callable[[AuthorId], bool] = lambda device: False,
        mdns: bool = False,
    ) -> None:
        """Nothing is opened yet.

        Args:
            seed: 32 bytes, the device's Ed25519 seed.
            listen: multiaddrs to listen at, see `gossip.net.address`; none: dial only.
            topic: name of the gossip topic.
            admit: may this device connect? Asked right after Noise, before any stream, and by `recheck`.
            validate: is this payload of this origin worth forwarding? False, or a raise, drops it.
            guests: of a device that is not admitted and that dialled us: may it be a guest?
            mdns: announce this device in the local network, and look for others.

        Raises:
            BadAddress: an address to listen at is malformed.
            LocalFault: this is not the libp2p that the cures were made for.
        """
        check_library()
        quiet_library()
        self._listen = [parse_listen_address(text) for text in listen]
        self._admit = admit
        self._mdns = mdns
        self._topic = topic
        self._sockets: list[socket.socket] = []
        self._queue = EventQueue()
        self._dials: dict[AuthorId, trio.Lock] = {}
        keys = create_new_key_pair(seed)
        peer_id = ID.from_pubkey(keys.public_key)
        self._device = AuthorId(keys.public_key.to_bytes())
        self.unread = UnreadBytes()
        store = PeerStore()
        store.add_key_pair(peer_id, keys)
        upgrader = Upgrader(NoiseGate(keys, admit, guests), self.unread)
        self._swarm = CalmSwarm(peer_id, store, upgrader, admit)
        self._guests = Guests(admit, guests)
        self._nursery: trio.Nursery
        self._news = ConnectionNews(self._queue)
        self._swarm.register_notifee(self._news)
        self._host = CalmHost(self._swarm, GOSSIP_PROTOCOLS)
        self._router = BoundedGossipSub(topic)
        self._pubsub = BoundedPubsub(self._host, self._router, topic, validate, self._heard)

    # --- the transport -----------------------------------------------------------------------------------

    @property
    def device(self) -> AuthorId:
        """Our own device."""
        return self._device

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where we listen, with /p2p/…; 0.0.0.0 and :: as the addresses of this machine's networks now."""
        return tuple(
            address._replace(peer=self._device).full_text
            for sock in self._sockets
            for address in _expanded(sock)
        )

    @property
    def events(self) -> trio.MemoryReceiveChannel[TransportEvent]:
        """What happens, in order. Gossip is dropped when this is full; connections never are."""
        return self._queue.receive

    @property
    def dropped_events(self) -> int:
        """Gossip and discoveries that found `events` full."""
        return self._queue.dropped

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        """Serve inbound streams of `protocol`. Whatever the handler raises resets that stream only; when
        it returns the stream is closed; when the connection ends it is cancelled 5 s later."""
        self._host.serve(protocol, handler)

    def handle_guest(self, protocol: str, handler: GuestHandler) -> None:
        """Serve inbound streams of `protocol`, of guests and of peers; else as `handle`."""
        self._guests.handle(protocol, handler)

        async def serve(stream: Stream) -> None:
            assert isinstance(stream, MuxedStream)
            await handler(stream, stream.conn.session.conn.remote_ip)

        self._host.serve(protocol, serve)

    async def dial(self, peer: AuthorId, addresses: tuple[str, ...], timeout_s: float) -> None:
        """Connect to `peer` at the first of `addresses` that answers; done at once if connected.

        Raises:
            Unreachable: nobody answers in time, or another device does, or it does not let us in.
            BadAddress: an address is malformed or names another device.
        """
        places = _places(peer, addresses)
        await trio.lowlevel.checkpoint()
        if self._muxer(peer) is not None:
            return
        if peer == self._device:
            raise Unreachable("that is this device itself")
        if not self._admit(peer):
            raise Unreachable(f"{short(peer)} is not admitted here")
        failures: list[str] = []
        answered = False
        with trio.move_on_after(timeout_s) as patience:
            async with self._turn(peer):
                if self._muxer(peer) is None:
                    secure = functools.partial(self._swarm.secure, peer=_peer_of(peer))
                    answered = await dial_each(secure, places, failures)
        if self._muxer(peer) is None and not (answered and await self._news.arrives(peer)):
            if patience.cancelled_caught:
                failures.append(f"no answer in {timeout_s:g} s")
            raise Unreachable(f"{short(peer)}: {'; '.join(failures) or 'no address is known'}")

    async def visit(
        self, peer: AuthorId, addresses: tuple[str, ...], protocol: str, timeout_s: float
    ) -> Stream:
        """Open a stream to a peer whether it is admitted or not, over a connection as a guest that ends with
        it; over the connection that stands, if one does.

        Raises:
            Unreachable: nobody answers in time, or another device does, or it wants no guests.
            BadAddress: an address is malformed or names another device.
            NotConnected: it does not speak `protocol`, or hung up.
        """
        places = _places(peer, addresses)
        failures: list[str] = []
        reached: list[Muxer] = []

        async def secure(conn: TcpConnection) -> None:
            reached.append(await self._swarm.visit(conn, _peer_of(peer)))

        with trio.move_on_after(timeout_s):
            if self._muxer(peer) is not None:
                return await self.open(peer, protocol, timeout_s)
            try:
                await dial_each(secure, places, failures)
                for muxer in reached:
                    self._nursery.start_soon(muxer.start)
                    return await open_visit(muxer, protocol)
            except BaseException:
                for muxer in reached:
                    muxer.break_off("the visit came to nothing")
                raise
        raise Unreachable(f"{short(peer)}: {'; '.join(failures) or f'no answer in {timeout_s:g} s'}")

    async def open(self, peer: AuthorId, protocol: str, timeout_s: float) -> MuxedStream:
        """Open a stream to a connected peer; one round trip.

        Raises:
            NotConnected: not connected, it does not speak `protocol`, or no answer in time.
        """
        muxer = self._muxer(peer)
        if muxer is None:
            raise NotConnected(f"not connected to {short(peer)}")
        with trio.move_on_after(timeout_s):
            stream = await muxer.open_stream()
            try:
                await ask_for(stream, protocol)
            except BaseException:
                stream.reset_now()
                raise
            return stream
        raise NotConnected(f"{short(peer)} did not answer in {timeout_s:g} s")

    async def drop(self, peer: AuthorId) -> None:
        """End every connection to a peer at once; `Disconnected` follows. Never raises."""
        self._swarm.end(_peer_of(peer), "dropped here")
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def recheck(self) -> None:
        """Drop each connection whose device is no longer admitted; a guest that is admitted now is sent away
        once it has done what it is doing, and dials again."""
        self._guests.recheck()
        for conn in self._swarm.get_connections():
            if isinstance(conn.muxed_conn, Muxer) and not self._admit(conn.muxed_conn.author):
                self._swarm.end(conn.muxed_conn.peer_id, "no longer admitted")
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def publish(self, payload: bytes) -> None:
        """Publish to the gossip topic, best effort. Raises: ValueError: over 16 KiB."""
        if len(payload) > MAX_GOSSIP_BYTES:
            raise ValueError(f"a gossip message has at most {MAX_GOSSIP_BYTES} bytes")
        await self._pubsub.publish(self._topic, payload)
        await trio.lowlevel.checkpoint()

    # --- life --------------------------------------------------------------------------------------------

    async def run(self, *, task_status: "TaskStatus[None]" = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled; `started` once addresses are known and dials work. Every
        socket is closed when it returns, whatever happened.

        Raises:
            PortInUse: another program listens at one of the addresses.
            BadAddress: one is no address of this machine.
        """
        try:
            for address in self._listen:
                self._sockets.append(listen_tcp(address))
            async with (
                background_trio_service(self._swarm),
                background_trio_service(self._router),
                background_trio_service(self._pubsub),
                trio.open_nursery() as nursery,
            ):
                await self._serve(nursery)
                task_status.started()
        finally:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()
            self._queue.close()

    async def _serve(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        await self._pubsub.wait_until_ready()
        await self._pubsub.subscribe(self._topic)
        for sock in self._sockets:
            nursery.start_soon(accept_forever, sock, lambda conn: nursery.start_soon(self._accept, conn))
        nursery.start_soon(self._close_at_end)
        if self._mdns:
            nursery.start_soon(Discovery(self._device, lambda: self.addresses, self._found).run)

    async def _accept(self, conn: TcpConnection) -> None:
        guest = await self._swarm.accept(conn)
        if guest is not None:
            await self._guests.serve(guest)

    async def _close_at_end(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(CLOSE_S):
                await self._host.close()
            # Whoever still waits to tell of an end that nobody reads of is let go.
            self._queue.close()

    # --- inside ------------------------------------------------------------------------------------------

    def _muxer(self, peer: AuthorId) -> Muxer | None:
        return self._swarm.live(_peer_of(peer))

    def _heard(self, origin: AuthorId, payload: bytes) -> None:
        self._queue.offer(Heard(origin, payload))

    def _found(self, peer: AuthorId, addresses: tuple[str, ...]) -> None:
        if peer != self._device and self._admit(peer):
            self._queue.offer(Found(peer, addresses))

    @contextlib.asynccontextmanager
    async def _turn(self, peer: AuthorId) -> AsyncIterator[None]:
        """One dial at a time for each peer."""
        lock = self._dials.setdefault(peer, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._dials.pop(peer, None)


def _places(peer: AuthorId, addresses: tuple[str, ...]) -> list[Address]:
    """Where to dial a peer. Raises: BadAddress."""
    places = [parse_address(text) for text in addresses]
    for place in places:
        if place.peer not in (None, peer):
            raise BadAddress(f"{place.full_text} names another device than {peer_id_text(peer)}")
    return places[:MAX_DIALLED]


def _peer_of(author: AuthorId) -> ID:
    return ID(PEER_ID_PREFIX + author)


def _expanded(sock: socket.socket) -> list[Address]:
    """Where one socket listens, as others may dial it."""
    host, port = sock.getsockname()[:2]
    address = Address("ip6" if sock.family == socket.AF_INET6 else "ip4", host, port, None)
    if host not in ("0.0.0.0", "::"):
        return [address]
    found = [parse_address(str(maddr)) for maddr in expand_wildcard_address(Multiaddr(address.text))]
    loopback = "::1" if host == "::" else "127.0.0.1"
    return [place for place in found if place.host != host] or [address._replace(host=loopback)]
