"""One stream of a `gossip.net.libp2p_yamux` connection, and the count of unread bytes of all streams.

A stream is a `gossip.net.transport.Stream` for us and an `IMuxedStream` for libp2p. Its two halves end
apart (FIN) or together (RST, or the loss of the connection). A lost connection is never a clean end, as
it was with libp2p 0.8.1, where a peer killed in mid-stream reads as one that was done.

Received data is kept as it came from the cipher, without a copy, when it is most of its record; smaller
pieces are copied into one buffer, so that what is held is at most twice what is counted.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

import trio
from libp2p.abc import IMuxedStream
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamReset

from gossip.errors import NotConnected
from gossip.net.libp2p_noise import MAX_PLAIN_BYTES
from store.ids import AuthorId

if TYPE_CHECKING:
    from gossip.net.libp2p_yamux import Muxer

SYN, ACK, FIN, RST = 1, 2, 4, 8
"""Flags of a Yamux frame."""

FIRST_WINDOW_BYTES: Final = 262_144
"""Bytes that either side may send before the other has read any: fixed by Yamux."""

MAX_WINDOW_BYTES: Final = 1_048_576
"""What a window grows to while its reader keeps up: 10 MB/s at 100 ms round trip."""

FAST_ROUND_TRIPS: Final = 4.0
"""A window grows when half of it was read within so many round trips."""

LEAST_ROUND_TRIP_S: Final = 0.002
"""Round trips count as at least this long, so that windows grow on a local network too."""

MAX_UNREAD_BYTES: Final = 67_108_864
"""Unread bytes over all connections. Beyond it the connection with the most unread bytes is ended: its
peer sends what nobody here reads."""

STALL_S: Final = 60.0
"""How long a writer waits for window. A receiver that pauses for less loses nothing."""

MAX_DATA_BYTES: Final = MAX_PLAIN_BYTES - 12
"""Data in one frame: as much as one Noise record takes with the frame's header."""

_LIBRARY_READ_BYTES: Final = 65_536


class UnreadBytes:
    """Unread bytes of all connections of a host together."""

    def __init__(self, limit_bytes: int = MAX_UNREAD_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.connections: set[Muxer] = set()

    def change(self, change_bytes: int) -> None:
        """Count; beyond the limit end the connection that holds most."""
        self.held_bytes += change_bytes
        while self.held_bytes > self.limit_bytes and self.connections:
            worst = max(self.connections, key=lambda connection: connection.unread_bytes)
            self.connections.discard(worst)
            worst.break_off("too many unread bytes in this process, most of them from here")


class MuxedStream(IMuxedStream):
    """A two-way byte stream. One task may read and one may write at a time."""

    def __init__(self, conn: "Muxer", stream_id: int) -> None:
        """`Muxer` makes streams."""
        self.muxed_conn = conn
        self.conn = conn
        self.stream_id = stream_id
        self.unread_bytes = 0
        self._chunks: deque[memoryview] = deque()
        self._small = bytearray()
        self._readers = trio.lowlevel.ParkingLot()
        self._writers = trio.lowlevel.ParkingLot()
        self._window_bytes = FIRST_WINDOW_BYTES
        self._allowed_bytes = FIRST_WINDOW_BYTES
        """What the peer may still send."""
        self._read_bytes = 0
        """Read since we last gave window."""
        self._gave_window_s = 0.0
        self._credit_bytes = FIRST_WINDOW_BYTES
        """What we may still send."""
        self._end_after_bytes: int | None = None
        self._ended_in = False
        self._ended_out = False
        self._lost = False
        self._finished = False
        self._used_s = trio.current_time()

    @property
    def grown_bytes(self) -> int:
        """By how much the window grew."""
        return self._window_bytes - FIRST_WINDOW_BYTES

    @property
    def peer(self) -> AuthorId:
        """The device at the other end."""
        return self.conn.author

    # --- for us ------------------------------------------------------------------------------------------

    async def receive_some(self, max_bytes: int) -> bytes:
        """At least one byte, at most `max_bytes`; empty at a clean end. Waits only while nothing is here.

        Raises:
            NotConnected: reset or connection lost. What arrived before a loss is read first.
        """
        if not await self._arrived():
            return b""
        data = self._cut(max_bytes)
        self._was_read(len(data))
        return data

    async def receive_into(self, target: memoryview) -> int:
        """Read into `target`, which is not empty: how many bytes, all that is here if there is room for it.
        0 at a clean end. Raises: NotConnected, as above.
        """
        if not await self._arrived():
            return 0
        at, wanted = 0, min(self.unread_bytes, len(target))
        while at < wanted:
            if not self._chunks:
                self._gather()
            first = self._chunks[0]
            size = min(len(first), wanted - at)
            target[at : at + size] = first[:size]
            at += size
            if size == len(first):
                self._chunks.popleft()
            else:
                self._chunks[0] = first[size:]
        self._was_read(wanted)
        return wanted

    async def _arrived(self) -> bool:
        """Wait until something can be read. False: this is the end. Raises: NotConnected."""
        while not self.unread_bytes:
            if self._lost:
                raise NotConnected(self._why())
            if self._ended_in:
                return False
            await self._readers.park()
        return True

    def _was_read(self, size_bytes: int) -> None:
        self.unread_bytes -= size_bytes
        if not self._lost:
            self.conn.count_unread(-size_bytes)
            self._give_window(size_bytes)

    async def send_all(self, data: bytes) -> None:
        """Send everything; waits while the other side gives no window. A cancelled `send_all` has sent a
        part: reset the stream then.

        Raises:
            NotConnected: reset, connection lost, our side closed, or no window for `STALL_S`.
        """
        rest = memoryview(data)
        session = self.conn.session
        await trio.lowlevel.checkpoint()
        while rest:
            if self._lost or self._ended_out:
                raise NotConnected(self._why())
            if not self._credit_bytes:
                await self._wait_for_credit()
            elif not session.has_room:
                await session.wait_for_room()
            else:
                most = MAX_DATA_BYTES * max(session.room_bytes // MAX_DATA_BYTES, 1)
                piece = rest[: min(self._credit_bytes, most)]
                self.conn.send_data(self.stream_id, piece)
                self._credit_bytes -= len(piece)
                rest = rest[len(piece) :]

    async def _wait_for_credit(self) -> None:
        with trio.move_on_after(STALL_S) as patience:
            await self._writers.park()
        if patience.cancelled_caught and not self._credit_bytes:
            self.reset_now()
            raise NotConnected(f"the other side read nothing for {STALL_S:.0f} s")

    async def close(self) -> None:
        """Close our side in good order: what was sent arrives, then the end. Never raises."""
        if not self._ended_out and not self._lost:
            self._ended_out = True
            self.conn.send_update(self.stream_id, FIN)
            self._writers.unpark_all()
            self._forget_if_over()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def finish(self) -> None:
        """Close our side and let what still comes vanish: the handler is done with the stream."""
        self._drop_unread()
        self._finished = True
        self._used_s = trio.current_time()
        if not self._ended_out and not self._lost:
            self._ended_out = True
            self.conn.send_update(self.stream_id, FIN)
        self._forget_if_over()

    async def reset(self) -> None:
        """End both sides at once. Never raises."""
        self.reset_now()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def reset_now(self) -> None:
        """The same without a checkpoint. Unread data is dropped."""
        if self.conn.holds(self):
            self.conn.send_update(self.stream_id, RST)
        self.cut_off()

    def _why(self) -> str:
        if self.conn.is_closed:
            return f"connection lost: {self.conn.reason}"
        return "the stream was reset" if self._lost else "our side of the stream is closed"

    # --- for the muxer -----------------------------------------------------------------------------------

    def may_send(self, size_bytes: int) -> bool:
        """Book what the peer announces. False: it is more than its window."""
        self._allowed_bytes -= size_bytes
        return self._allowed_bytes >= 0 and not self._ended_in

    def feed(self, data: memoryview, *, is_most: bool) -> None:
        """Data came: a view into a record, most of it or not."""
        if self._lost:
            return
        if self._finished:
            self._give_window(len(data))
        else:
            self._used_s = trio.current_time()
            self.unread_bytes += len(data)
            self.conn.count_unread(len(data))
            if is_most:
                self._gather()
                self._chunks.append(data)
            else:
                self._small += data
        if self._end_after_bytes is not None:
            self.end_after(self._end_after_bytes - len(data))
        if self._readers:
            self._readers.unpark_all()

    def end_after(self, size_bytes: int) -> None:
        """The peer's side ends after so many bytes more."""
        self._end_after_bytes = size_bytes
        if size_bytes <= 0:
            self._ended_in = True
            self._readers.unpark_all()
            self._forget_if_over()

    def add_credit(self, size_bytes: int) -> None:
        """The peer gave window."""
        self._credit_bytes += size_bytes
        if self._writers:
            self._writers.unpark_all()

    def cut_off(self) -> None:
        """The peer reset the stream: unread data is dropped."""
        self._drop_unread()
        self.lose()
        self.conn.forget(self)

    def lose(self) -> None:
        """Readers, once they have what arrived, and writers see `NotConnected` from now on."""
        self._lost = True
        self._readers.unpark_all()
        self._writers.unpark_all()

    def is_abandoned(self, before_s: float) -> bool:
        """We closed our side, nobody waits for more, and nothing happened since `before_s`."""
        return self._ended_out and not self._readers and self._used_s < before_s

    def _forget_if_over(self) -> None:
        if self._ended_in and self._ended_out and not self.unread_bytes:
            self.conn.forget(self)

    # --- data and window ---------------------------------------------------------------------------------

    def _gather(self) -> None:
        if self._small:
            self._chunks.append(memoryview(self._small))
            self._small = bytearray()

    def _cut(self, max_bytes: int) -> bytes:
        if not self._chunks:
            if len(self._small) <= max_bytes:
                data, self._small = bytes(self._small), bytearray()
                return data
            self._gather()
        first = self._chunks[0]
        if len(first) <= max_bytes:
            self._chunks.popleft()
        else:
            self._chunks[0] = first[max_bytes:]
        return bytes(first[:max_bytes])

    def _drop_unread(self) -> None:
        if not self._lost:
            self.conn.count_unread(-self.unread_bytes)
        self.unread_bytes = 0
        self._chunks.clear()
        self._small.clear()

    def _give_window(self, read_bytes: int) -> None:
        self._read_bytes += read_bytes
        now_s = trio.current_time()
        if not self._finished:
            self._used_s = now_s
        if self._ended_in:
            self._forget_if_over()
        elif self._read_bytes >= self._window_bytes // 2:
            round_trip_s = max(self.conn.round_trip_s, LEAST_ROUND_TRIP_S)
            grown = 0
            if now_s - self._gave_window_s < FAST_ROUND_TRIPS * round_trip_s:
                grown = min(MAX_WINDOW_BYTES - self._window_bytes, self._window_bytes)
                grown = min(grown, self.conn.extra_window_bytes)
            self.conn.extra_window_bytes -= grown
            self._window_bytes += grown
            self._allowed_bytes += self._read_bytes + grown
            self.conn.send_update(self.stream_id, 0, self._read_bytes + grown)
            self._read_bytes = 0
            self._gave_window_s = now_s

    # --- for libp2p --------------------------------------------------------------------------------------

    async def read(self, n: int | None = None) -> bytes:
        """At least one byte, at most `n`. Raises: MuxedStreamEOF, MuxedStreamReset."""
        try:
            data = await self.receive_some(_LIBRARY_READ_BYTES if n is None or n < 0 else n)
        except NotConnected as error:
            raise MuxedStreamReset(str(error)) from error
        if not data:
            raise MuxedStreamEOF("the other side ended the stream")
        return data

    async def write(self, data: bytes) -> None:
        """Send everything. Raises: MuxedStreamReset."""
        try:
            await self.send_all(data)
        except NotConnected as error:
            raise MuxedStreamReset(str(error)) from error

    def set_deadline(self, ttl: int) -> None:
        """Not offered: deadlines are trio's."""
        raise ValueError("use trio's deadlines")

    async def __aenter__(self) -> "MuxedStream":
        """The stream itself; it is closed on leaving."""
        return self

    def get_remote_address(self) -> tuple[str, int] | None:
        """IP address and port of the other end."""
        return self.conn.get_remote_address()
