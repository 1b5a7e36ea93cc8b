"""The libp2p host and libp2p as it comes understand each other; another version is noticed."""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from gossip.errors import LocalFault, NotConnected
from gossip.net.transport import Connected, Disconnected, Heard, Stream

SOON_S = 60.0
ECHO = "/test/echo/1"


@asynccontextmanager
async def stock_host(topic: str) -> AsyncIterator[tuple]:
    """py-libp2p's own host with Noise, Yamux and gossipsub 1.2, and its subscription."""
    from libp2p import new_host
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, PROTOCOL_ID_V12, GossipSub
    from libp2p.pubsub.pubsub import Pubsub
    from libp2p.security.noise.transport import PROTOCOL_ID, Transport
    from libp2p.tools.anyio_service import background_trio_service
    from multiaddr import Multiaddr

    keys = create_new_key_pair(b"\x77" * 32)
    noise = Transport(keys, create_noise_key_pair().private_key)
    address = Multiaddr("/ip4/127.0.0.1/tcp/0")
    host = new_host(key_pair=keys, sec_opt={PROTOCOL_ID: noise}, listen_addrs=[address])
    router = GossipSub([PROTOCOL_ID_V12, PROTOCOL_ID_V11], 6, 4, 12, heartbeat_interval=1)
    pubsub = Pubsub(host, router)
    async with (
        host.run([address]),
        background_trio_service(router),
        background_trio_service(pubsub),
    ):
        await pubsub.wait_until_ready()
        subscription = await pubsub.subscribe(topic)
        try:
            yield host, pubsub, subscription, keys.public_key.to_bytes()
        finally:
            pubsub.seen_messages.stop()
            await host.close()


async def echo(stream: Stream) -> None:
    while data := await stream.receive_some(65_536):
        await stream.send_all(data)


@pytest.mark.parametrize("we_dial", [True, False], ids=["we-dial", "it-dials"])
async def test_streams_and_gossip_flow_between_us_and_libp2p_as_it_comes(hosts, we_dial) -> None:
    # long because it sets up a stock host by hand
    from libp2p.peer.peerinfo import info_from_p2p_addr
    from multiaddr import Multiaddr

    ours = await hosts.start(1)
    ours.handle(ECHO, echo)
    our_info = info_from_p2p_addr(Multiaddr(ours.addresses[0]))
    data = bytes(range(256)) * 3_000
    with trio.fail_after(6 * SOON_S):
        async with stock_host("test-topic") as (stock, pubsub, subscription, device):

            async def serve(stream) -> None:
                received = b""
                while len(received) < len(data):
                    received += await stream.read(65_536)
                await stream.write(received)
                await stream.close()

            stock.set_stream_handler(ECHO, serve)
            if we_dial:
                await ours.dial(device, (str(stock.get_addrs()[0]),), SOON_S)
            else:
                await stock.connect(our_info)
            assert (await hosts.next(ours, Connected)).peer == device

            stream = await ours.open(device, ECHO, SOON_S)
            await stream.send_all(data)
            assert await _read(stream, len(data)) == data

            theirs = await stock.new_stream(our_info.peer_id, [ECHO])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(theirs.write, data)
                received = b""
                while len(received) < len(data):
                    received += await theirs.read(65_536)
            assert received == data

            with pytest.raises(NotConnected, match="does not speak"):
                await ours.open(device, "/test/none/1", SOON_S)

            await pubsub.wait_for_mesh(our_info.peer_id, "test-topic", timeout=SOON_S)
            await ours.publish(b"from us")
            assert (await subscription.get()).data == b"from us"
            await pubsub.publish("test-topic", b"from it")
            assert await hosts.next(ours, Heard) == Heard(device, b"from it")
    assert (await hosts.next(ours, Disconnected)).peer == device


async def _read(stream: Stream, size_bytes: int) -> bytes:
    received = b""
    while len(received) < size_bytes:
        received += await stream.receive_some(65_536)
    return received


async def test_identify_tells_neither_agent_nor_addresses(hosts) -> None:
    from libp2p.identity.identify.pb.identify_pb2 import Identify

    ours, other = await hosts.start(1), await hosts.start(2)
    ours.handle(ECHO, echo)
    await hosts.pair(other, ours)
    stream = await other.open(ours.device, "/ipfs/id/1.0.0", SOON_S)
    received = b""
    with trio.fail_after(SOON_S):
        while piece := await stream.receive_some(10_000):
            received += piece
    told = Identify()
    told.ParseFromString(received[2:] if received[0] & 0x80 else received[1:])
    assert set(told.protocols) == {"/meshsub/1.1.0", "/meshsub/1.0.0", "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"}
    assert not told.agent_version
    assert not told.listen_addrs
    assert not told.observed_addr
    assert not told.signedPeerRecord


async def test_ping_is_answered(hosts) -> None:
    ours, other = await hosts.start(1), await hosts.start(2)
    await hosts.pair(other, ours)
    stream = await other.open(ours.device, "/ipfs/ping/1.0.0", SOON_S)
    with trio.fail_after(SOON_S):
        await stream.send_all(bytes(range(32)))
        assert await _read(stream, 32) == bytes(range(32))


def test_another_version_of_libp2p_is_refused(monkeypatch) -> None:
    from gossip.net.libp2p_cures import check_library

    check_library()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.9.0")
    with pytest.raises(LocalFault, match=r"0\.9\.0"):
        check_library()


@pytest.mark.parametrize(
    ("module", "owner", "name"),
    [
        ("libp2p.network.swarm", "Swarm", "_schedule_auto_connect"),
        ("libp2p.host.basic_host", "BasicHost", "_swarm_stream_handler"),
        ("libp2p.pubsub.pubsub", "Pubsub", "push_msg"),
        ("libp2p.pubsub.pubsub", "Pubsub", "handle_sending_messages"),
        ("libp2p.pubsub.gossipsub", "GossipSub", "handle_rpc"),
    ],
)
def test_a_libp2p_that_lacks_what_is_cured_is_refused(monkeypatch, module, owner, name) -> None:
    from gossip.net.libp2p_cures import check_library

    monkeypatch.delattr(f"{module}.{owner}.{name}")
    with pytest.raises(LocalFault, match=f"{owner}.{name}"):
        check_library()
