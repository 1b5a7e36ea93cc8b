"""A transport inside one process, for tests on virtual time. It imports no libp2p.

`MemoryNet` is the network: it makes transports, delays what they send, and can be cut between any two
of them. The behaviour is that of `gossip.net.host`: at most one connection a pair, admission on both
sides, a bounded window a stream, gossip over every chain of connections with validation at each node.
"""

import logging
from collections.abc import Callable
from typing import Final

import trio

from gossip.errors import GossipError, NotConnected, NotSpoken, Unreachable
from gossip.net.address import parse_address
from gossip.net.event_queue import EventQueue
from gossip.net.guest_places import GuestPlaces, TooManyGuests
from gossip.net.memory_stream import MemoryStream, Pipe
from gossip.net.transport import (
    Connected,
    Disconnected,
    GuestHandler,
    Heard,
    Stream,
    StreamHandler,
    TransportEvent,
)
from gossip.net.visit import Visit
from store.ids import AuthorId, short

MAX_GOSSIP_BYTES: Final = 16_384
"""Largest payload of one gossip message."""

_log = logging.getLogger(__name__)


class _Link:
    """A connection between two transports."""

    __slots__ = ("booked", "ends", "leaving", "over", "served", "streams", "up")

    def __init__(
        self, dialler: "MemoryTransport", listener: "MemoryTransport", *, visit: bool, guest: bool
    ) -> None:
        """`visit`: the dialler comes as a guest; `guest`: the listener sees one in him."""
        self.ends = (dialler, listener)
        self.booked = [end for end, beside in ((dialler, visit), (listener, guest)) if not beside]
        """Those for whom this is the connection to a peer."""
        self.streams: list[MemoryStream] = []
        self.served = 0
        """Streams whose handler runs."""
        self.leaving = False
        """The dialler is no guest any more: the end of his last stream ends this."""
        self.over = trio.Event()
        self.up = True

    def other(self, one: "MemoryTransport") -> "MemoryTransport":
        return self.ends[1] if one is self.ends[0] else self.ends[0]

    def handler(self, target: "MemoryTransport", protocol: str) -> StreamHandler | None:
        """Who serves a stream to `target` over this."""
        serve = target.guest_handlers.get(protocol)
        if serve is None:
            return target.handlers.get(protocol) if target in self.booked else None
        ip = parse_address(self.other(target).listen_address).host
        return lambda stream: serve(stream, ip)


