"""Yamux for the libp2p host: many streams over one encrypted connection.

Takes the place of libp2p 0.8.1's Yamux, in which a writer dies after 5 s without window, a peer may open
streams without end, overrun its window, or ask for answers that it never reads, and a frozen peer stays
"connected". It speaks the same bytes:

    version 0 (1 byte) | type (1) | flags (2) | stream (4) | length (4), big endian; data of `length` bytes

types: 0 data, 1 window update (length: more bytes that may be sent), 2 ping, 3 go away;
flags: 1 SYN opens, 2 ACK accepts, 4 FIN ends one direction, 8 RST ends both. The dialler's streams have
odd numbers. Each direction of a stream begins with a window of 256 KiB.

A connection holds at most 128 times 256 KiB and `EXTRA_WINDOW_BYTES` unread bytes, and all connections
together at most `gossip.net.libp2p_stream.MAX_UNREAD_BYTES`.
"""

import logging
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio
from libp2p.abc import IMuxedConn
from libp2p.connection_types import ConnectionType
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from gossip.errors import NotConnected
from gossip.net.libp2p_noise import NoiseSession
from gossip.net.libp2p_stream import ACK, FIN, MAX_DATA_BYTES, RST, SYN, MuxedStream, UnreadBytes
from gossip.proto.limits import MAX_GUEST_STREAMS
from store.ids import AuthorId

MAX_INBOUND_STREAMS: Final = 64
"""Streams that a peer may have open to us at a time; a further one is reset. A node uses four or five."""

MAX_OUTBOUND_STREAMS: Final = 64
"""Streams that we open to a peer at a time, so that the peer's own limit is not met."""

EXTRA_WINDOW_BYTES: Final = 4_194_304
"""What all windows of a connection may have beyond 256 KiB each: enough for four fast streams of 1 MiB."""

KEEPALIVE_S: Final = 5.0
"""Time between two pings on a connection."""

SILENCE_S: Final = 10.0
"""With a ping unanswered and no other byte for so long, the connection counts as dead. A frozen or
vanished peer is gone after 10 to 15 s."""

LATE_S: Final = 1.0
"""When our own timer comes later than this, this process was busy or asleep, and the silence may be
ours: nobody is judged in that round."""

FLUSH_S: Final = 60.0
"""A peer whose machine takes not one byte of what waits for so long is cut off."""

LINGER_S: Final = 60.0
"""How long a stream that we closed, and that neither side uses, is kept before it is reset."""

HANDLER_GRACE_S: Final = 5.0
"""How long a stream's handler may go on after its connection ended before it is cancelled."""

_HEADER: Final = struct.Struct(">BBHII")
_HEADER_BYTES: Final = _HEADER.size
_DATA, _WINDOW_UPDATE, _PING, _GO_AWAY = 0, 1, 2, 3
_MAX_STREAM_ID: Final = 2**32 - 2

_log = logging.getLogger(__name__)


class _Broken(Exception):
    """The peer broke Yamux's rules; the connection ends."""


