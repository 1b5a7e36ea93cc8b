"""A visit: one stream over a connection that we dialled as a guest, and that ends with it."""

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from gossip.errors import NotConnected
from gossip.net.transport import Stream
from gossip.proto import limits
from store.ids import AuthorId

_READ_BYTES: Final = 65_536


class Visit:
    """A `gossip.net.transport.Stream` whose end is the end of its connection."""

    def __init__(self, stream: Stream, hang_up: Callable[[], Awaitable[None]]) -> None:
        """`hang_up` ends the connection; it never raises, and may be called twice."""
        self._stream = stream
        self._hang_up = hang_up

    @property
    def peer(self) -> AuthorId:
        """The device at the other end."""
        return self._stream.peer

    async def receive_some(self, max_bytes: int) -> bytes:
        """At least one byte, at most `max_bytes`; empty at a clean end. Raises: NotConnected."""
        return await self._stream.receive_some(max_bytes)

    async def receive_into(self, target: memoryview) -> int:
        """The same into `target`: how many bytes came; 0 at a clean end. Raises: NotConnected."""
        return await self._stream.receive_into(target)

    async def send_all(self, data: bytes) -> None:
        """Send everything. Raises: NotConnected."""
        await self._stream.send_all(data)

    async def close(self) -> None:
        """Close our side, wait a moment for the other one to close too, and hang up. Never raises."""
        try:
            await self._stream.close()
            with trio.move_on_after(limits.CLOSE_TIMEOUT_S):
                await self._drain()
        finally:
            with trio.CancelScope(shield=True):
                await self._hang_up()

    async def _drain(self) -> None:
        try:
            while await self._stream.receive_some(_READ_BYTES):
                continue
        except NotConnected:
            return

    async def reset(self) -> None:
        """End stream and connection at once. Never raises."""
        try:
            await self._stream.reset()
        finally:
            with trio.CancelScope(shield=True):
                await self._hang_up()
