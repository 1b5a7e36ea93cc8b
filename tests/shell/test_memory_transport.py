"""The in-memory transport keeps the promises of `gossip.net.transport`, on virtual time."""

import pytest
import trio
from trio.testing import MockClock as Clock

from gossip.errors import BadAddress, NotConnected, Unreachable
from gossip.net.event_queue import MAX_LOSSY_EVENTS
from gossip.net.memory import MAX_GOSSIP_BYTES, MemoryNet, MemoryTransport
from gossip.net.memory_stream import STALL_S, WINDOW_BYTES
from gossip.net.transport import Connected, Disconnected, Heard, Stream, Transport
from store.ids import AuthorId

ALICE, BOB, CAROL = (AuthorId(bytes([n]) * 32) for n in (1, 2, 3))
ECHO = "/test/echo/1"


@pytest.fixture
def net(nursery: trio.Nursery) -> MemoryNet:
    return MemoryNet(nursery, latency_s=0.05)


async def echo(stream: Stream) -> None:
    while data := await stream.receive_some(65_536):
        await stream.send_all(data)


async def connect(one: MemoryTransport, other: MemoryTransport) -> None:
    await one.dial(other.device, other.addresses, 5)
    assert await one.events.receive() == Connected(other.device, other.listen_address, True)
    event = await other.events.receive()
    assert isinstance(event, Connected)
    assert event.peer == one.device
    assert not event.outbound


async def test_it_is_a_transport(autojump_clock: Clock, net: MemoryNet) -> None:
    transport: Transport = net.join(ALICE)
    assert transport.device == ALICE


