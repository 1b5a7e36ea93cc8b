"""Real libp2p hosts on 127.0.0.1 for the tests of this folder, and a peer that keeps no rule."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest
import trio

from gossip.net.address import parse_address
from gossip.net.transport import TransportEvent

if TYPE_CHECKING:
    from gossip.net.host import Libp2pHost
    from gossip.net.libp2p_noise import NoiseSession

TOPIC = "test-topic"
LOOPBACK = "/ip4/127.0.0.1/tcp/0"
DEADLINE_S = 60.0
"""Nothing in these tests takes a second on an idle machine; some are busy."""

E = TypeVar("E", bound=TransportEvent)

# libp2p is imported inside: 1.6 s that tests of other things here need not wait for.


class Hosts:
    """Starts hosts in the nursery of a test and waits for what they tell."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery

    def make(self, number: int, **changes: object) -> "Libp2pHost":
        """A host with the identity `number` that is not started."""
        from gossip.net.host import Libp2pHost

        options: dict[str, object] = {
            "listen": (LOOPBACK,),
            "topic": TOPIC,
            "admit": lambda device: True,
            "validate": lambda origin, payload: True,
        }
        return Libp2pHost(number.to_bytes(2, "big") * 16, **(options | changes))  # type: ignore[arg-type]

    async def start(self, number: int, **changes: object) -> "Libp2pHost":
        """A running host with the identity `number`."""
        host = self.make(number, **changes)
        await self.nursery.start(host.run)
        return host

    async def pair(self, one: "Libp2pHost", other: "Libp2pHost") -> None:
        """Connect two hosts and take the news of it from both."""
        from gossip.net.transport import Connected

        await one.dial(other.device, other.addresses, DEADLINE_S)
        assert (await self.next(one, Connected)).peer == other.device
        assert (await self.next(other, Connected)).peer == one.device

    async def next(self, host: "Libp2pHost", kind: type[E]) -> E:
        """The next event of a kind; others before it are passed over."""
        with trio.fail_after(DEADLINE_S):
            async for event in host.events:
                if isinstance(event, kind):
                    return event
        raise AssertionError("the host ended")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that no event tells."""
        with trio.fail_after(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - what it waits for has no event
                await trio.sleep(0.01)


class Rogue:
    """A peer that shakes hands properly and then sends what it likes."""

    def __init__(self, session: "NoiseSession") -> None:
        self.session = session

    def frame(self, kind: int, flags: int, stream: int, length: int, body: bytes = b"") -> None:
        """One Yamux frame, right or wrong."""
        import struct

        self.session.send(struct.pack(">BBHII", 0, kind, flags, stream, length) + body)

    def open(self, stream: int, protocol: str, body: bytes = b"") -> None:
        """Open a stream, ask for a protocol and send a body, without waiting for answers."""
        text = b"\x13/multistream/1.0.0\n" + bytes([len(protocol) + 1]) + protocol.encode() + b"\n" + body
        self.frame(0, 1, stream, len(text), text)

    async def listen(self) -> None:
        """Read and forget until the host ends the connection."""
        from libp2p.io.exceptions import ConnectionClosedError

        try:
            while True:
                await self.session.receive()
        except ConnectionClosedError:
            return

    async def hung_up_on(self) -> None:
        """Wait until the host has ended the connection."""
        with trio.fail_after(DEADLINE_S):
            await self.listen()


@asynccontextmanager
async def _rogue(host: "Libp2pHost", number: int) -> AsyncIterator[Rogue]:
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID

    from gossip.net.libp2p_noise import NoiseGate, NoiseSession
    from gossip.net.libp2p_stream import UnreadBytes
    from gossip.net.libp2p_swarm import Upgrader
    from gossip.net.libp2p_tcp import connect_tcp

    keys = create_new_key_pair(number.to_bytes(2, "big") * 16)
    upgrader = Upgrader(NoiseGate(keys, lambda device: True), UnreadBytes())
    address = parse_address(host.addresses[0])
    peer = ID.from_base58(host.addresses[0].rpartition("/")[2])
    with trio.fail_after(DEADLINE_S):
        conn = await connect_tcp(address)
        session = await upgrader.upgrade_security(conn, True, peer)
        assert isinstance(session, NoiseSession)
        await upgrader.upgrade_connection(session, peer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.flush_forever, DEADLINE_S)
        try:
            yield Rogue(session)
        finally:
            session.break_off("the test is done")


@pytest.fixture
def hosts(nursery: trio.Nursery) -> Hosts:
    """Hosts that end with the test."""
    return Hosts(nursery)


@pytest.fixture
def rogue() -> Callable[["Libp2pHost", int], Awaitable[Rogue]]:
    """`async with rogue(host, number) as peer`: a rogue peer with the identity `number`, connected."""
    return _rogue  # type: ignore[return-value]