class Muxer(IMuxedConn):
    """One connection and its streams, as libp2p's swarm wants it."""

    def __init__(self, conn: NoiseSession, peer_id: ID, unread: UnreadBytes) -> None:
        """`unread` counts unread bytes over all connections of the host."""
        self.session = conn
        self.peer_id = peer_id
        self.event_started = trio.Event()
        self.event_closed = trio.Event()
        self.on_close: Callable[[], Awaitable[None]] | None = None
        self.streams: dict[int, MuxedStream] = {}
        self.unread = unread
        self.unread_bytes = 0
        """Of all streams together, while the connection lives."""
        self.extra_window_bytes = 0 if conn.is_guest else EXTRA_WINDOW_BYTES
        """What is left for windows to grow."""
        self.since_s = trio.current_time()
        self.round_trip_s = 0.0
        """As the last answered ping saw it; 0.0: no ping was answered yet."""
        self._max_inbound = MAX_INBOUND_STREAMS
        if conn.is_guest:
            self._max_inbound = 0 if conn.is_initiator else MAX_GUEST_STREAMS
        self._inbound, self._accept = trio.open_memory_channel[MuxedStream](MAX_INBOUND_STREAMS)
        self._next_id = 1 if conn.is_initiator else 2
        self._handlers: set[trio.CancelScope] = set()
        self._no_handlers = trio.Event()
        self._header = b""
        self._body_left = 0
        self._body_of: MuxedStream | None = None
        conn.when_broken = self._over
        self._ping_number = 0
        self._ping_sent_s: float | None = None
        self._heard_s = 0.0

    # --- what streams use --------------------------------------------------------------------------------

    @property
    def author(self) -> AuthorId:
        """The proven device at the other end."""
        return self.session.author

    @property
    def is_closed(self) -> bool:
        """The connection is over."""
        return self.session.broken is not None

    @property
    def reason(self) -> str:
        """Why it is over."""
        return self.session.broken or ""

    def send_data(self, stream_id: int, data: memoryview) -> None:
        """Frames of at most `MAX_DATA_BYTES` each, handed to the kernel together. Never waits."""
        pieces = [data[at : at + MAX_DATA_BYTES] for at in range(0, len(data), MAX_DATA_BYTES)]
        self.session.send_all([(_HEADER.pack(0, _DATA, 0, stream_id, len(piece)), piece) for piece in pieces])

    def send_update(self, stream_id: int, flags: int, window_bytes: int = 0) -> None:
        """Window, or a change of state. Never waits."""
        self.session.send(_HEADER.pack(0, _WINDOW_UPDATE, flags, stream_id, window_bytes))

    def holds(self, stream: MuxedStream) -> bool:
        """The stream is not over for both sides."""
        return self.streams.get(stream.stream_id) is stream

    def forget(self, stream: MuxedStream) -> None:
        """A stream is over in both directions and drained."""
        if self.holds(stream):
            del self.streams[stream.stream_id]
            self.extra_window_bytes += stream.grown_bytes

    def count_unread(self, change_bytes: int) -> None:
        """Unread bytes came (positive) or were read (negative)."""
        if not self.is_closed:
            self.unread_bytes += change_bytes
            self.unread.change(change_bytes)

    # --- as libp2p wants it ------------------------------------------------------------------------------

    @property
    def is_initiator(self) -> bool:
        """We dialled."""
        return self.session.is_initiator

    @property
    def is_established(self) -> bool:
        """Streams may be opened."""
        return self.event_started.is_set() and not self.is_closed

    async def open_stream(self) -> MuxedStream:
        """A new stream to the peer. Raises: NotConnected: the connection is over or has too many."""
        if self.is_closed:
            raise NotConnected(f"the connection is over: {self.reason}")
        ours = self._next_id & 1
        if sum(1 for stream_id in self.streams if stream_id & 1 == ours) >= MAX_OUTBOUND_STREAMS:
            raise NotConnected(f"{MAX_OUTBOUND_STREAMS} streams to this peer are open already")
        if self._next_id > _MAX_STREAM_ID:
            self.break_off("out of stream numbers")
            raise NotConnected("this connection has no stream numbers left")
        stream = MuxedStream(self, self._next_id)
        self._next_id += 2
        self.streams[stream.stream_id] = stream
        self.send_update(stream.stream_id, SYN)
        await trio.lowlevel.checkpoint()
        return stream

    async def accept_stream(self) -> MuxedStream:
        """The next stream that the peer opens. Raises: MuxedConnUnavailable: the connection is over."""
        try:
            return await self._accept.receive()
        except trio.EndOfChannel:
            raise MuxedConnUnavailable("the connection is over") from None

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Around the handler of an inbound stream: cancels it some time after the connection ended."""
        with trio.CancelScope() as scope:
            self._handlers.add(scope)
            try:
                yield
            finally:
                self._handlers.discard(scope)
                if self.is_closed and not self._handlers:
                    self._no_handlers.set()

    async def start(self) -> None:
        """Run until the connection is over. Raises nothing but cancellation."""
        self.unread.connections.add(self)
        self._heard_s = trio.current_time()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read_forever)
                nursery.start_soon(self.session.flush_forever, FLUSH_S)
                nursery.start_soon(self._keep_alive)
                self.event_started.set()
                await self.event_closed.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.break_off("closed here")
            self.unread.connections.discard(self)
            with trio.CancelScope(shield=True):
                if self.on_close is not None:
                    await self.on_close()
        await self._end_handlers()

    async def _end_handlers(self) -> None:
        if self._handlers:
            with trio.move_on_after(HANDLER_GRACE_S):
                await self._no_handlers.wait()
        for scope in list(self._handlers):
            scope.cancel()

    def break_off(self, reason: str) -> None:
        """End the connection here and now; its streams are lost. Never raises; the first reason stands."""
        self.session.break_off(reason)

    def _over(self) -> None:
        """The session is over, for whatever reason and wherever that was noticed."""
        self.event_closed.set()
        self.unread.change(-self.unread_bytes)
        self.unread_bytes = 0
        self._inbound.close()
        for stream in list(self.streams.values()):
            stream.lose()
        self.streams.clear()

    async def close(self) -> None:
        """Say good-bye, then end. Never raises."""
        if not self.is_closed:
            self.session.send(_HEADER.pack(0, _GO_AWAY, 0, 0, 0))
        self.break_off("closed here")

    def get_remote_address(self) -> tuple[str, int] | None:
        """IP address and port of the other end."""
        return self.session.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """The other end as a multiaddr object."""
        return self.session.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """Always direct."""
        return self.session.get_connection_type()

    # --- keepalive ---------------------------------------------------------------------------------------

    async def _keep_alive(self) -> None:
        while not self.is_closed:
            self._ping_number += 1
            self._ping_sent_s = asked_s = trio.current_time()
            self.session.send(_HEADER.pack(0, _PING, SYN, 0, self._ping_number & 0xFFFFFFFF))
            await trio.sleep(KEEPALIVE_S)
            now_s = trio.current_time()
            if now_s - asked_s > KEEPALIVE_S + LATE_S:
                continue
            if self._ping_sent_s is not None and now_s - self._heard_s > SILENCE_S:
                self.break_off(f"silent for {SILENCE_S:.0f} s")
            for stream in list(self.streams.values()):
                if stream.is_abandoned(now_s - LINGER_S):
                    stream.reset_now()

    # --- frames in ---------------------------------------------------------------------------------------

    async def _read_forever(self) -> None:
        try:
            while not self.is_closed:
                contents = await self.session.receive()
                self._heard_s = trio.current_time()
                for content in contents:
                    self._take(content)
        except ConnectionClosedError as error:
            self.break_off(str(error))
        except _Broken as error:
            self.session.send(_HEADER.pack(0, _GO_AWAY, 0, 0, 1))
            self.break_off(f"the other side broke Yamux: {error}")
        except Exception as error:  # noqa: BLE001 - the per-peer task: a fault ends this connection only
            _log.exception("reading from a connection failed")
            self.break_off(f"fault here: {error!r}")

    def _take(self, content: bytes) -> None:
        """Cut one record's content into frames; both may span each other's borders."""
        view = memoryview(content)
        at, end = 0, len(content)
        while at < end and not self.is_closed:
            if self._body_left:
                after = min(end, at + self._body_left)
                self._body_left -= after - at
                if self._body_of is not None:
                    self._body_of.feed(view[at:after], is_most=2 * (after - at) >= end)
                at = after
            elif self._header or end - at < _HEADER_BYTES:
                after = min(end, at + _HEADER_BYTES - len(self._header))
                self._header += content[at:after]
                at = after
                if len(self._header) == _HEADER_BYTES:
                    header, self._header = self._header, b""
                    self._frame(*_HEADER.unpack(header))
            else:
                self._frame(*_HEADER.unpack_from(content, at))
                at += _HEADER_BYTES

    def _frame(self, version: int, kind: int, flags: int, stream_id: int, length: int) -> None:
        if version != 0 or kind > _GO_AWAY:
            raise _Broken(f"no frame has version {version} and type {kind}")
        if kind == _PING:
            self._ping(flags, length)
        elif kind == _GO_AWAY:
            raise ConnectionClosedError("the other side said good-bye")
        else:
            stream = self._opened(stream_id) if flags & SYN else self.streams.get(stream_id)
            if kind == _DATA:
                if stream is not None and not stream.may_send(length):
                    raise _Broken("data beyond the window")
                self._body_left = length
                self._body_of = stream
            elif stream is not None:
                stream.add_credit(length)
            if stream is not None and flags & (FIN | RST):
                self._ends(stream, flags, length if kind == _DATA else 0)

    def _ends(self, stream: MuxedStream, flags: int, body_bytes: int) -> None:
        if flags & RST:
            stream.cut_off()
        else:
            stream.end_after(body_bytes)

    def _opened(self, stream_id: int) -> MuxedStream | None:
        if stream_id & 1 == self._next_id & 1 or stream_id == 0 or stream_id in self.streams:
            raise _Broken("a stream was opened under a number that is not free")
        theirs = stream_id & 1
        if sum(1 for other_id in self.streams if other_id & 1 == theirs) >= self._max_inbound:
            self.send_update(stream_id, RST)
            return None
        self.send_update(stream_id, ACK)
        if self.is_closed:
            return None
        stream = MuxedStream(self, stream_id)
        self.streams[stream_id] = stream
        try:
            self._inbound.send_nowait(stream)
        except trio.WouldBlock:
            stream.reset_now()
        return stream

    def _ping(self, flags: int, number: int) -> None:
        if flags & SYN:
            self.session.send(_HEADER.pack(0, _PING, ACK, 0, number))
        elif self._ping_sent_s is not None and number == self._ping_number & 0xFFFFFFFF:
            self.round_trip_s = trio.current_time() - self._ping_sent_s
            self._ping_sent_s = None
