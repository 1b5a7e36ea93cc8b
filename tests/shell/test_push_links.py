"""Push streams against peers that do not keep to the order of things."""

import logging
from collections.abc import AsyncIterator, Callable

import pytest
import trio
from trio.testing import MockClock as Clock

from gossip.errors import NotConnected
from gossip.ledger import Ledger
from gossip.net.feed import Feed
from gossip.net.links import payloads
from gossip.net.memory import MemoryNet, MemoryTransport
from gossip.net.memory_keeper import MemoryKeeper
from gossip.net.push_links import PROTOCOL, PushLinks
from gossip.net.transport import Connected, Disconnected, Stream
from gossip.proto import events, limits
from gossip.proto.admission import Everyone
from gossip.proto.framing import frame
from gossip.proto.interest import EVERYTHING
from gossip.proto.messages import Hello, Nudge, encode_push, parse_push
from node.testing.people import NETWORK
from store.ids import AuthorId

ALICE, EVE = AuthorId(b"a" * 32), AuthorId(b"e" * 32)
HELLO = Hello(NETWORK, EVERYTHING, False, ())


class Node:
    """Alice: push links over a transport, and what they told."""

    def __init__(self, net: MemoryNet, nursery: trio.Nursery) -> None:
        self.transport = net.join(ALICE)
        self.told: list[events.Event] = []
        self.on_event: Callable[[events.Event], None] = lambda event: None
        feed = Feed(MemoryKeeper(Ledger(NETWORK, Everyone())), nursery, self.give)
        self.links = PushLinks(self.transport, feed, self.give)
        self.transport.handle(PROTOCOL, self.links.serve)
        nursery.start_soon(self.watch, nursery)

    def give(self, event: events.Event) -> None:
        self.told.append(event)
        self.on_event(event)

    def kinds(self) -> list[type]:
        return [type(event) for event in self.told]

    async def watch(self, nursery: trio.Nursery) -> None:
        async for happened in self.transport.events:
            match happened:
                case Connected(peer, address, outbound):
                    nursery.start_soon(self.links.greet, peer, address, outbound)
                case Disconnected(peer):
                    self.links.gone(peer)


@pytest.fixture
def net(nursery: trio.Nursery) -> MemoryNet:
    return MemoryNet(nursery, latency_s=0.01)


@pytest.fixture
def node(net: MemoryNet, nursery: trio.Nursery) -> Node:
    return Node(net, nursery)


@pytest.fixture
async def eve(net: MemoryNet, nursery: trio.Nursery, node: Node) -> AsyncIterator[MemoryTransport]:
    """A raw transport, connected to by whoever dials."""
    transport = net.join(EVE)
    yield transport
    assert net.handler_errors == []


async def keep_open(stream: Stream) -> None:
    await trio.sleep_forever()


