"""Streams of the libp2p host: each cure for what a stream or its peer can do, against the fault."""
# long because every fault of a stream is tried with the same pair of hosts

import hashlib
import os
import random
import struct

import pytest
import trio

from gossip.errors import NotConnected
from gossip.net.transport import Connected, Disconnected, Stream

ECHO = "/test/echo/1"
HOLD = "/test/hold/1"
SOON_S = 60.0
DATA, WINDOW, PING = 0, 1, 2
SYN, FIN, RST = 1, 4, 8


async def echo(stream: Stream) -> None:
    while data := await stream.receive_some(65_536):
        await stream.send_all(data)


async def assert_echo(one, other) -> None:
    """A stream works in this direction."""
    with trio.fail_after(SOON_S):
        stream = await one.open(other.device, ECHO, SOON_S)
        await stream.send_all(b"are you there?")
        assert await stream.receive_some(100) == b"are you there?"
        await stream.close()
        assert await stream.receive_some(100) == b""


async def ask(one, other, protocol) -> bytes:
    """Open a stream and read from it until it ends."""
    with trio.fail_after(SOON_S):
        stream = await one.open(other.device, protocol, SOON_S)
        return await read_all(stream)


async def read_all(stream) -> bytes:
    received = b""
    while data := await stream.receive_some(65_536):
        received += data
    return received


class Held:
    """A handler that keeps its streams for the test."""

    def __init__(self) -> None:
        self.send, self.streams = trio.open_memory_channel[Stream](100)
        self.ended = 0

    async def __call__(self, stream: Stream) -> None:
        try:
            await self.send.send(stream)
            await trio.sleep_forever()
        finally:
            self.ended += 1

    async def next(self) -> Stream:
        with trio.fail_after(SOON_S):
            return await self.streams.receive()


@pytest.fixture
async def pair(hosts):
    """Two connected hosts that echo."""
    one, other = await hosts.start(1), await hosts.start(2)
    one.handle(ECHO, echo)
    other.handle(ECHO, echo)
    await hosts.pair(one, other)
    return one, other


async def test_megabytes_arrive_whole_in_both_directions_at_once(pair) -> None:
    one, other = pair
    piece = os.urandom(300_000)
    sent, received = hashlib.sha256(), hashlib.sha256()
    with trio.fail_after(3 * SOON_S):
        stream = await one.open(other.device, ECHO, SOON_S)
        assert stream.peer == other.device

        async def send() -> None:
            for number in range(50):
                data = piece[number * 1_000 :]
                sent.update(data)
                await stream.send_all(data)
            await stream.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while data := await stream.receive_some(123_457):
                assert len(data) <= 123_457
                received.update(data)
    assert received.digest() == sent.digest()


async def test_many_streams_at_a_time_do_not_mix(pair) -> None:
    one, other = pair

    async def send_and_compare(number: int) -> None:
        stream = await one.open(other.device, ECHO, SOON_S)
        data = number.to_bytes(2, "big") * 5_000
        await stream.send_all(data)
        await stream.close()
        assert await read_all(stream) == data

    with trio.fail_after(3 * SOON_S):
        for _ in range(5):
            async with trio.open_nursery() as nursery:
                for number in range(60):
                    nursery.start_soon(send_and_compare, number)


async def test_a_handlers_exception_ends_its_stream_only(pair, caplog) -> None:
    one, other = pair

    async def broken(stream: Stream) -> None:
        raise ZeroDivisionError("on purpose")

    async def broken_group(stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(broken, stream)

    other.handle("/test/broken/1", broken)
    other.handle("/test/broken/2", broken_group)
    for protocol in ("/test/broken/1", "/test/broken/2"):
        with pytest.raises(NotConnected):
            await ask(one, other, protocol)
    assert [record.message for record in caplog.records].count("the handler of a stream failed") == 2
    await assert_echo(one, other)
    await assert_echo(other, one)


async def test_a_connection_lost_under_a_handler_is_no_fault(hosts, pair, caplog) -> None:
    one, other = pair
    ended = trio.Event()

    async def read(stream: Stream) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.receive_some, 1)
        finally:
            ended.set()

    other.handle(HOLD, read)
    await one.open(other.device, HOLD, SOON_S)
    await one.drop(other.device)
    with trio.fail_after(SOON_S):
        await ended.wait()
    await hosts.next(other, Disconnected)
    assert "failed" not in caplog.text


