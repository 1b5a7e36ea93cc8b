"""Sync streams: how they begin and end, also with peers that do not end them."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock as Clock

from gossip.errors import NotConnected
from gossip.ledger import Ledger
from gossip.net.feed import Feed
from gossip.net.links import payloads
from gossip.net.memory import MemoryNet, MemoryTransport
from gossip.net.memory_keeper import MemoryKeeper
from gossip.net.sync_streams import PROTOCOL, SyncReport, SyncStreams
from gossip.net.transport import Stream
from gossip.proto import events, limits
from gossip.proto.admission import Everyone
from gossip.proto.events import SessionId
from gossip.proto.framing import frame
from gossip.proto.sync_messages import Contradiction, Done, Same, Stop, encode_sync, parse_sync
from node.testing.people import NETWORK
from store.ids import AuthorId

ALICE, EVE = AuthorId(b"a" * 32), AuthorId(b"e" * 32)


class Node:
    """Alice: sync streams over a transport, and what they told."""

    def __init__(self, net: MemoryNet, nursery: trio.Nursery) -> None:
        self.transport = net.join(ALICE)
        self.told: list[events.Event] = []
        self.on_event: Callable[[events.Event], None] = lambda event: None
        self.reports: list[SyncReport | events.SyncProgress] = []
        feed = Feed(MemoryKeeper(Ledger(NETWORK, Everyone())), nursery, self.give)
        numbers = iter(range(100, 10_000))
        self.streams = SyncStreams(self.transport, feed, self.give, lambda: SessionId(next(numbers)))
        self.streams.listeners.append(self.reports.append)
        self.transport.handle(PROTOCOL, self.streams.serve)

    def give(self, event: events.Event) -> None:
        self.told.append(event)
        self.on_event(event)

    def kinds(self) -> list[type]:
        return [type(event) for event in self.told]

    def session(self) -> SessionId:
        return next(event.session for event in self.told if isinstance(event, events.SyncOpened))


@pytest.fixture
def net(nursery: trio.Nursery) -> MemoryNet:
    return MemoryNet(nursery, latency_s=0.01)


@pytest.fixture
def node(net: MemoryNet, nursery: trio.Nursery) -> Node:
    return Node(net, nursery)


@pytest.fixture
async def eve(net: MemoryNet, node: Node) -> MemoryTransport:
    transport = net.join(EVE)
    await transport.dial(ALICE, node.transport.addresses, 5)
    return transport


async def keep_open(stream: Stream) -> None:
    await trio.sleep_forever()


async def hear(stream: Stream) -> list[object]:
    return [parse_sync(payload) async for payload in payloads(stream)]


async def test_a_served_session_ends_with_our_last_word_even_if_the_peer_does_not_close(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(1)
    node.streams.send(events.SendSync(node.session(), Same()))
    node.streams.close(events.CloseSync(node.session(), ""))
    assert await hear(stream) == [Same()]
    assert node.told[-1] == events.SyncClosed(node.session(), "")
    await trio.sleep(limits.CLOSE_TIMEOUT_S + 1)
    with pytest.raises(NotConnected):
        await stream.send_all(b"still here")
    assert node.streams._sessions == {}


async def test_a_session_that_ends_badly_still_says_why(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(1)
    node.streams.send(events.SendSync(node.session(), Stop("the disk is full")))
    node.streams.close(events.CloseSync(node.session(), "the disk is full"))
    node.streams.send(events.SendSync(node.session(), Done()))
    assert await hear(stream) == [Stop("the disk is full")]
    assert node.told[-1] == events.SyncClosed(node.session(), "the disk is full")


async def test_a_peer_that_reads_nothing_holds_no_ended_session_for_long(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(1)
    for _ in range(3):
        node.streams.send(events.SendSync(node.session(), Contradiction(bytes(200_000))))
    node.streams.close(events.CloseSync(node.session(), "the peer fell silent"))
    await trio.sleep(2 * limits.CLOSE_TIMEOUT_S + 1)
    assert node.told[-1] == events.SyncClosed(node.session(), "the peer fell silent")
    assert node.streams._sessions == {}


async def test_a_full_queue_ends_the_session(autojump_clock: Clock, node: Node, eve: MemoryTransport) -> None:
    await eve.open(ALICE, PROTOCOL, 5)
    await trio.sleep(1)
    for _ in range(limits.SYNC_QUEUE_BYTES // 500_000 + 2):
        node.streams.send(events.SendSync(node.session(), Contradiction(bytes(500_000))))
    await trio.sleep(1)
    assert node.told[-1] == events.SyncClosed(node.session(), "the peer reads too slowly")


async def test_garbage_ends_the_session_and_is_blamed(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await stream.send_all(frame(b"\x91\x63"))
    await trio.sleep(1)
    assert node.kinds() == [events.SyncOpened, events.SyncClosed, events.Faulted, events.SyncClosed]


async def test_a_stream_cut_inside_a_message_is_no_clean_end(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await stream.send_all(frame(encode_sync(Done()))[:-1])
    await stream.close()
    await trio.sleep(1)
    closed = [event for event in node.told if isinstance(event, events.SyncClosed)]
    assert closed[0].why == "the stream ended inside a frame"


async def test_a_session_that_cannot_be_opened_is_told_to_be_closed(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    await node.streams.open(events.OpenSync(SessionId(1), EVE))
    assert node.kinds() == [events.SyncClosed]
    await node.streams.open(events.OpenSync(SessionId(2), AuthorId(b"x" * 32)))
    assert node.kinds() == [events.SyncClosed] * 2
    assert node.streams._sessions == {}


async def test_a_session_given_up_while_it_opens_is_closed_at_once(
    autojump_clock: Clock, node: Node, eve: MemoryTransport, nursery: trio.Nursery
) -> None:
    eve.handle(PROTOCOL, keep_open)
    nursery.start_soon(node.streams.open, events.OpenSync(SessionId(1), EVE))
    await trio.testing.wait_all_tasks_blocked()
    node.streams.close(events.CloseSync(SessionId(1), "the connection ended"))
    await trio.sleep(limits.CLOSE_TIMEOUT_S + 1)
    assert node.told[-1] == events.SyncClosed(SessionId(1), "the connection ended")
    assert node.streams._sessions == {}


async def test_the_report_counts_the_bytes_of_both_directions(
    autojump_clock: Clock, node: Node, eve: MemoryTransport
) -> None:
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await stream.send_all(frame(encode_sync(Done())) * 2)
    await trio.sleep(1)
    node.streams.send(events.SendSync(node.session(), Same()))
    ended = events.SyncEnded(node.session(), EVE, True, "", 1, 0, 0, True)
    node.streams.ended(ended)
    (report,) = node.reports
    assert isinstance(report, SyncReport)
    assert (report.ended, report.initiator) == (ended, False)
    assert (report.bytes_sent, report.bytes_received) == (6, 12)


async def test_an_error_of_ours_ends_that_session_and_nothing_else(
    autojump_clock: Clock, node: Node, eve: MemoryTransport, net: MemoryNet
) -> None:
    def stumble(event: events.Event) -> None:
        if isinstance(event, events.SyncReceived):
            raise ZeroDivisionError

    node.on_event = stumble
    stream = await eve.open(ALICE, PROTOCOL, 5)
    await stream.send_all(frame(encode_sync(Done())))
    await trio.sleep(limits.CLOSE_TIMEOUT_S + 1)
    assert node.kinds() == [events.SyncOpened, events.SyncReceived, events.SyncClosed]
    assert net.handler_errors == []
