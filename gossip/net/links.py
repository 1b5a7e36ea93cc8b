"""Per-peer loops: bytes ↔ messages on push and sync streams, with bounded queues.

Nothing is decided here. Whatever a peer does wrong on the way from bytes to a message is a
`RemoteFault` that the driver hands to the engine. A full queue ends the link: we wait for nobody.
"""

from collections import deque
from collections.abc import AsyncGenerator

import trio

from gossip.net.transport import Stream
from gossip.proto import limits
from gossip.proto.framing import Deframer, frame


class Outflow:
    """A bounded queue of frames in front of one stream, and the loop that empties it."""

    __slots__ = ("_bytes", "_closing", "_frames", "_limit_bytes", "_stream", "_wake", "sent_bytes")

    def __init__(self, stream: Stream, limit_bytes: int) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._closing = False
        self._wake = trio.Event()
        self.sent_bytes = 0

    def offer(self, payload: bytes) -> bool:
        """Queue a message. False: the queue is full or closing, and the link has to end."""
        if self._closing or self._bytes > self._limit_bytes:
            return False
        framed = frame(payload)
        self._frames.append(framed)
        self._bytes += len(framed)
        self.sent_bytes += len(framed)
        self._wake.set()
        return True

    def close_after(self) -> None:
        """End the loop once everything queued is sent."""
        self._closing = True
        self._wake.set()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is taken."""
        return self._closing

    async def pump(self) -> None:
        """Send what is queued, many frames in one write; returns after `close_after`.

        Raises:
            NotConnected: the stream broke.
        """
        while True:
            while self._frames:
                await self._stream.send_all(self._take())
            if self._closing:
                return
            self._wake = trio.Event()
            await self._wake.wait()

    def _take(self) -> bytes:
        """Frames for one write: up to about a quarter of a megabyte."""
        taken = [self._frames.popleft()]
        size = len(taken[0])
        while self._frames and size + len(self._frames[0]) <= limits.READ_BYTES:
            taken.append(self._frames.popleft())
            size += len(taken[-1])
        self._bytes -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)


async def payloads(stream: Stream, max_bytes: int = limits.MAX_FRAME_BYTES) -> AsyncGenerator[bytes, None]:
    """The messages that come over a stream, until its clean end. To be closed (`aclosing`) by its reader.

    `max_bytes`: longest message that is taken.

    Raises:
        RemoteFault: a bad length, or the end inside a frame.
        NotConnected: the stream broke.
    """
    deframer = Deframer(max_bytes)
    while True:
        data = await stream.receive_some(limits.READ_BYTES)
        if not data:
            deframer.finish()
            return
        for payload in deframer.feed(data):
            yield payload


class Inflow:
    """Counts what one peer has handed us that was not judged yet, and makes its readers wait."""

    __slots__ = ("__weakref__", "_entries", "_room")

    def __init__(self) -> None:
        self._entries = 0
        self._room = trio.Event()

    def add(self, entries: int) -> None:
        """So many entries went to the intake."""
        self._entries += entries

    def done(self, entries: int) -> None:
        """So many were judged."""
        self._entries -= entries
        if self._entries <= limits.INFLOW_ENTRIES:
            self._room.set()
            self._room = trio.Event()

    async def wait_for_room(self) -> None:
        """Return once the peer may send more. Several readers may wait: push, and sync sessions."""
        while self._entries > limits.INFLOW_ENTRIES:
            await self._room.wait()
