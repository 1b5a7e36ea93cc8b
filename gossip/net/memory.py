"""A transport inside one process, for tests on virtual time. It imports no libp2p.

`MemoryNet` is the network: it makes transports, delays what they send, and can be cut between any two
of them. The behaviour is that of `gossip.net.host`: at most one connection a pair, admission on both
sides, a bounded window a stream, gossip over every chain of connections with validation at each node.
"""

import logging
from collections.abc import Callable
from typing import Final

import trio

from gossip.errors import GossipError, NotConnected, Unreachable
from gossip.net.address import parse_address
from gossip.net.event_queue import EventQueue
from gossip.net.memory_stream import MemoryStream, Pipe
from gossip.net.transport import (
    Connected,
    Disconnected,
    Heard,
    StreamHandler,
    TransportEvent,
)
from store.ids import AuthorId, short

MAX_GOSSIP_BYTES: Final = 16_384
"""Largest payload of one gossip message."""

_log = logging.getLogger(__name__)


class _Link:
    """A connection between two transports."""

    __slots__ = ("ends", "streams", "up")

    def __init__(self, dialler: "MemoryTransport", listener: "MemoryTransport") -> None:
        self.ends = (dialler, listener)
        self.streams: list[MemoryStream] = []
        self.up = True

    def other(self, one: "MemoryTransport") -> "MemoryTransport":
        return self.ends[1] if one is self.ends[0] else self.ends[0]


class MemoryTransport:
    """One node's view of a `MemoryNet`; see `gossip.net.transport.Transport`. Made by `MemoryNet.join`."""

    def __init__(
        self,
        net: "MemoryNet",
        device: AuthorId,
        address: str,
        admit: Callable[[AuthorId], bool],
        validate: Callable[[AuthorId, bytes], bool],
    ) -> None:
        """Use `MemoryNet.join`."""
        self._net = net
        self._device = device
        self._address = address
        self.admit = admit
        self.validate = validate
        self.queue = EventQueue()
        self.handlers: dict[str, StreamHandler] = {}
        self.links: dict[AuthorId, _Link] = {}

    @property
    def device(self) -> AuthorId:
        """Our own device."""
        return self._device

    @property
    def addresses(self) -> tuple[str, ...]:
        """The one made-up address of this node, with /p2p/…"""
        return (parse_address(self._address)._replace(peer=self._device).full_text,)

    @property
    def listen_address(self) -> str:
        """The same without /p2p/…"""
        return self._address

    @property
    def events(self) -> trio.MemoryReceiveChannel[TransportEvent]:
        """What happens, in order."""
        return self.queue.receive

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        """Serve inbound streams of `protocol`; whatever the handler raises ends that stream only."""
        self.handlers[protocol] = handler

    async def dial(self, peer: AuthorId, addresses: tuple[str, ...], timeout_s: float) -> None:
        """Connect to `peer` at the first of `addresses` that is its own.

        Raises:
            Unreachable: it is not there, the net is cut, or one of both does not admit the other.
            BadAddress: an address is malformed.
        """
        await trio.lowlevel.checkpoint()
        if peer in self.links:
            return
        texts = {parse_address(text).text for text in addresses}
        if not self.admit(peer):
            raise Unreachable(f"{short(peer)} is not admitted here")
        await self._net.connect(self, peer, texts, timeout_s)

    async def open(self, peer: AuthorId, protocol: str, timeout_s: float) -> MemoryStream:
        """Open a stream to a connected peer. Raises: NotConnected."""
        with trio.move_on_after(timeout_s):
            await trio.sleep(2 * self._net.latency_s)
            return self._net.open_stream(self, peer, protocol)
        raise NotConnected(f"{short(peer)} did not answer in {timeout_s:g} s")

    async def drop(self, peer: AuthorId) -> None:
        """End the connection to a peer. Never raises."""
        link = self.links.get(peer)
        if link is not None:
            await self._net.end_link(link)
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def recheck(self) -> None:
        """Drop each connection whose device is no longer admitted."""
        for peer in list(self.links):
            if not self.admit(peer):
                await self.drop(peer)

    async def publish(self, payload: bytes) -> None:
        """Publish to the gossip topic, best effort. Raises: ValueError: over 16 KiB."""
        if len(payload) > MAX_GOSSIP_BYTES:
            raise ValueError(f"a gossip message has at most {MAX_GOSSIP_BYTES} bytes")
        self._net.spread(self, Heard(self._device, bytes(payload)), {self._device})
        await trio.lowlevel.checkpoint()

    async def stop(self) -> None:
        """Leave the net: every connection ends, nobody can dial us, `events` ends."""
        await self._net.leave(self)