async def test_a_dial_connects_both_and_bytes_come_back(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    bob.handle(ECHO, echo)
    await connect(alice, bob)
    stream = await alice.open(BOB, ECHO, 5)
    assert stream.peer == BOB
    data = bytes(range(256)) * 4_096
    received = bytearray()

    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _send() -> None:
            await stream.send_all(data)
            await stream.close()

        while piece := await stream.receive_some(10_000):
            received += piece
    assert received == data


async def test_a_second_dial_makes_no_second_connection(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alice.dial, BOB, bob.addresses, 5)
        nursery.start_soon(bob.dial, ALICE, alice.addresses, 5)
    await alice.dial(BOB, bob.addresses, 5)
    assert alice.events.statistics().current_buffer_used == 1
    assert bob.events.statistics().current_buffer_used == 1


async def test_who_is_not_there_or_elsewhere_is_unreachable(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    with pytest.raises(Unreachable):
        await alice.dial(CAROL, bob.addresses, 5)
    with pytest.raises(Unreachable):
        await alice.dial(BOB, ("/ip4/10.9.9.9/tcp/4001",), 5)
    with pytest.raises(BadAddress):
        await alice.dial(BOB, ("nonsense",), 5)
    await bob.stop()
    with pytest.raises(Unreachable):
        await alice.dial(BOB, bob.addresses, 5)


async def test_admission_is_asked_on_both_sides_and_again_on_recheck(
    autojump_clock: Clock, net: MemoryNet
) -> None:
    friends = {ALICE, BOB}
    alice = net.join(ALICE, admit=lambda device: device in friends)
    bob = net.join(BOB)
    carol = net.join(CAROL)
    with pytest.raises(Unreachable):
        await carol.dial(ALICE, alice.addresses, 5)
    with pytest.raises(Unreachable):
        await alice.dial(CAROL, carol.addresses, 5)
    await connect(alice, bob)
    friends.remove(BOB)
    await alice.recheck()
    assert await alice.events.receive() == Disconnected(BOB)
    assert await bob.events.receive() == Disconnected(ALICE)


async def test_a_cut_ends_the_connection_and_healing_allows_a_new_one(
    autojump_clock: Clock, net: MemoryNet
) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    bob.handle(ECHO, echo)
    await connect(alice, bob)
    stream = await alice.open(BOB, ECHO, 5)
    await net.cut(BOB, ALICE)
    with pytest.raises(NotConnected):
        await stream.receive_some(1)
    with pytest.raises(NotConnected):
        await stream.send_all(b"x")
    with pytest.raises(NotConnected):
        await alice.open(BOB, ECHO, 5)
    assert await alice.events.receive() == Disconnected(BOB)
    assert await bob.events.receive() == Disconnected(ALICE)
    with pytest.raises(Unreachable):
        await alice.dial(BOB, bob.addresses, 5)
    net.heal(ALICE, BOB)
    await connect(bob, alice)


async def test_a_writer_waits_for_the_reader_and_gives_up_after_a_minute(
    autojump_clock: Clock, net: MemoryNet
) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    read = trio.Event()

    async def slow(stream: Stream) -> None:
        await read.wait()
        await stream.receive_some(WINDOW_BYTES)
        await trio.sleep_forever()

    bob.handle(ECHO, slow)
    await connect(alice, bob)
    stream = await alice.open(BOB, ECHO, 5)
    await stream.send_all(bytes(WINDOW_BYTES))
    with trio.move_on_after(STALL_S / 2) as waited:
        await stream.send_all(b"one more")
    assert waited.cancelled_caught
    read.set()
    await stream.send_all(bytes(WINDOW_BYTES))
    with pytest.raises(NotConnected):
        await stream.send_all(b"one more")


async def test_a_handlers_exception_ends_its_stream_only(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)

    async def broken(stream: Stream) -> None:
        raise ZeroDivisionError

    bob.handle("/test/broken/1", broken)
    bob.handle(ECHO, echo)
    await connect(alice, bob)
    bad = await alice.open(BOB, "/test/broken/1", 5)
    with pytest.raises(NotConnected):
        await bad.receive_some(1)
    good = await alice.open(BOB, ECHO, 5)
    await good.send_all(b"still here")
    assert await good.receive_some(100) == b"still here"
    assert [type(error) for error in net.handler_errors] == [ZeroDivisionError]


async def test_a_protocol_that_nobody_handles_is_no_stream(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    await connect(alice, bob)
    with pytest.raises(NotConnected):
        await alice.open(BOB, "/test/none/1", 5)


async def test_gossip_goes_over_every_chain_of_connections_once(
    autojump_clock: Clock, net: MemoryNet
) -> None:
    alice, bob, carol = net.join(ALICE), net.join(BOB), net.join(CAROL)
    await connect(alice, bob)
    await connect(bob, carol)
    await carol.dial(ALICE, alice.addresses, 5)
    for transport in (carol, alice):
        assert isinstance(await transport.events.receive(), Connected)
    await alice.publish(b"news")
    await trio.sleep(1)
    for transport in (bob, carol):
        assert transport.events.receive_nowait() == Heard(ALICE, b"news")
        with pytest.raises(trio.WouldBlock):
            transport.events.receive_nowait()
    with pytest.raises(trio.WouldBlock):
        alice.events.receive_nowait()
    with pytest.raises(ValueError, match="gossip"):
        await alice.publish(bytes(MAX_GOSSIP_BYTES + 1))


async def test_invalid_gossip_is_neither_heard_nor_forwarded(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, carol = net.join(ALICE), net.join(CAROL)
    bob = net.join(BOB, validate=lambda origin, payload: payload != b"bad")
    await connect(alice, bob)
    await connect(bob, carol)
    await alice.publish(b"bad")
    await alice.publish(b"good")
    await trio.sleep(1)
    assert carol.events.receive_nowait() == Heard(ALICE, b"good")
    assert bob.events.receive_nowait() == Heard(ALICE, b"good")


async def test_when_nobody_listens_gossip_is_dropped_and_connections_are_not(
    autojump_clock: Clock, net: MemoryNet
) -> None:
    alice, bob, carol = net.join(ALICE), net.join(BOB), net.join(CAROL)
    await connect(alice, bob)
    for _ in range(MAX_LOSSY_EVENTS + 100):
        await alice.publish(b"flood")
        await trio.sleep(0.1)
    assert bob.queue.dropped == 100
    await carol.dial(BOB, bob.addresses, 5)
    await net.cut(ALICE, BOB)
    kinds = [type(bob.events.receive_nowait()) for _ in range(MAX_LOSSY_EVENTS + 2)]
    assert kinds == [Heard] * MAX_LOSSY_EVENTS + [Connected, Disconnected]


async def test_leaving_ends_the_events(autojump_clock: Clock, net: MemoryNet) -> None:
    alice, bob = net.join(ALICE), net.join(BOB)
    await connect(alice, bob)
    await alice.stop()
    assert [event async for event in alice.events] == [Disconnected(BOB)]
    assert await bob.events.receive() == Disconnected(ALICE)
    net.join(ALICE)
