"""Connections of the libp2p host: each cure for how they come and go, against the fault that it cures."""

import contextlib
import os
import socket
import sys

import pytest
import trio

from gossip.errors import BadAddress, NotConnected, PortInUse, Unreachable
from gossip.net.address import parse_address
from gossip.net.transport import Connected, Disconnected, Stream

ECHO = "/test/echo/1"
SOON_S = 60.0


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


async def test_a_dial_connects_and_both_are_told(hosts) -> None:
    alice, bob = await hosts.start(1), await hosts.start(2)
    await alice.dial(bob.device, bob.addresses, SOON_S)
    seen_by_alice = await hosts.next(alice, Connected)
    seen_by_bob = await hosts.next(bob, Connected)
    assert seen_by_alice == Connected(bob.device, parse_address(bob.addresses[0]).text, outbound=True)
    assert seen_by_bob.peer == alice.device
    assert not seen_by_bob.outbound
    await alice.dial(bob.device, (), SOON_S)
    await alice.drop(bob.device)
    assert (await hosts.next(alice, Disconnected)).peer == bob.device
    assert (await hosts.next(bob, Disconnected)).peer == alice.device


async def test_more_inbound_connections_than_libp2p_has_slots(hosts, rogue, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_noise.SHAKES_AT_ONCE", 1_000)
    host = await hosts.start(1)
    for number in range(1_000, 1_270):
        async with rogue(host, number) as peer:
            assert peer.session.broken is None
    for number in range(270):
        assert (await hosts.next(host, Connected)) is not None, number
    late = await hosts.start(2)
    await hosts.pair(late, host)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")
async def test_every_socket_is_closed_at_the_end(hosts) -> None:
    def sockets() -> int:
        links = (os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _exists(fd))
        return sum(link.startswith("socket:") for link in links)

    before = sockets()
    async with trio.open_nursery() as nursery:
        one, other = hosts.make(1), hosts.make(2)
        await nursery.start(one.run)
        await nursery.start(other.run)
        await hosts.pair(one, other)
        address = one.addresses[0]
        assert sockets() > before
        nursery.cancel_scope.cancel()
    assert sockets() == before
    late = await hosts.start(3)
    with pytest.raises(Unreachable):
        await late.dial(one.device, (address,), SOON_S)
    assert [event async for event in one.events][-1:] in ([], [Disconnected(other.device)])


def _exists(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


async def test_a_port_in_use_is_said_even_if_the_other_program_is_ours(hosts) -> None:
    first = await hosts.start(1)
    taken = parse_address(first.addresses[0]).text
    second = hosts.make(2, listen=("/ip4/127.0.0.1/tcp/0", taken))
    with pytest.raises(PortInUse, match="in use"):
        await second.run()
    third = hosts.make(3, listen=("/ip4/192.0.2.77/tcp/0",))
    with pytest.raises(BadAddress, match="no address of this machine"):
        await third.run()
    with pytest.raises(BadAddress):
        hosts.make(4, listen=("/ip4/127.0.0.1/udp/1",))


async def test_a_restart_on_the_same_port_works_at_once(hosts) -> None:
    other = await hosts.start(2)
    address = "/ip4/127.0.0.1/tcp/0"
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            host = hosts.make(1, listen=(address,))
            await nursery.start(host.run)
            await hosts.pair(other, host)
            address = parse_address(host.addresses[0]).text
            nursery.cancel_scope.cancel()
        await hosts.next(other, Disconnected)


async def test_a_silent_server_is_passed_over_for_the_next_address(hosts, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_dialling.HANDSHAKE_SLICE_S", 0.3)
    alice, bob = await hosts.start(1), await hosts.start(2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead_end = f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}"
        with pytest.raises(Unreachable, match="no answer"):
            await alice.dial(bob.device, (dead_end,), 0.5)
        await alice.dial(bob.device, (dead_end, *bob.addresses), SOON_S)
    assert (await hosts.next(alice, Connected)).peer == bob.device


async def test_a_peer_that_could_not_be_reached_is_reached_once_it_is_there(hosts) -> None:
    alice = await hosts.start(1)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"/ip4/127.0.0.1/tcp/{held.getsockname()[1]}"
        bob = hosts.make(2, listen=(address,))
        for _ in range(3):
            with pytest.raises(Unreachable, match="refused"):
                await alice.dial(bob.device, (address,), SOON_S)
    await hosts.nursery.start(bob.run)
    await hosts.pair(alice, bob)


async def test_dials_that_cannot_work_say_why(hosts) -> None:
    mallory = hosts.make(9)
    alice = await hosts.start(1, admit=lambda device: device != mallory.device)
    bob, carol = await hosts.start(2), hosts.make(3)
    with pytest.raises(Unreachable, match="another device answers"):
        await alice.dial(carol.device, (parse_address(bob.addresses[0]).text,), SOON_S)
    with pytest.raises(BadAddress, match="another device"):
        await alice.dial(carol.device, bob.addresses, SOON_S)
    with pytest.raises(Unreachable, match="no address"):
        await alice.dial(carol.device, (), SOON_S)
    with pytest.raises(Unreachable, match="itself"):
        await alice.dial(alice.device, alice.addresses, SOON_S)
    with pytest.raises(Unreachable, match="not admitted"):
        await alice.dial(mallory.device, (parse_address(bob.addresses[0]).text,), SOON_S)
    with pytest.raises(BadAddress):
        await alice.dial(bob.device, ("nonsense",), SOON_S)


async def test_who_is_not_admitted_gets_neither_streams_nor_gossip(hosts) -> None:
    friends = set()
    alice = await hosts.start(1, admit=lambda device: device in friends)
    bob = await hosts.start(2)
    bob_was_asked = trio.Event()

    async def ask(stream: Stream) -> None:
        bob_was_asked.set()

    alice.handle(ECHO, ask)
    with pytest.raises(Unreachable, match="does not let us in"):
        await bob.dial(alice.device, alice.addresses, SOON_S)
    assert alice.events.statistics().current_buffer_used == 0
    friends.add(bob.device)
    await hosts.pair(bob, alice)
    await bob.open(alice.device, ECHO, SOON_S)
    with trio.fail_after(SOON_S):
        await bob_was_asked.wait()
    friends.remove(bob.device)
    await alice.recheck()
    assert (await hosts.next(alice, Disconnected)).peer == bob.device
    assert (await hosts.next(bob, Disconnected)).peer == alice.device


NOISE = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "plaintext": b"\x13/multistream/1.0.0\n\x12/plaintext/2.0.0\n",
    "zeros-for-noise": b"\x13/multistream/1.0.0\n\x07/noise\n" + bytes(100_000),
    "endless-message": b"\x13/multistream/1.0.0\n\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100_000),
    "not-utf8": b"\x13/multistream/1.0.0\n\x03\xff\xfe\n",
    "ones": b"\xff" * 20_000,
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_strangers_noise_ends_their_connection_only(hosts, monkeypatch, noise) -> None:
    host = await hosts.start(1)
    port = parse_address(host.addresses[0]).port
    with monkeypatch.context() as hurried:
        hurried.setattr("gossip.net.libp2p_swarm.HANDSHAKE_S", 1.0)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            with trio.fail_after(SOON_S), contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(noise)
                while await stream.receive_some(65_536):
                    continue
    await hosts.pair(await hosts.start(2), host)


async def test_a_flood_of_silent_connections_shuts_nobody_out(hosts) -> None:
    from gossip.net.libp2p_swarm import MAX_HALF_OPEN_FROM_ONE

    host = await hosts.start(1)
    port = parse_address(host.addresses[0]).port
    silent = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(400)]
    await hosts.pair(await hosts.start(2), host)
    assert len(host._swarm.half_open) <= MAX_HALF_OPEN_FROM_ONE
    for stream in silent:
        await stream.aclose()
    await hosts.until(lambda: len(host._swarm.half_open) == 0)


async def test_who_comes_too_often_is_turned_away_for_a_while(hosts, rogue, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_noise.SHAKES_AT_ONCE", 5)
    monkeypatch.setattr("gossip.net.libp2p_noise.SHAKES_A_SECOND", 0.01)
    host = await hosts.start(1)
    for number in range(5):
        async with rogue(host, 10 + number):
            await hosts.next(host, Connected)
    other = await hosts.start(2)
    with pytest.raises(Unreachable):
        await other.dial(host.device, host.addresses, SOON_S)
    monkeypatch.setattr("gossip.net.libp2p_noise.SHAKES_A_SECOND", 1_000)
    await trio.sleep(0.01)
    await hosts.pair(other, host)


async def test_a_host_whose_events_nobody_reads_ends_all_the_same(hosts, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.event_queue.MAX_EVENTS", 1)
    monkeypatch.setattr("gossip.net.host.CLOSE_S", 0.3)
    others = [await hosts.start(number) for number in (2, 3, 4)]
    with trio.fail_after(SOON_S):
        async with trio.open_nursery() as nursery:
            host = hosts.make(1)
            await nursery.start(host.run)
            for other in others:
                await other.dial(host.device, host.addresses, SOON_S)
            await host.drop(others[0].device)
            await trio.sleep(0.3)
            nursery.cancel_scope.cancel()


async def test_a_silent_handshake_ends_by_itself(hosts, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_swarm.HANDSHAKE_S", 0.2)
    host = await hosts.start(1)
    port = parse_address(host.addresses[0]).port
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        with trio.fail_after(SOON_S):
            while await stream.receive_some(1_000):
                continue
    await hosts.until(lambda: len(host._swarm.half_open) == 0)


async def test_a_frozen_peer_is_noticed(hosts, rogue, monkeypatch) -> None:
    monkeypatch.setattr("gossip.net.libp2p_yamux.KEEPALIVE_S", 0.1)
    monkeypatch.setattr("gossip.net.libp2p_yamux.SILENCE_S", 2.0)  # a busy machine is silent for a while
    host, other = await hosts.start(1), await hosts.start(2)
    await hosts.pair(other, host)
    async with rogue(host, 3) as frozen:
        peer = (await hosts.next(host, Connected)).peer
        assert await hosts.next(host, Disconnected) == Disconnected(peer)
        await frozen.hung_up_on()
    other.handle(ECHO, echo)
    await assert_echo(host, other)


async def test_a_device_that_comes_again_replaces_its_old_connection(hosts, rogue) -> None:
    """After sleep or a change of address the old connection is dead on their side only."""
    host = await hosts.start(1)
    async with rogue(host, 2) as before:
        device = (await hosts.next(host, Connected)).peer
        again = await hosts.start(2)
        again.handle(ECHO, echo)
        assert again.device == device
        await again.dial(host.device, host.addresses, SOON_S)
        assert await hosts.next(host, Disconnected) == Disconnected(device)
        assert (await hosts.next(host, Connected)).peer == device
        await before.hung_up_on()
    await assert_echo(host, again)
    await hosts.until(lambda: device_subscribed(host, again))
    await hosts.until(lambda: device_subscribed(again, host))
    from gossip.net.transport import Heard

    await host.publish(b"to the new one")
    await again.publish(b"from the new one")
    assert (await hosts.next(again, Heard)).payload == b"to the new one"
    assert (await hosts.next(host, Heard)).payload == b"from the new one"


def device_subscribed(host, other) -> bool:
    """`host` has a way to send gossip to `other`, and knows that it wants it."""
    from gossip.net.host import _peer_of

    peer = _peer_of(other.device)
    return peer in host._pubsub.peers and peer in host._pubsub.peer_topics.get(host._topic, ())


async def echo_at_last(one, other) -> None:
    """A stream works in this direction, once it is settled which of two connections stays."""
    with trio.fail_after(SOON_S):
        while True:
            try:
                return await assert_echo(one, other)
            except NotConnected:
                await trio.sleep(0.05)


async def test_dialling_each_other_at_once_leaves_one_connection(hosts) -> None:
    for number in range(0, 8, 2):
        one, other = await hosts.start(100 + number), await hosts.start(101 + number)
        one.handle(ECHO, echo)
        other.handle(ECHO, echo)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.dial, other.device, other.addresses, SOON_S)
            nursery.start_soon(other.dial, one.device, one.addresses, SOON_S)
        await hosts.until(lambda: len(one._swarm.get_connections()) == 1)  # noqa: B023
        await hosts.until(lambda: len(other._swarm.get_connections()) == 1)  # noqa: B023
        for here, there in ((one, other), (other, one)):
            await echo_at_last(here, there)


async def test_addresses_are_those_that_others_can_dial(hosts) -> None:
    host = await hosts.start(1, listen=("/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"))
    other = await hosts.start(2)
    assert len(host.addresses) == 2
    for address in host.addresses:
        await other.dial(host.device, (address,), SOON_S)
        assert (await hosts.next(other, Connected)).address == parse_address(address).text
        await other.drop(host.device)
        await hosts.next(other, Disconnected)
        await hosts.next(host, Disconnected)
    dialled = f"/dns4/localhost/tcp/{parse_address(host.addresses[0]).port}"
    await other.dial(host.device, (dialled,), SOON_S)
    assert (await hosts.next(other, Connected)).address == dialled
