"""Guests of the libp2p host: devices that are not admitted get the guest protocols and nothing else."""

import contextlib

import pytest
import trio

from gossip.errors import NotConnected, NotSpoken, Unreachable
from gossip.net.transport import Connected, Disconnected, Heard, Stream
from gossip.proto import limits

SOON_S = 60.0
GUEST = "/test/guest/1"
ECHO = "/test/echo/1"
OTHERS = (
    "/asterism/push/1",
    "/asterism/sync/1",
    "/meshsub/1.1.0",
    "/meshsub/1.2.0",
    "/ipfs/ping/1.0.0",
    "/ipfs/id/1.0.0",
    "/ipfs/id/push/1.0.0",
    ECHO,
    "/test/none/1",
)


async def echo(stream: Stream) -> None:
    while data := await stream.receive_some(65_536):
        await stream.send_all(data)


class Door:
    """Who is let in, and who has come."""

    def __init__(self, *admitted) -> None:
        self.admitted = set(admitted)
        self.former: set = set()
        self.came: list[str] = []

    def admits(self, device) -> bool:
        return device in self.admitted

    def guests(self, device) -> bool:
        return device not in self.admitted | self.former

    async def serve(self, stream: Stream, ip: str) -> None:
        self.came.append(ip)
        await echo(stream)


async def a_host(hosts, door, number=1):
    host = await hosts.start(number, admit=door.admits, guests=door.guests)
    for protocol in ("/asterism/push/1", "/asterism/sync/1", ECHO):
        host.handle(protocol, echo)
    host.handle_guest(GUEST, door.serve)
    return host


async def answer(stream, data=b"may I come in?") -> bytes:
    await stream.send_all(data)
    received = b""
    while len(received) < len(data):
        piece = await stream.receive_some(65_536)
        assert piece
        received += piece
    return received


def news(host) -> list:
    """What happened, as far as it was told."""
    found = []
    while True:
        try:
            found.append(host.events.receive_nowait())
        except trio.WouldBlock:
            return found


async def test_a_stranger_gets_nothing_but_the_guest_protocol(hosts) -> None:
    door = Door()
    host = await a_host(hosts, door)
    stranger = await hosts.start(2)
    with trio.fail_after(SOON_S):
        await stranger.dial(host.device, host.addresses, SOON_S)
        for protocol in OTHERS:
            with pytest.raises(NotSpoken):
                await stranger.open(host.device, protocol, SOON_S)
        stream = await stranger.open(host.device, GUEST, SOON_S)
        assert await answer(stream) == b"may I come in?"
    assert door.came == ["127.0.0.1"]
    assert host._swarm.get_connections() == []
    assert len(host._guests) == 1
    with pytest.raises(NotConnected):
        await host.open(stranger.device, GUEST, SOON_S)
    await stranger.publish(b"let me in")
    await host.publish(b"for peers only")
    await trio.sleep(2)
    assert news(host) == []
    assert not any(isinstance(event, Heard) for event in news(stranger))


async def test_libp2p_as_it_comes_gets_nothing_but_the_guest_protocol(hosts) -> None:
    from libp2p import new_host
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
    from libp2p.peer.peerinfo import info_from_p2p_addr
    from libp2p.security.noise.transport import PROTOCOL_ID, Transport
    from multiaddr import Multiaddr

    door = Door()
    host = await a_host(hosts, door)
    keys = create_new_key_pair(b"\x78" * 32)
    noise = Transport(keys, create_noise_key_pair().private_key)
    stock = new_host(key_pair=keys, sec_opt={PROTOCOL_ID: noise})
    info = info_from_p2p_addr(Multiaddr(host.addresses[0]))
    with trio.fail_after(3 * SOON_S):
        async with stock.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
            await stock.connect(info)
            for protocol in OTHERS:
                with pytest.raises(Exception, match=r"negotiate|protocol|stream"):
                    await stock.new_stream(info.peer_id, [protocol])
            stream = await stock.new_stream(info.peer_id, [GUEST])
            await stream.write(b"hello")
            assert await stream.read(5) == b"hello"
            await stock.close()
    assert news(host) == []


async def test_a_former_device_is_dropped_right_after_noise(hosts) -> None:
    door = Door()
    host = await a_host(hosts, door)
    thief = await hosts.start(2)
    door.former.add(thief.device)
    with pytest.raises(Unreachable):
        await thief.dial(host.device, host.addresses, SOON_S)
    with pytest.raises(Unreachable):
        await thief.visit(host.device, host.addresses, GUEST, SOON_S)
    assert len(host._guests) == 0
    assert door.came == []


