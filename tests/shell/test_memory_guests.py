"""Guests on the in-memory transport, as `gossip.net.transport` promises, and the places for them."""

from contextlib import ExitStack

import pytest
import trio

from gossip.errors import NotConnected, NotSpoken, Unreachable
from gossip.net.guest_places import GuestPlaces, TooManyGuests
from gossip.net.memory import MemoryNet
from gossip.net.transport import Connected, Disconnected, Heard, Transport
from gossip.proto import limits
from store.ids import AuthorId

HOST, STRANGER, PEER = (AuthorId(bytes([n]) * 32) for n in (1, 2, 3))
GUEST = "/test/guest/1"
ECHO = "/test/echo/1"


async def echo(stream, ip=""):
    while data := await stream.receive_some(65_536):
        await stream.send_all(data + ip.encode())


@pytest.fixture
def net(nursery):
    return MemoryNet(nursery, latency_s=0.01)


@pytest.fixture
def admitted():
    return {PEER}


@pytest.fixture
def former():
    return set()


@pytest.fixture
def host(net, admitted, former):
    made = net.join(HOST, admit=admitted.__contains__, guests=lambda device: device not in admitted | former)
    made.handle(ECHO, echo)
    made.handle_guest(GUEST, echo)
    return made


def news(transport):
    found = []
    while True:
        try:
            found.append(transport.events.receive_nowait())
        except trio.WouldBlock:
            return found


async def test_a_guest_gets_its_protocol_and_nothing_else(autojump_clock, net, host):
    stranger, peer = net.join(STRANGER), net.join(PEER)
    await stranger.dial(HOST, host.addresses, 5)
    assert news(stranger) == [Connected(HOST, host.listen_address, True)]
    with pytest.raises(NotSpoken):
        await stranger.open(HOST, ECHO, 5)
    stream = await stranger.open(HOST, GUEST, 5)
    await stream.send_all(b"I am ")
    assert await stream.receive_some(100) == b"I am 10.0.0.2"
    with pytest.raises(NotConnected):
        await host.open(STRANGER, GUEST, 5)
    await stranger.publish(b"hear me")
    await peer.dial(HOST, host.addresses, 5)
    await host.publish(b"for peers")
    await trio.sleep(1)
    assert [type(event) for event in news(host)] == [Connected]
    assert news(stranger) == []
    assert Heard(HOST, b"for peers") in news(peer)


async def test_a_visit_ends_with_its_stream(autojump_clock, net, host):
    stranger: Transport = net.join(STRANGER, admit=lambda device: False)
    for end in ("close", "reset"):
        stream = await stranger.visit(HOST, host.addresses, GUEST, 5)
        assert stream.peer == HOST
        assert len(host.guest_links) == 1
        await stream.send_all(b"hello")
        assert await stream.receive_some(5) == b"hello"
        await getattr(stream, end)()
        await trio.sleep(1)
        assert host.guest_links == []
    assert news(host) == []


async def test_a_visit_that_cannot_be_leaves_nothing(autojump_clock, net, host, former):
    stranger = net.join(STRANGER)
    with pytest.raises(NotSpoken):
        await stranger.visit(HOST, host.addresses, ECHO, 5)
    former.add(STRANGER)
    with pytest.raises(Unreachable):
        await stranger.visit(HOST, host.addresses, GUEST, 5)
    with pytest.raises(Unreachable):
        await stranger.dial(HOST, host.addresses, 5)
    await trio.sleep(1)
    assert host.guest_links == []


async def test_a_visit_goes_over_the_connection_that_stands(autojump_clock, net, host):
    peer = net.join(PEER)
    await peer.dial(HOST, host.addresses, 5)
    stream = await peer.visit(HOST, (), GUEST, 5)
    await stream.close()
    await trio.sleep(1)
    assert [type(event) for event in news(host)] == [Connected]
    assert PEER in host.links