async def test_the_side_that_dialled_opens_the_stream(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    eve.handle(PROTOCOL, keep_open)
    await node.transport.dial(EVE, eve.addresses, 5)
    await trio.sleep(1)
    assert node.told == [events.LinkUp(EVE, eve.listen_address, True)]
    await eve.drop(ALICE)
    await trio.sleep(1)
    assert node.kinds() == [events.LinkUp, events.LinkDown]


async def test_a_peer_that_opens_a_stream_beside_ours_does_no_harm(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    eve.handle(PROTOCOL, keep_open)
    await node.transport.dial(EVE, eve.addresses, 5)
    own = await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(1)
    assert node.kinds().count(events.LinkUp) == 1
    await own.reset()
    await eve.drop(ALICE)
    await trio.sleep(1)
    assert node.kinds() == [events.LinkUp, events.LinkDown]
    assert EVE not in node.links


async def test_who_dials_us_and_opens_no_stream_is_let_go_and_that_counts_as_a_failed_dial(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    await eve.dial(ALICE, node.transport.addresses, 5)
    await trio.sleep(limits.STREAM_TIMEOUT_S - 1)
    assert node.told == []
    await trio.sleep(2)
    assert node.told == [events.DialFailed(EVE, "the peer opened no push stream")]
    assert node.transport.links == {}


async def test_a_wait_for_a_stream_ends_with_its_connection_and_leaves_the_next_one_alone(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    await eve.dial(ALICE, node.transport.addresses, 5)
    await trio.sleep(1)
    await eve.drop(ALICE)
    await trio.sleep(limits.STREAM_TIMEOUT_S - 2)
    assert node.kinds() == [events.DialFailed]
    await eve.dial(ALICE, node.transport.addresses, 5)
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(limits.STREAM_TIMEOUT_S * 2)
    assert node.kinds() == [events.DialFailed, events.LinkUp]
    await stream.send_all(frame(encode_push(HELLO)))
    await trio.sleep(1)
    assert node.told[-1] == events.PushReceived(EVE, HELLO)


async def test_a_peer_that_does_not_speak_the_protocol_is_a_failed_dial(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    await node.transport.dial(EVE, eve.addresses, 5)
    await trio.sleep(1)
    assert node.kinds() == [events.DialFailed]
    assert node.transport.links == {}


@pytest.mark.parametrize(
    "data",
    [b"\0\0\0\0", b"\xff\xff\xff\xff", frame(b"\x90"), frame(b"\x91\x63")],
    ids=["0", "4 GB", "[]", "[99]"],
)
async def test_garbage_is_blamed_and_ends_the_link(
    autojump_clock: Clock, node: Node, eve: MemoryTransport, data: bytes
) -> None:
    await eve.dial(ALICE, node.transport.addresses, 5)
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await stream.send_all(data)
    await trio.sleep(1)
    assert node.kinds() == [events.LinkUp, events.Faulted, events.LinkDown]
    assert node.links.problems[EVE]


async def test_a_peer_that_never_reads_is_let_go_when_its_queue_is_full(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    eve.handle(PROTOCOL, keep_open)
    await node.transport.dial(EVE, eve.addresses, 5)
    await trio.sleep(1)
    hello = Hello(NETWORK, EVERYTHING, False, ("x" * 200,) * 16)
    for _ in range(limits.PUSH_QUEUE_BYTES // 3_000):
        node.links.send(events.SendPush(EVE, hello))
    await trio.sleep(limits.CLOSE_TIMEOUT_S + 1)
    assert node.told[-1] == events.LinkDown(EVE, "the peer reads too slowly")


async def test_a_link_that_we_end_is_ended_after_its_last_words_and_takes_none_after(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    await eve.dial(ALICE, node.transport.addresses, 5)
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(1)
    node.links.send(events.SendPush(EVE, HELLO))
    assert node.links.let_go(EVE, "too many neighbours")
    node.links.send(events.SendPush(EVE, Nudge(bytes(32))))
    assert [parse_push(payload) async for payload in payloads(stream)] == [HELLO]
    await trio.sleep(limits.LAST_WORDS_S + 0.1)
    with pytest.raises(NotConnected):
        await stream.send_all(b"anyone?")
    assert node.told[-1] == events.LinkDown(EVE, "too many neighbours")
    assert node.transport.links == {}


async def test_when_a_link_is_told_to_be_down_its_connection_has_ended(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    eve.handle(PROTOCOL, keep_open)
    connected: list[bool] = []

    def note(event: events.Event) -> None:
        if isinstance(event, events.LinkDown):
            connected.append(EVE in node.transport.links)

    node.on_event = note
    await node.transport.dial(EVE, eve.addresses, 5)
    await trio.sleep(1)
    node.links.let_go(EVE, "enough")
    await trio.sleep(5)
    assert connected == [False]


async def test_an_error_of_ours_ends_that_link_and_nothing_else(
    autojump_clock: Clock, node: Node, eve: MemoryTransport, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(event: events.Event) -> None:
        if isinstance(event, events.PushReceived):
            raise ZeroDivisionError

    node.on_event = stumble
    await eve.dial(ALICE, node.transport.addresses, 5)
    stream = await eve.open(ALICE, PROTOCOL, 5)
    with caplog.at_level(logging.CRITICAL):
        await stream.send_all(frame(encode_push(HELLO)))
        await trio.sleep(1)
    assert node.kinds() == [events.LinkUp, events.PushReceived, events.LinkDown]
