"""Cuts a byte stream into messages: 4 bytes of length, big-endian, then so many bytes.

A length of 0 or over `MAX_FRAME_BYTES` is a fault of the sender and ends the stream. A stream that
ends inside a frame was cut (a process killed in mid-stream looks like a clean end to the transport).
"""

from typing import Final

from gossip.errors import RemoteFault, Severity
from gossip.proto.limits import MAX_FRAME_BYTES

LENGTH_BYTES: Final = 4


def frame(payload: bytes) -> bytes:
    """`payload` with its length before it. Raises: ValueError: empty or over `MAX_FRAME_BYTES`."""
    if not 1 <= len(payload) <= MAX_FRAME_BYTES:
        raise ValueError(f"a frame has 1 to {MAX_FRAME_BYTES} bytes, this has {len(payload)}")
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


class Deframer:
    """Collects received bytes and gives back whole payloads. Holds at most one frame and one read."""

    __slots__ = ("_buffer", "_max_bytes")

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        """`max_bytes`: longest payload, for protocols whose messages are all short."""
        self._buffer = bytearray()
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes, in order.

        Raises:
            RemoteFault: a length out of bounds; nothing more may be fed.
        """
        buffer = self._buffer
        buffer += data
        payloads: list[bytes] = []
        start, end = 0, len(buffer)
        while end - start >= LENGTH_BYTES:
            length = int.from_bytes(buffer[start : start + LENGTH_BYTES], "big")
            if not 1 <= length <= self._max_bytes:
                raise RemoteFault(f"a frame of {length} bytes", Severity.BAD)
            if end - start - LENGTH_BYTES < length:
                break
            start += LENGTH_BYTES
            payloads.append(bytes(memoryview(buffer)[start : start + length]))
            start += length
        if start:
            del buffer[:start]
        return payloads

    def finish(self) -> None:
        """The stream ended. Raises: RemoteFault: in the middle of a frame."""
        if self._buffer:
            raise RemoteFault("the stream ended inside a frame", Severity.SLIGHT)