async def test_a_visit_to_who_admits_us_is_a_connection_there(autojump_clock, net, host):
    peer = net.join(PEER, admit=lambda device: False)
    stream = await peer.visit(HOST, host.addresses, GUEST, 5)
    await stream.close()
    await trio.sleep(1)
    assert [type(event) for event in news(host)] == [Connected, Disconnected]
    assert news(peer) == []


async def test_a_silent_guest_is_ended(autojump_clock, net, host):
    stranger = net.join(STRANGER)
    await stranger.dial(HOST, host.addresses, 5)
    await trio.sleep(limits.GUEST_LIFE_S - 1)
    assert STRANGER not in host.links
    assert len(host.guest_links) == 1
    await trio.sleep(2)
    assert host.guest_links == []
    assert news(stranger)[-1] == Disconnected(HOST)


async def test_who_is_admitted_now_finishes_and_is_sent_away(autojump_clock, net, host, admitted):
    stranger = net.join(STRANGER)
    stream = await stranger.visit(HOST, host.addresses, GUEST, 5)
    admitted.add(STRANGER)
    await host.recheck()
    await stream.send_all(b"still")
    assert await stream.receive_some(5) == b"still"
    await stream.close()
    await trio.sleep(1)
    assert host.guest_links == []
    idle = net.join(AuthorId(bytes([9]) * 32))
    await idle.dial(HOST, host.addresses, 5)
    admitted.add(idle.device)
    await host.recheck()
    assert host.guest_links == [] or not host.guest_links[0].up


async def test_who_is_a_former_device_now_is_dropped_at_once(autojump_clock, net, host, former):
    stranger = net.join(STRANGER)
    stream = await stranger.visit(HOST, host.addresses, GUEST, 5)
    former.add(STRANGER)
    await host.recheck()
    with pytest.raises(NotConnected):
        await stream.receive_some(5)


# Places.


async def test_the_time_of_a_guest_is_bounded(autojump_clock):
    places = GuestPlaces()
    started = trio.current_time()
    with places.place("192.0.2.1") as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - started == limits.GUEST_LIFE_S
    assert len(places) == 0


async def test_one_address_has_few_places_and_this_machine_has_all(autojump_clock):
    places = GuestPlaces()
    with ExitStack() as stack:
        for _ in range(limits.MAX_GUESTS_FROM_ONE):
            stack.enter_context(places.place("192.0.2.1"))
        with pytest.raises(TooManyGuests), places.place("192.0.2.1"):
            pass
        stack.enter_context(places.place("192.0.2.2"))
    with ExitStack() as stack:
        for _ in range(limits.MAX_GUESTS):
            stack.enter_context(places.place("127.0.0.1"))
        with pytest.raises(TooManyGuests), places.place("127.0.0.1"):
            pass
    assert len(places) == 0


async def test_where_all_places_are_taken_who_has_most_gives_way(autojump_clock):
    places = GuestPlaces()
    with ExitStack() as stack:
        crowds = [f"192.0.2.{n}" for n in range(limits.MAX_GUESTS // limits.MAX_GUESTS_FROM_ONE)]
        scopes = [
            stack.enter_context(places.place(ip)) for _ in range(limits.MAX_GUESTS_FROM_ONE) for ip in crowds
        ]
        assert len(places) == limits.MAX_GUESTS
        stack.enter_context(places.place("198.51.100.1"))
        assert len(places) == limits.MAX_GUESTS
        assert [scope.cancel_called for scope in scopes].count(True) == 1
        assert scopes[0].cancel_called


async def test_who_has_as_many_as_the_others_gets_no_further_place(autojump_clock):
    places = GuestPlaces()
    with ExitStack() as stack:
        for number in range(limits.MAX_GUESTS):
            stack.enter_context(places.place(f"192.0.2.{number}"))
        with pytest.raises(TooManyGuests), places.place("192.0.2.0"):
            pass
        with pytest.raises(TooManyGuests), places.place("198.51.100.1"):
            pass