class MemoryNet:
    """The network between memory transports.

    Its tasks (stream handlers, delayed gossip) run in the nursery that it is given; cancel that at the end.
    """

    def __init__(self, nursery: trio.Nursery, latency_s: float = 0.0) -> None:
        """`latency_s`: one way, in seconds of trio's clock, for bytes, gossip and the steps of a dial."""
        self.latency_s = latency_s
        self.handler_errors: list[Exception] = []
        """What stream handlers raised, lost connections apart; each ended its stream only."""
        self._nursery = nursery
        self._transports: dict[AuthorId, MemoryTransport] = {}
        self._cuts: set[frozenset[AuthorId]] = set()
        self._addresses: dict[AuthorId, str] = {}
        self._dials = 0

    def join(
        self,
        device: AuthorId,
        *,
        admit: Callable[[AuthorId], bool] = lambda _: True,
        validate: Callable[[AuthorId, bytes], bool] = lambda _origin, _payload: True,
    ) -> MemoryTransport:
        """A transport for `device`. A device that left may join again; it has the same address."""
        if device in self._transports:
            raise ValueError(f"{short(device)} is in this net already")
        number = len(self._addresses) + 1
        address = self._addresses.setdefault(device, f"/ip4/10.0.{number >> 8}.{number & 255}/tcp/4001")
        transport = MemoryTransport(self, device, address, admit, validate)
        self._transports[device] = transport
        return transport

    async def cut(self, one: AuthorId, other: AuthorId) -> None:
        """Stop everything between two devices: their connection ends, dials go unanswered."""
        self._cuts.add(frozenset((one, other)))
        transport = self._transports.get(one)
        if transport is not None:
            await transport.drop(other)

    def heal(self, one: AuthorId, other: AuthorId) -> None:
        """Undo `cut`. Nothing connects by itself."""
        self._cuts.discard(frozenset((one, other)))

    async def leave(self, transport: MemoryTransport) -> None:
        """See `MemoryTransport.stop`."""
        if self._transports.get(transport.device) is transport:
            del self._transports[transport.device]
        for link in list(transport.links.values()):
            await self.end_link(link)
        transport.queue.close()

    async def connect(
        self, dialler: MemoryTransport, peer: AuthorId, texts: set[str], timeout_s: float
    ) -> None:
        """See `MemoryTransport.dial`."""
        with trio.move_on_after(timeout_s):
            await trio.sleep(2 * self.latency_s)
            if frozenset((dialler.device, peer)) in self._cuts:
                await trio.sleep_forever()
            target = self._transports.get(peer)
            if target is None or target.listen_address not in texts:
                raise Unreachable(f"nobody answers for {short(peer)} at {', '.join(sorted(texts))}")
            if not target.admit(dialler.device):
                raise Unreachable(f"{short(peer)} does not admit us")
            await self._link(dialler, target)
            return
        raise Unreachable(f"{short(peer)} did not answer in {timeout_s:g} s")

    async def _link(self, dialler: MemoryTransport, target: MemoryTransport) -> None:
        if target.device in dialler.links:
            return
        link = _Link(dialler, target)
        dialler.links[target.device] = link
        target.links[dialler.device] = link
        self._dials += 1
        source = parse_address(dialler.listen_address)._replace(port=50_000 + self._dials % 10_000)
        with trio.CancelScope(shield=True):
            await target.queue.tell(Connected(dialler.device, source.text, outbound=False))
            await dialler.queue.tell(Connected(target.device, target.listen_address, outbound=True))

    async def end_link(self, link: _Link) -> None:
        """End a connection: its streams break, both ends are told."""
        if not link.up:
            return
        link.up = False
        for stream in link.streams:
            stream.break_off()
        with trio.CancelScope(shield=True):
            for end in link.ends:
                del end.links[link.other(end).device]
            for end in link.ends:
                await end.queue.tell(Disconnected(link.other(end).device))

    def open_stream(self, opener: MemoryTransport, peer: AuthorId, protocol: str) -> MemoryStream:
        """See `MemoryTransport.open`."""
        link = opener.links.get(peer)
        if link is None:
            raise NotConnected(f"not connected to {short(peer)}")
        target = link.other(opener)
        handler = target.handlers.get(protocol)
        if handler is None:
            raise NotConnected(f"{short(peer)} does not speak {protocol}")
        there, back = Pipe(self.latency_s), Pipe(self.latency_s)
        ours = MemoryStream(peer, inbox=back, outbox=there)
        theirs = MemoryStream(opener.device, inbox=there, outbox=back)
        link.streams += (ours, theirs)
        self._nursery.start_soon(self._serve, link, handler, theirs)
        return ours

    async def _serve(self, link: _Link, handler: StreamHandler, stream: MemoryStream) -> None:
        try:
            await handler(stream)
            await stream.close()
        except GossipError:
            stream.break_off()
        except Exception as error:  # noqa: BLE001 - the per-stream task: a fault ends its stream only
            _log.exception("a stream handler failed")
            self.handler_errors.append(error)
            stream.break_off()
        finally:
            link.streams.remove(stream)

    def spread(self, holder: MemoryTransport, heard: Heard, seen: set[AuthorId]) -> None:
        """Hand a gossip message to all neighbours of `holder` that are not in `seen`."""
        for link in list(holder.links.values()):
            self._nursery.start_soon(self._carry, link, holder, heard, seen)

    async def _carry(self, link: _Link, holder: MemoryTransport, heard: Heard, seen: set[AuthorId]) -> None:
        await trio.sleep(self.latency_s)
        target = link.other(holder)
        if not link.up or target.device in seen:
            return
        seen.add(target.device)
        if target.validate(heard.origin, heard.payload):
            target.queue.offer(heard)
            self.spread(target, heard, seen)