class MemoryTransport:
    """One node's view of a `MemoryNet`; see `gossip.net.transport.Transport`. Made by `MemoryNet.join`."""

    def __init__(
        self,
        net: "MemoryNet",
        device: AuthorId,
        address: str,
        admit: Callable[[AuthorId], bool],
        validate: Callable[[AuthorId, bytes], bool],
        guests: Callable[[AuthorId], bool],
    ) -> None:
        """Use `MemoryNet.join`."""
        self._net = net
        self._device = device
        self._address = address
        self.admit = admit
        self.validate = validate
        self.guests = guests
        self.queue = EventQueue()
        self.handlers: dict[str, StreamHandler] = {}
        self.guest_handlers: dict[str, GuestHandler] = {}
        self.links: dict[AuthorId, _Link] = {}
        self.guest_links: list[_Link] = []
        self.guest_places = GuestPlaces()

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

    def handle_guest(self, protocol: str, handler: GuestHandler) -> None:
        """Serve inbound streams of `protocol`, of guests and of peers; else as `handle`."""
        self.guest_handlers[protocol] = handler

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

    async def visit(
        self, peer: AuthorId, addresses: tuple[str, ...], protocol: str, timeout_s: float
    ) -> Stream:
        """Open a stream to a peer whether it is admitted or not, over a connection as a guest that ends with
        it; over the connection that stands, if one does.

        Raises:
            Unreachable: it is not there, the net is cut, or it wants no guests.
            BadAddress: an address is malformed.
            NotConnected: it does not speak `protocol`.
        """
        if peer in self.links:
            return await self.open(peer, protocol, timeout_s)
        texts = {parse_address(text).text for text in addresses}
        link = await self._net.connect(self, peer, texts, timeout_s, visit=True)
        try:
            await trio.sleep(2 * self._net.latency_s)
            stream = self._net.stream_over(link, self, protocol)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._net.end_link(link)
            raise
        return Visit(stream, lambda: self._net.end_link(link))

    async def open(self, peer: AuthorId, protocol: str, timeout_s: float) -> MemoryStream:
        """Open a stream to a connected peer.

        Raises:
            NotSpoken: it does not speak `protocol` with us, as with a guest.
            NotConnected: not connected, or no answer in time.
        """
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
        """Drop each connection whose device is no longer admitted; a guest that is admitted now is sent away
        once it has done what it is doing, and dials again."""
        for link in list(self.guest_links):
            guest = link.other(self).device
            link.leaving |= self.admit(guest)
            if not link.served if link.leaving else not self.guests(guest):
                await self._net.end_link(link)
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
        guests: Callable[[AuthorId], bool] = lambda _: False,
    ) -> MemoryTransport:
        """A transport for `device`. A device that left may join again; it has the same address."""
        if device in self._transports:
            raise ValueError(f"{short(device)} is in this net already")
        number = len(self._addresses) + 1
        address = self._addresses.setdefault(device, f"/ip4/10.0.{number >> 8}.{number & 255}/tcp/4001")
        transport = MemoryTransport(self, device, address, admit, validate, guests)
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
        for link in (*transport.links.values(), *transport.guest_links):
            await self.end_link(link)
        transport.queue.close()

    async def connect(
        self,
        dialler: MemoryTransport,
        peer: AuthorId,
        texts: set[str],
        timeout_s: float,
        *,
        visit: bool = False,
    ) -> _Link:
        """See `MemoryTransport.dial` and `visit`."""
        with trio.move_on_after(timeout_s):
            await trio.sleep(2 * self.latency_s)
            if frozenset((dialler.device, peer)) in self._cuts:
                await trio.sleep_forever()
            target = self._transports.get(peer)
            if target is None or target.listen_address not in texts:
                raise Unreachable(f"nobody answers for {short(peer)} at {', '.join(sorted(texts))}")
            guest = not target.admit(dialler.device)
            if guest and not target.guests(dialler.device):
                raise Unreachable(f"{short(peer)} does not admit us")
            return await self._link(dialler, target, visit=visit, guest=guest)
        raise Unreachable(f"{short(peer)} did not answer in {timeout_s:g} s")

    async def _link(
        self, dialler: MemoryTransport, target: MemoryTransport, *, visit: bool, guest: bool
    ) -> _Link:
        standing = dialler.links.get(target.device)
        if standing is not None and not visit:
            return standing
        link = _Link(dialler, target, visit=visit, guest=guest)
        self._dials += 1
        source = parse_address(dialler.listen_address)._replace(port=50_000 + self._dials % 10_000)
        with trio.CancelScope(shield=True):
            for end in link.booked:
                replaced = end.links.pop(link.other(end).device, None)
                end.links[link.other(end).device] = link
                if replaced is not None:
                    await self.end_link(replaced)
            if target in link.booked:
                await target.queue.tell(Connected(dialler.device, source.text, outbound=False))
            if dialler in link.booked:
                await dialler.queue.tell(Connected(target.device, target.listen_address, outbound=True))
        if guest:
            target.guest_links.append(link)
            self._nursery.start_soon(self._host, link, target)
        return link

    async def _host(self, link: _Link, host: MemoryTransport) -> None:
        """Have a guest for as long as it may stay."""
        try:
            with host.guest_places.place(parse_address(link.other(host).listen_address).host):
                await link.over.wait()
        except TooManyGuests as fault:
            _log.debug("a guest is refused: %s", fault)
        finally:
            host.guest_links.remove(link)
            with trio.CancelScope(shield=True):
                await self.end_link(link)

    async def end_link(self, link: _Link) -> None:
        """End a connection: its streams break, those who booked it are told."""
        if not link.up:
            return
        link.up = False
        link.over.set()
        for stream in link.streams:
            stream.break_off()
        with trio.CancelScope(shield=True):
            for end in link.booked:
                if end.links.get(link.other(end).device) is link:
                    del end.links[link.other(end).device]
            for end in link.booked:
                await end.queue.tell(Disconnected(link.other(end).device))

    def open_stream(self, opener: MemoryTransport, peer: AuthorId, protocol: str) -> MemoryStream:
        """See `MemoryTransport.open`."""
        link = opener.links.get(peer)
        if link is None:
            raise NotConnected(f"not connected to {short(peer)}")
        return self.stream_over(link, opener, protocol)

    def stream_over(self, link: _Link, opener: MemoryTransport, protocol: str) -> MemoryStream:
        """Open a stream over a connection, be it one of a guest. Raises: NotConnected, NotSpoken."""
        target = link.other(opener)
        if not link.up:
            raise NotConnected(f"{short(target.device)} hung up")
        handler = link.handler(target, protocol)
        if handler is None:
            raise NotSpoken(f"{short(target.device)} does not speak {protocol}")
        there, back = Pipe(self.latency_s), Pipe(self.latency_s)
        ours = MemoryStream(target.device, inbox=back, outbox=there)
        theirs = MemoryStream(opener.device, inbox=there, outbox=back)
        link.streams += (ours, theirs)
        link.served += 1
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
            link.served -= 1
            if link.leaving and not link.served:
                with trio.CancelScope(shield=True):
                    await trio.sleep(self.latency_s)
                    await self.end_link(link)

    def spread(self, holder: MemoryTransport, heard: Heard, seen: set[AuthorId]) -> None:
        """Hand a gossip message to all neighbours of `holder` that are not in `seen`."""
        for link in [link for link in holder.links.values() if len(link.booked) == len(link.ends)]:
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