async def test_nobody_is_a_guest_unless_guests_are_wanted(hosts) -> None:
    host = await hosts.start(1, admit=lambda device: False)
    host.handle_guest(GUEST, Door().serve)
    stranger = await hosts.start(2)
    with pytest.raises(Unreachable):
        await stranger.visit(host.device, host.addresses, GUEST, SOON_S)


async def test_peers_are_served_the_guest_protocol_over_their_connection(hosts) -> None:
    door = Door()
    host = await a_host(hosts, door)
    peer = await hosts.start(2)
    door.admitted.add(peer.device)
    await hosts.pair(peer, host)
    stream = await peer.visit(host.device, (), GUEST, SOON_S)
    assert await answer(stream) == b"may I come in?"
    await stream.close()
    assert (len(host._swarm.get_connections()), len(host._guests)) == (1, 0)
    assert news(host) == []


# Visits.


async def test_a_visit_needs_nobody_admitted_and_ends_with_its_stream(hosts) -> None:
    door = Door()
    host = await a_host(hosts, door)
    visitor = await hosts.start(2, admit=lambda device: False)
    with trio.fail_after(SOON_S):
        stream = await visitor.visit(host.device, host.addresses, GUEST, SOON_S)
        assert stream.peer == host.device
        data = bytes(range(256)) * 4_000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, data)
            received = b""
            while len(received) < len(data):
                received += await stream.receive_some(65_536)
        assert received == data
        await stream.close()
    await hosts.until(lambda: len(host._guests) == 0)
    assert (news(host), news(visitor)) == ([], [])


async def test_a_visit_that_is_reset_hangs_up(hosts) -> None:
    host = await a_host(hosts, Door())
    visitor = await hosts.start(2)
    stream = await visitor.visit(host.device, host.addresses, GUEST, SOON_S)
    assert len(host._guests) == 1
    await stream.reset()
    await hosts.until(lambda: len(host._guests) == 0)
    with pytest.raises(NotConnected):
        await stream.receive_some(1)


async def test_a_visit_for_what_is_not_spoken_there_leaves_no_connection(hosts) -> None:
    host = await a_host(hosts, Door())
    visitor = await hosts.start(2)
    with pytest.raises(NotSpoken):
        await visitor.visit(host.device, host.addresses, ECHO, SOON_S)
    await hosts.until(lambda: len(host._guests) == 0)


async def test_a_visitor_that_is_dialled_back_serves_nothing(hosts) -> None:
    host = await a_host(hosts, Door())
    visitor = await hosts.start(2)
    visitor.handle(ECHO, echo)
    stream = await visitor.visit(host.device, host.addresses, GUEST, SOON_S)
    [muxer] = host._guests._here
    backwards = await muxer.open_stream()
    with pytest.raises(NotConnected):
        await answer(backwards)
    await stream.close()


async def test_a_visit_to_who_admits_us_is_like_any_other(hosts) -> None:
    door = Door()
    host = await a_host(hosts, door)
    visitor = await hosts.start(2, admit=lambda device: False)
    door.admitted.add(visitor.device)
    stream = await visitor.visit(host.device, host.addresses, GUEST, SOON_S)
    assert await answer(stream) == b"may I come in?"
    assert (await hosts.next(host, Connected)).peer == visitor.device
    await stream.close()
    assert (await hosts.next(host, Disconnected)).peer == visitor.device


async def test_another_device_at_the_address_is_not_visited(hosts) -> None:
    host, other = await a_host(hosts, Door()), await a_host(hosts, Door(), 3)
    visitor = await hosts.start(2)
    address = host.addresses[0].rpartition("/p2p/")[0]
    with pytest.raises(Unreachable, match="another device"):
        await visitor.visit(other.device, (address,), GUEST, SOON_S)


# How guests go.


async def test_a_guest_that_is_silent_or_stays_too_long_is_ended(hosts, rogue, monkeypatch) -> None:
    monkeypatch.setattr(limits, "GUEST_LIFE_S", 3.0)
    door = Door()
    host = await a_host(hosts, door)
    async with rogue(host, 2) as silent, rogue(host, 3) as talking:
        talking.open(1, GUEST, b"for ever")
        await silent.hung_up_on()
        await talking.hung_up_on()
    await hosts.until(lambda: len(host._guests) == 0)
    assert door.came == ["127.0.0.1"]