async def test_a_protocol_that_nobody_serves_is_no_stream(pair) -> None:
    one, other = pair
    with pytest.raises(NotConnected, match="does not speak"):
        await one.open(other.device, "/test/none/1", SOON_S)
    await one.drop(other.device)
    with pytest.raises(NotConnected, match="not connected"):
        await one.open(other.device, ECHO, SOON_S)


NEGOTIATIONS = {
    "not-utf8": b"\x13/multistream/1.0.0\n\x03\xff\xfe\n",
    "no-newline": b"\x13/multistream/1.0.0\n\x03abc",
    "long": b"\x13/multistream/1.0.0\n\xff\x7f" + bytes(20_000),
    "longer": b"\xff\xff\xff\xff\x7f" + bytes(20_000),
    "endless-tries": b"\x13/multistream/1.0.0\n" + b"\x03/x\n" * 1_000,
    "empty": b"\x00" * 100,
}


@pytest.mark.parametrize("negotiation", NEGOTIATIONS.values(), ids=NEGOTIATIONS)
async def test_a_broken_negotiation_ends_its_stream_only(hosts, rogue, pair, negotiation) -> None:
    one, other = pair
    async with rogue(one, 3) as peer:
        await hosts.next(one, Connected)
        peer.frame(DATA, SYN, 1, len(negotiation), negotiation)
        muxer = next(
            c.muxed_conn for c in one._swarm.get_connections() if c.muxed_conn.author != other.device
        )
        await hosts.until(lambda: 1 not in muxer.streams)
        assert not muxer.is_closed
    await assert_echo(other, one)


async def test_a_reader_may_pause_for_longer_than_libp2p_waits(pair) -> None:
    """The library's writer dies after 5 s without window. This test takes 6 s of real time."""
    one, other = pair
    total = 3_000_000
    digests = []

    async def sleepy(stream: Stream) -> None:
        digest = hashlib.sha256(await stream.receive_some(1_000))
        await trio.sleep(6)
        while data := await stream.receive_some(65_536):
            digest.update(data)
        digests.append(digest.digest())

    other.handle(HOLD, sleepy)
    stream = await one.open(other.device, HOLD, SOON_S)
    data = os.urandom(total)
    with trio.fail_after(SOON_S):
        await stream.send_all(data)
        await stream.close()
        assert await stream.receive_some(1) == b""
    assert digests == [hashlib.sha256(data).digest()]


