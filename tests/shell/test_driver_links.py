"""The queue in front of a stream, and the count of what a peer has handed us."""

import pytest
import trio

from gossip.errors import NotConnected
from gossip.net.links import Inflow, Outflow
from gossip.proto import limits
from gossip.proto.framing import frame


class Sink:
    """A stream that keeps what is written."""

    def __init__(self):
        self.written = []
        self.is_broken = False

    async def send_all(self, data):
        await trio.lowlevel.checkpoint()
        if self.is_broken:
            raise NotConnected("broken")
        self.written.append(data)


async def test_all_readers_of_a_peer_go_on_once_there_is_room(autojump_clock, nursery):
    inflow = Inflow()
    inflow.add(limits.INFLOW_ENTRIES + 1)
    through = []

    async def read(name):
        await inflow.wait_for_room()
        through.append(name)

    nursery.start_soon(read, "push")
    nursery.start_soon(read, "sync")
    await trio.sleep(1)
    assert through == []
    inflow.done(1)
    await trio.sleep(1)
    assert sorted(through) == ["push", "sync"]


async def test_who_waits_goes_on_only_while_there_is_room(autojump_clock, nursery):
    inflow = Inflow()
    await inflow.wait_for_room()
    inflow.add(limits.INFLOW_ENTRIES)
    await inflow.wait_for_room()
    inflow.add(2)
    inflow.done(1)
    with trio.move_on_after(10) as waiting:
        await inflow.wait_for_room()
    assert waiting.cancelled_caught


async def test_frames_that_wait_leave_together_in_order(autojump_clock, nursery):
    sink = Sink()
    outflow = Outflow(sink, 1_000_000)
    payloads = [bytes([number]) * 10_000 for number in range(60)]
    for payload in payloads:
        assert outflow.offer(payload)
    outflow.close_after()
    assert not outflow.offer(b"late")
    await outflow.pump()
    assert b"".join(sink.written) == b"".join(map(frame, payloads))
    assert max(map(len, sink.written)) <= limits.READ_BYTES
    assert len(sink.written) == 3
    assert outflow.sent_bytes == sum(map(len, sink.written))


async def test_a_full_queue_refuses_and_has_room_again_once_it_was_sent(autojump_clock, nursery):
    sink = Sink()
    outflow = Outflow(sink, 1_000)
    assert outflow.offer(bytes(2_000))
    assert not outflow.offer(b"x")
    nursery.start_soon(outflow.pump)
    await trio.sleep(1)
    assert outflow.offer(b"x")


async def test_a_broken_stream_ends_the_pump(autojump_clock):
    sink = Sink()
    sink.is_broken = True
    outflow = Outflow(sink, 1_000)
    outflow.offer(b"x")
    with pytest.raises(NotConnected):
        await outflow.pump()