async def test_who_is_admitted_now_finishes_and_is_then_sent_away(hosts, rogue) -> None:
    door = Door()
    host = await a_host(hosts, door)
    newcomer = await hosts.start(2)
    async with rogue(host, 3) as idle:
        await hosts.until(lambda: len(host._guests) == 1)
        stream = await newcomer.visit(host.device, host.addresses, GUEST, SOON_S)
        door.admitted |= {newcomer.device, *(muxer.author for muxer in host._guests._here)}
        await host.recheck()
        await idle.hung_up_on()
    assert await answer(stream) == b"may I come in?"
    await stream.close()
    await hosts.until(lambda: len(host._guests) == 0)
    await newcomer.dial(host.device, host.addresses, SOON_S)
    assert (await hosts.next(host, Connected)).peer == newcomer.device


async def test_a_guest_that_becomes_a_former_device_is_dropped_at_once(hosts) -> None:
    door = Door()
    host = await a_host(hosts, door)
    visitor = await hosts.start(2)
    stream = await visitor.visit(host.device, host.addresses, GUEST, SOON_S)
    await host.recheck()
    assert await answer(stream) == b"may I come in?"
    door.former.add(visitor.device)
    await host.recheck()
    with pytest.raises(NotConnected), trio.fail_after(SOON_S):
        await stream.receive_some(1)


async def test_who_is_revoked_during_the_handshake_is_not_let_in(hosts) -> None:
    door = Door()
    answers = iter([True])
    host = await hosts.start(1, admit=lambda device: next(answers, False), guests=door.guests)
    peer = await hosts.start(2)
    with contextlib.suppress(Unreachable):
        await peer.dial(host.device, host.addresses, SOON_S)
    await hosts.until(lambda: not peer._swarm.get_connections())
    assert news(host) == []


# Floods.


async def test_guests_beyond_the_places_are_refused_and_peers_come_in_all_the_same(hosts, rogue) -> None:
    door = Door()
    host = await a_host(hosts, door)
    peer = await hosts.start(2)
    door.admitted.add(peer.device)
    async with trio.open_nursery() as nursery:
        for number in range(100, 100 + limits.MAX_GUESTS):
            await nursery.start(stay, rogue, host, number)
        await hosts.until(lambda: len(host._guests) == limits.MAX_GUESTS)
        async with rogue(host, 99) as late:
            await late.hung_up_on()
        assert len(host._guests) == limits.MAX_GUESTS
        await hosts.pair(peer, host)
        nursery.cancel_scope.cancel()
    await hosts.until(lambda: len(host._guests) == 0)


async def stay(rogue, host, number, task_status=trio.TASK_STATUS_IGNORED) -> None:
    async with rogue(host, number):
        task_status.started()
        await trio.sleep_forever()


async def test_a_guest_has_few_streams_and_small_windows(hosts, rogue) -> None:
    door = Door()
    host = await a_host(hosts, door)
    served = []

    async def hold(stream: Stream, ip: str) -> None:
        served.append(stream)
        await trio.sleep_forever()

    host.handle_guest(GUEST, hold)
    async with rogue(host, 2) as flood:
        for number in range(1, 400, 2):
            flood.open(number, GUEST)
        await hosts.until(lambda: len(served) == limits.MAX_GUEST_STREAMS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood.listen)
            for _ in range(6):
                flood.frame(0, 0, 1, 60_000, bytes(60_000))
            await hosts.until(lambda: len(host._guests) == 0)
    assert len(served) == limits.MAX_GUEST_STREAMS
    assert host.unread.held_bytes == 0


async def test_what_a_guests_handler_raises_ends_its_stream_only(hosts) -> None:
    host = await a_host(hosts, Door())

    async def fail(stream: Stream, ip: str) -> None:
        raise ZeroDivisionError

    host.handle_guest("/test/fails/1", fail)
    visitor = await hosts.start(2)
    await visitor.dial(host.device, host.addresses, SOON_S)
    with pytest.raises(NotConnected), trio.fail_after(SOON_S):
        await (await visitor.open(host.device, "/test/fails/1", SOON_S)).receive_some(1)
    assert await answer(await visitor.open(host.device, GUEST, SOON_S)) == b"may I come in?"
