"""What the shell needs of a transport. Two real implementations: `gossip.net.host` (libp2p) and
`gossip.net.memory` (in one process, for tests on virtual time).

A peer is named by its 32-byte Ed25519 device key (`AuthorId`); libp2p's peer ids and multiaddr objects
do not come out of `host`. Addresses are multiaddr texts, with or without ``/p2p/<peer id>``.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

import trio

from store.ids import AuthorId


class Stream(Protocol):
    """A two-way byte stream to one peer, multiplexed with others over its connection."""

    @property
    def peer(self) -> AuthorId:
        """The device at the other end, proven by the transport's handshake."""
        ...

    async def receive_some(self, max_bytes: int) -> bytes:
        """At least one byte, at most `max_bytes`; empty at a clean end.

        Raises: NotConnected: reset or connection lost.
        """
        ...

    async def receive_into(self, target: memoryview) -> int:
        """The same into `target`, without a copy in between: how many bytes came; 0 at a clean end.

        `target` is not empty. Raises: NotConnected: reset or connection lost.
        """
        ...

    async def send_all(self, data: bytes) -> None:
        """Send everything; waits while the other side gives no window.

        Raises: NotConnected: reset, connection lost, or no window for a minute.
        """
        ...

    async def close(self) -> None:
        """Close our side in good order. Never raises."""
        ...

    async def reset(self) -> None:
        """End both sides at once. Never raises."""
        ...


class Connected(NamedTuple):
    """A first connection to a peer that is admitted came up."""

    peer: AuthorId
    address: str
    """Where it is, as far as known, without /p2p/…"""
    outbound: bool
    """True: we dialled."""


class Disconnected(NamedTuple):
    """The last connection to a peer ended."""

    peer: AuthorId


class Heard(NamedTuple):
    """A message of the mesh's gossip topic. `origin` signed it; it passed the validator."""

    origin: AuthorId
    payload: bytes


class Found(NamedTuple):
    """mDNS found a device in the local network."""

    peer: AuthorId
    addresses: tuple[str, ...]


TransportEvent = Connected | Disconnected | Heard | Found

StreamHandler = Callable[[Stream], Awaitable[None]]

GuestHandler = Callable[[Stream, str], Awaitable[None]]
"""Serves a stream of somebody who need not be admitted; the text is the IP address that he comes from."""


class Transport(Protocol):
    """Connections to peers, streams over them, and one gossip topic."""

    @property
    def device(self) -> AuthorId:
        """Our own device."""
        ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where we listen, with /p2p/…; real ports, usable from other machines where they are so."""
        ...

    @property
    def events(self) -> "trio.MemoryReceiveChannel[TransportEvent]":
        """What happens, in order. Gossip is dropped when this is full; connections never are."""
        ...

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        """Serve inbound streams of `protocol`; whatever the handler raises ends that stream only."""
        ...

    def handle_guest(self, protocol: str, handler: GuestHandler) -> None:
        """Serve inbound streams of `protocol`, of guests and of peers; else as `handle`."""
        ...

    async def dial(self, peer: AuthorId, addresses: tuple[str, ...], timeout_s: float) -> None:
        """Connect to `peer` at the first of `addresses` that answers; done at once if connected.

        Raises: Unreachable, BadAddress.
        """
        ...

    async def open(self, peer: AuthorId, protocol: str, timeout_s: float) -> Stream:
        """Open a stream to a connected peer.

        Raises: NotConnected; NotSpoken where it does not speak `protocol` with us, as with a guest.
        """
        ...

    async def visit(
        self, peer: AuthorId, addresses: tuple[str, ...], protocol: str, timeout_s: float
    ) -> Stream:
        """Open a stream to a peer whether it is admitted or not, over a connection as a guest that ends with
        it; over the connection that stands, if one does.

        Raises: Unreachable, BadAddress, NotConnected.
        """
        ...

    async def drop(self, peer: AuthorId) -> None:
        """End every connection to a peer. Never raises."""
        ...

    async def publish(self, payload: bytes) -> None:
        """Publish to the gossip topic, best effort. Raises: ValueError: over 16 KiB."""
        ...
