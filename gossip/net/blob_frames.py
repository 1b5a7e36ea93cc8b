"""Messages of a blob stream: 4 bytes of length, big-endian, then so many bytes, never more than may come now.

Unlike on push and sync streams a message is read alone, byte for byte, so that the reader can wait before it
takes the last bytes of one.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from gossip.errors import RemoteFault, Severity
from gossip.net.transport import Stream
from gossip.proto.framing import LENGTH_BYTES

PROTOCOL: Final = "/asterism/blobs/1"

PIECE_BYTES: Final = 1_048_576
"""Sent at a time. Larger frames, of which there are only those with large manifests, are sent in pieces."""

LAST_PIECE_BYTES: Final = 65_536
"""What is left of a message when its reader waits until it may have it whole."""


async def read_message(
    stream: Stream, longest: Callable[[], int], ready: Callable[[], Awaitable[None]]
) -> bytearray | None:
    """The next message of a stream; None at its clean end.

    `longest`: how long it may be, asked when its length is known. `ready`: awaited before its last bytes are
    taken.

    Raises:
        RemoteFault: longer than it may be, empty, or the stream ends inside it.
        NotConnected: the stream broke.
    """
    head = bytearray(LENGTH_BYTES)
    begun = await stream.receive_into(memoryview(head))
    if not begun:
        return None
    await _fill(stream, memoryview(head)[begun:])
    length = int.from_bytes(head, "big")
    if not 1 <= length <= longest():
        raise RemoteFault(f"a message of {length:,} bytes, where it may have {longest():,}")
    message = bytearray(length)
    last = length - min(length, LAST_PIECE_BYTES)
    await _fill(stream, memoryview(message)[:last])
    await ready()
    await _fill(stream, memoryview(message)[last:])
    return message


async def _fill(stream: Stream, target: memoryview) -> None:
    """Read until `target` is full.

    Raises:
        RemoteFault: the stream ends before that.
        NotConnected: the stream broke.
    """
    while target:
        came = await stream.receive_into(target)
        if not came:
            raise RemoteFault("the stream ended inside a message", Severity.SLIGHT)
        target = target[came:]


async def send_frame(stream: Stream, data: bytes) -> None:
    """Send a message with its length before it. Raises: NotConnected."""
    if len(data) <= PIECE_BYTES:
        await stream.send_all(data)
        return
    for at in range(0, len(data), PIECE_BYTES):
        await stream.send_all(data[at : at + PIECE_BYTES])
