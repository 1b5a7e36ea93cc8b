"""Streams of `gossip.net.memory`: two bounded pipes with latency, on trio's clock."""

from collections import deque
from typing import Final

import trio

from gossip.errors import NotConnected
from store.ids import AuthorId

WINDOW_BYTES: Final = 262_144
"""Unread bytes that one direction of a stream holds before its writer waits; libp2p's figure."""

STALL_S: Final = 60.0
"""How long a writer waits for a reader before the stream counts as lost."""


class Pipe:
    """One direction of a stream."""

    __slots__ = ("_changed", "_chunks", "_latency_s", "broken", "ended", "unread_bytes")

    def __init__(self, latency_s: float) -> None:
        """`latency_s`: how long each byte travels."""
        self._latency_s = latency_s
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._changed = trio.Event()
        self.unread_bytes = 0
        self.ended = False
        self.broken = False

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def end(self) -> None:
        """The writer is done: the reader sees a clean end after what is still here."""
        if not self.ended:
            self.ended = True
            self._wake()

    def break_off(self) -> None:
        """Lose what is still here; reader and writer see `NotConnected`."""
        if not self.broken:
            self.broken = True
            self._chunks.clear()
            self._wake()

    async def put(self, data: bytes) -> None:
        """Write everything, waiting for room. Raises: NotConnected."""
        at = 0
        while at < len(data):
            await self._wait_for_room()
            piece = data[at : at + WINDOW_BYTES - self.unread_bytes]
            at += len(piece)
            self._chunks.append((trio.current_time() + self._latency_s, bytes(piece)))
            self.unread_bytes += len(piece)
            self._wake()
        await trio.lowlevel.checkpoint()

    async def _wait_for_room(self) -> None:
        with trio.move_on_after(STALL_S) as patience:
            while not self.broken and not self.ended and self.unread_bytes >= WINDOW_BYTES:
                await self._changed.wait()
        if patience.cancelled_caught:
            raise NotConnected(f"the other side read nothing for {STALL_S:.0f} s")
        if self.broken or self.ended:
            raise NotConnected("the stream is closed")

    async def get(self, max_bytes: int) -> bytes:
        """At least one byte, at most `max_bytes`; empty at a clean end. Raises: NotConnected."""
        await trio.lowlevel.checkpoint()
        while True:
            if self.broken:
                raise NotConnected("the stream was reset or its connection lost")
            if self._chunks:
                ready_at, data = self._chunks[0]
                wait_s = ready_at - trio.current_time()
                if wait_s > 0:
                    with trio.move_on_after(wait_s):
                        await self._changed.wait()
                    continue
                return self._take(ready_at, data, max_bytes)
            if self.ended:
                return b""
            await self._changed.wait()

    def _take(self, ready_at: float, data: bytes, max_bytes: int) -> bytes:
        piece = data[:max_bytes]
        if len(piece) == len(data):
            self._chunks.popleft()
        else:
            self._chunks[0] = (ready_at, data[max_bytes:])
        self.unread_bytes -= len(piece)
        self._wake()
        return piece


class MemoryStream:
    """One end of a stream; see `gossip.net.transport.Stream`."""

    __slots__ = ("_inbox", "_outbox", "_peer")

    def __init__(self, peer: AuthorId, inbox: Pipe, outbox: Pipe) -> None:
        """Use `MemoryTransport.open`."""
        self._peer = peer
        self._inbox = inbox
        self._outbox = outbox

    @property
    def peer(self) -> AuthorId:
        """The device at the other end."""
        return self._peer

    async def receive_some(self, max_bytes: int) -> bytes:
        """At least one byte, at most `max_bytes`; empty at a clean end. Raises: NotConnected."""
        return await self._inbox.get(max_bytes)

    async def receive_into(self, target: memoryview) -> int:
        """The same into `target`: how many bytes came; 0 at a clean end. Raises: NotConnected."""
        data = await self._inbox.get(len(target))
        target[: len(data)] = data
        return len(data)

    async def send_all(self, data: bytes) -> None:
        """Send everything, waiting for the reader. Raises: NotConnected."""
        await self._outbox.put(data)

    async def close(self) -> None:
        """Close our side in good order. Never raises."""
        self._outbox.end()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def reset(self) -> None:
        """End both sides at once. Never raises."""
        self.break_off()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def break_off(self) -> None:
        """End both sides without a checkpoint."""
        self._inbox.break_off()
        self._outbox.break_off()
