"""Messages of the guest protocol over a stream: 4 bytes of length, then so many bytes. For both sides.

Reads no further than the message that is asked for, and refuses a longer one before it has come.
"""

from typing import Final

from gossip.errors import RemoteFault
from gossip.net.transport import Stream
from gossip.proto.framing import LENGTH_BYTES, frame
from node.federation.guest_messages import MAX_MESSAGE_BYTES, Message, encode_message, parse
from store.ids import AuthorId

READ_BYTES: Final = 16_384


class GuestStream:
    """A stream on which one side speaks after the other."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    @property
    def peer(self) -> AuthorId:
        """The device at the other end, proven by the transport's handshake."""
        return self._stream.peer

    async def send(self, message: Message) -> None:
        """Send a message. Raises: NotConnected."""
        await self._stream.send_all(frame(encode_message(message)))

    async def receive(self) -> Message | None:
        """The next message; None at a clean end.

        Raises:
            NotConnected: reset, or the connection was lost.
            RemoteFault: too long, cut in the middle, or no message of this protocol.
        """
        head = await self._exactly(LENGTH_BYTES)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        if not 1 <= length <= MAX_MESSAGE_BYTES:
            raise RemoteFault(f"a message of {length} bytes")
        data = await self._exactly(length)
        if data is None:
            raise RemoteFault("the stream ended inside a message")
        return parse(data)

    async def close(self) -> None:
        """Close our side in good order. Never raises."""
        await self._stream.close()

    async def reset(self) -> None:
        """End both sides at once. Never raises."""
        await self._stream.reset()

    async def _exactly(self, count: int) -> bytes | None:
        """So many bytes; None where the stream ends before the first of them."""
        while len(self._buffer) < count:
            data = await self._stream.receive_some(READ_BYTES)
            if not data:
                if self._buffer:
                    raise RemoteFault("the stream ended inside a message")
                return None
            self._buffer += data
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken
