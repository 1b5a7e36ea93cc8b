"""multistream-select with bounds: how two sides agree on the protocol of a stream.

A message is a length (varint), a text and a newline. The library reads messages of any length and any
number, and dies of text that is not UTF-8; a client of the library needs two round trips where one does.
"""

from typing import Final, Protocol

from libp2p.abc import IMultiselectCommunicator
from libp2p.network.stream.exceptions import StreamError
from libp2p.protocol_muxer.exceptions import MultiselectCommunicatorError
from libp2p.protocol_muxer.multiselect import MULTISELECT_PROTOCOL_ID
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.utils.varint import encode_delim

from gossip.errors import NotConnected, NotSpoken
from gossip.net.libp2p_stream import MuxedStream

MAX_MESSAGE_BYTES: Final = 512
"""Longest message: protocol names have under 60 bytes."""

MAX_MESSAGES: Final = 16
"""Messages until a protocol is agreed on: gossipsub's clients try four names, after one greeting."""


class _Readable(Protocol):
    async def read(self, n: int | None = None) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class BoundedCommunicator(IMultiselectCommunicator):
    """One side of a negotiation, for the library's `Multiselect`."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._left = MAX_MESSAGES

    async def write(self, msg_str: str) -> None:
        """Send one message. Raises: MultiselectCommunicatorError: the stream is over."""
        try:
            await self._stream.write(encode_delim(msg_str.encode()))
        except (StreamError, MuxedStreamError) as error:
            raise MultiselectCommunicatorError("the stream is over") from error

    async def read(self) -> str:
        """Receive one message.

        Raises:
            MultiselectCommunicatorError: the stream is over, or this is no message within the bounds.
        """
        self._left -= 1
        if self._left < 0:
            raise MultiselectCommunicatorError(f"over {MAX_MESSAGES} messages without agreement")
        try:
            message = await self._read_exactly(await self._read_length())
        except (StreamError, MuxedStreamError) as error:
            raise MultiselectCommunicatorError("the stream is over") from error
        try:
            text = message.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MultiselectCommunicatorError("a message is not UTF-8") from error
        if not text.endswith("\n"):
            raise MultiselectCommunicatorError("a message does not end with a newline")
        return text[:-1]

    async def _read_length(self) -> int:
        first = (await self._read_exactly(1))[0]
        if first < 0x80:
            return first
        length = (first & 0x7F) | (await self._read_exactly(1))[0] << 7
        if length > MAX_MESSAGE_BYTES:
            raise MultiselectCommunicatorError(f"a message is longer than {MAX_MESSAGE_BYTES} bytes")
        return length

    async def _read_exactly(self, size_bytes: int) -> bytes:
        message = b""
        while len(message) < size_bytes:
            message += await self._stream.read(size_bytes - len(message))
        return message


async def ask_for(stream: MuxedStream, protocol: str) -> None:
    """Agree with the peer that `stream` speaks `protocol`, in one round trip.

    Raises:
        NotSpoken: the peer does not speak it.
        NotConnected: the stream is over.
    """
    messages = BoundedCommunicator(stream)
    await stream.send_all(encode_delim(MULTISELECT_PROTOCOL_ID.encode()) + encode_delim(protocol.encode()))
    try:
        greeting = await messages.read()
        answer = await messages.read()
    except MultiselectCommunicatorError as error:
        raise NotConnected(f"no answer for {protocol}: {error}") from error
    if greeting != MULTISELECT_PROTOCOL_ID or answer != protocol:
        raise NotSpoken(f"the peer does not speak {protocol}")