async def test_a_reader_that_never_reads_costs_its_stream_only(pair, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_stream.STALL_S", 0.3)
    one, other = pair
    held = Held()
    other.handle(HOLD, held)
    stream = await one.open(other.device, HOLD, SOON_S)
    theirs = await held.next()
    with trio.fail_after(SOON_S), pytest.raises(NotConnected, match="read nothing"):
        await stream.send_all(bytes(3_000_000))
    with trio.fail_after(SOON_S), pytest.raises(NotConnected, match="reset"):
        await read_all(theirs)
    await assert_echo(one, other)


async def test_each_side_ends_by_itself(pair) -> None:
    one, other = pair
    held = Held()
    other.handle(HOLD, held)
    ours = await one.open(other.device, HOLD, SOON_S)
    theirs = await held.next()
    with trio.fail_after(SOON_S):
        await ours.send_all(b"question")
        await ours.close()
        assert await theirs.receive_some(100) == b"question"
        assert await theirs.receive_some(100) == b""
        await theirs.send_all(b"answer")
        assert await ours.receive_some(100) == b"answer"
        with pytest.raises(NotConnected, match="our side"):
            await ours.send_all(b"more")
        await theirs.reset()
        with pytest.raises(NotConnected):
            await ours.receive_some(100)
        await ours.close()
        await ours.reset()


async def test_a_peer_lost_in_midstream_is_no_clean_end(hosts, rogue) -> None:
    host = await hosts.start(1)
    held = Held()
    host.handle(HOLD, held)
    async with rogue(host, 3) as peer:
        peer.open(1, HOLD, b"the first half")
        stream = await held.next()
        peer.session.conn.close_now()
        with trio.fail_after(SOON_S):
            assert await stream.receive_some(100) == b"the first half"
            with pytest.raises(NotConnected, match="connection lost"):
                await stream.receive_some(100)


async def test_a_handler_does_not_outlive_its_connection(hosts, pair, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_yamux.HANDLER_GRACE_S", 0.2)
    one, other = pair
    held = Held()
    other.handle(HOLD, held)
    await one.open(other.device, HOLD, SOON_S)
    await held.next()
    await one.drop(other.device)
    await hosts.next(other, Disconnected)
    await hosts.until(lambda: held.ended == 1)


async def test_ten_thousand_streams_are_not_held(hosts, rogue, pair) -> None:
    from gossip.net.libp2p_yamux import MAX_INBOUND_STREAMS

    one, other = pair
    held = Held()
    one.handle(HOLD, held)
    async with rogue(one, 3) as peer:
        await hosts.next(one, Connected)
        muxer = next(
            c.muxed_conn for c in one._swarm.get_connections() if c.muxed_conn.author != other.device
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.listen)
            for number in range(10_000):
                peer.open(2 * number + 1, HOLD)
                if number % 50 == 0:
                    await trio.lowlevel.checkpoint()
                    assert len(muxer.streams) <= 2 * MAX_INBOUND_STREAMS
            await assert_echo(other, one)
            nursery.cancel_scope.cancel()
        assert len(muxer.streams) <= 2 * MAX_INBOUND_STREAMS
    await hosts.next(one, Disconnected)
    assert one.unread.held_bytes == 0


FRAMES = {
    "version": (b"\x01\x00\x00\x00" + bytes(8)),
    "type": (b"\x00\x07\x00\x00" + bytes(8)),
    "our-own-number": (b"\x00\x01\x00\x01" + b"\x00\x00\x00\x02" + bytes(4)),
    "number-zero": (b"\x00\x01\x00\x01" + bytes(8)),
    "noise": os.urandom(64),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
async def test_frames_against_the_rules_end_that_connection_only(hosts, rogue, pair, frame) -> None:
    one, other = pair
    async with rogue(one, 3) as peer:
        peer.session.send(frame + bytes(100_000 if frame is FRAMES["noise"] else 0)[:60_000])
        peer.session.conn.close_now() if frame is FRAMES["noise"] else await peer.hung_up_on()
    await assert_echo(other, one)


async def test_data_beyond_the_window_ends_the_connection(hosts, rogue, pair) -> None:
    one, other = pair
    held = Held()
    one.handle(HOLD, held)
    async with rogue(one, 3) as peer:
        peer.open(1, HOLD)
        await held.next()
        for _ in range(5):
            peer.frame(DATA, 0, 1, 60_000, bytes(60_000))
        await peer.hung_up_on()
    await assert_echo(other, one)


async def test_who_asks_and_never_reads_is_cut_off(hosts, rogue, pair) -> None:
    """Each ping wants an answer; unread answers must not gather here without end."""
    from gossip.net.libp2p_noise import MAX_WAITING_BYTES

    one, other = pair
    async with rogue(one, 3) as peer:
        device = (await hosts.next(one, Connected)).peer
        with trio.fail_after(3 * SOON_S):
            while peer.session.broken is None:
                for number in range(200):
                    peer.frame(PING, SYN, 0, number)
                await trio.lowlevel.checkpoint()
                held = [c.muxed_conn.session.waiting_bytes for c in one._swarm.get_connections()]
                assert max(held, default=0) <= MAX_WAITING_BYTES
                if await _gone(one, device):
                    break
    await assert_echo(other, one)


async def _gone(host, device) -> bool:
    return all(c.muxed_conn.author != device for c in host._swarm.get_connections())


async def test_unread_bytes_are_bounded_over_all_connections(hosts, rogue, pair) -> None:
    one, other = pair
    held = Held()
    one.handle(HOLD, held)
    one.unread.limit_bytes = 300_000
    async with rogue(one, 3) as modest, rogue(one, 4) as greedy:
        modest.open(1, HOLD, bytes(10_000))
        await held.next()
        greedy.open(1, HOLD)
        greedy.open(3, HOLD)
        await held.next()
        await held.next()
        for stream in (1, 3):
            for _ in range(4):
                greedy.frame(DATA, 0, stream, 50_000, bytes(50_000))
        await greedy.hung_up_on()
        assert modest.session.broken is None
        assert one.unread.held_bytes <= 20_000
    await assert_echo(other, one)


async def test_a_stream_that_both_forgot_is_cleared_away(hosts, rogue, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_yamux.KEEPALIVE_S", 0.1)
    monkeypatch.setattr("gossip.net.libp2p_yamux.LINGER_S", 0.2)
    host = await hosts.start(1)

    came = trio.Event()

    async def brief(stream: Stream) -> None:
        came.set()
        await stream.send_all(b"that is all")

    host.handle("/test/brief/1", brief)
    async with rogue(host, 3) as peer:
        await hosts.next(host, Connected)
        muxer = host._swarm.get_connections()[0].muxed_conn
        peer.open(1, "/test/brief/1", bytes(1_000))
        with trio.fail_after(SOON_S):
            await came.wait()
        await hosts.until(lambda: 1 not in muxer.streams)
        assert not muxer.is_closed
        assert host.unread.held_bytes == 0


async def test_small_writes_go_out_at_once_and_small_pieces_are_gathered(hosts, rogue) -> None:
    host = await hosts.start(1)
    held = Held()
    host.handle(HOLD, held)
    async with rogue(host, 3) as peer:
        peer.open(1, HOLD)
        stream = await held.next()
        for number in range(1_000):
            peer.frame(DATA, 0, 1, 1, bytes([number % 256]))
        with trio.fail_after(SOON_S):
            received = b""
            while len(received) < 1_000:
                received += await stream.receive_some(300)
        assert received == bytes(number % 256 for number in range(1_000))


async def test_frames_may_be_cut_anywhere(hosts, rogue) -> None:
    """Other programs send a frame's header and its data in records of their own, or many in one."""
    host = await hosts.start(1)
    held = Held()
    host.handle(HOLD, held)
    chance = random.Random(0)
    for number in range(20):
        async with rogue(host, 3 + number) as peer:
            peer.open(1, HOLD)
            stream = await held.next()
            sent, frames = b"", b""
            for _ in range(40):
                data = chance.randbytes(chance.choice((0, 1, 11, 12, 13, 400)))
                frames += struct.pack(">BBHII", 0, DATA, 0, 1, len(data)) + data
                frames += struct.pack(">BBHII", 0, PING, SYN, 0, 7)
                sent += data
            frames += struct.pack(">BBHII", 0, DATA, FIN, 1, 3) + b"end"
            while frames:
                size = chance.randrange(1, 60)
                peer.session.send(frames[:size])
                frames = frames[size:]
            with trio.fail_after(SOON_S):
                assert await read_all(stream) == sent + b"end"


async def test_a_cancelled_reader_loses_nothing(pair) -> None:
    one, other = pair
    stream = await one.open(other.device, ECHO, SOON_S)
    with trio.move_on_after(0.05) as waited:
        await stream.receive_some(10)
    assert waited.cancelled_caught
    await stream.send_all(b"late")
    with trio.fail_after(SOON_S):
        assert await stream.receive_some(10) == b"late"
