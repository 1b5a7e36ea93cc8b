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
) -> bytes | None:
    """The next message of a stream; None at its clean end.

    `longest`: how long it may be, asked when its length is known. `ready`: awaited before its last bytes are
    taken.

    Raises:
        RemoteFault: longer than it may be, empty, or the stream ends inside it.
        NotConnected: the stream broke.
    """
    head = await _read(stream, LENGTH_BYTES, [])
    if not head:
        return None
    length = int.from_bytes(head[0] if len(head) == 1 else b"".join(head), "big")
    if not 1 <= length <= longest():
        raise RemoteFault(f"a message of {length:,} bytes, where it may have {longest():,}")
    last = min(length, LAST_PIECE_BYTES)
    pieces = await _read(stream, length - last, head)
    await ready()
    pieces = await _read(stream, last, pieces)
    del pieces[: len(head)]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def send_frame(stream: Stream, data: bytes) -> None:
    """Send a message with its length before it. Raises: NotConnected."""
    if len(data) <= PIECE_BYTES:
        await stream.send_all(data)
        return
    for at in range(0, len(data), PIECE_BYTES):
        await stream.send_all(data[at : at + PIECE_BYTES])


async def _read(stream: Stream, size: int, before: list[bytes]) -> list[bytes]:
    """`before`, and behind it exactly `size` bytes in pieces. Empty where the stream ends and nothing came.

    Raises:
        RemoteFault: the stream ends in the middle.
        NotConnected: the stream broke.
    """
    pieces = list(before)
    left = size
    while left:
        data = await stream.receive_some(left)
        if not data:
            if pieces:
                raise RemoteFault("the stream ended inside a message", Severity.SLIGHT)
            return []
        pieces.append(data)
        left -= len(data)
    return pieces
