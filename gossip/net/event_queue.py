"""The queue behind `Transport.events`: connections are never dropped from it, gossip is.

One place holds both rules, because both transports promise them.
"""

from typing import Final

import trio

from gossip.net.transport import Connected, Disconnected, Found, Heard, TransportEvent

MAX_EVENTS: Final = 1_024
"""Events that wait for the node. When it is full, connections wait to come up or to be cleared away."""

MAX_LOSSY_EVENTS: Final = 768
"""Gossip and discoveries are dropped from here on, so that connections always find room first."""


class EventQueue:
    """A bounded channel of `TransportEvent`."""

    def __init__(self) -> None:
        """Must be called inside trio."""
        self._send, self.receive = trio.open_memory_channel[TransportEvent](MAX_EVENTS)
        self.dropped = 0
        """Gossip and discoveries that found no room since the start."""

    async def tell(self, event: Connected | Disconnected) -> None:
        """Queue what must not be lost; waits for room. After `close` it does nothing."""
        try:
            await self._send.send(event)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            return

    def offer(self, event: Heard | Found) -> None:
        """Queue what may be lost, or drop and count it."""
        if self._send.statistics().current_buffer_used >= MAX_LOSSY_EVENTS:
            self.dropped += 1
            return
        try:
            self._send.send_nowait(event)
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            self.dropped += 1

    def close(self) -> None:
        """Nothing more comes: the reader sees the end of the channel once it is empty."""
        self._send.close()
