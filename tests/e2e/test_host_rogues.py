"""Peers that shake hands and then keep no rule: random frames, streams and gossip, seeded. The host must
go on serving others, and when they are gone nothing of them may be left."""

import random

import pytest
import trio

from gossip.net.transport import Connected, Disconnected, Stream

ECHO = "/test/echo/1"
PROTOCOLS = (ECHO, "/meshsub/1.1.0", "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/test/none/1")
ROUNDS = 120
IDENTITIES = 20
SOON_S = 60.0


async def echo(stream: Stream) -> None:
    while data := await stream.receive_some(65_536):
        await stream.send_all(data)


def gossip(chance: random.Random) -> bytes:
    """An RPC that is nearly right."""
    from libp2p.pubsub.pb import rpc_pb2
    from libp2p.utils.varint import encode_varint_prefixed

    topic = "test-topic"
    rpc = rpc_pb2.RPC(
        publish=[
            rpc_pb2.Message(
                from_id=chance.randbytes(38),
                data=chance.randbytes(20),
                seqno=chance.randbytes(8),
                topicIDs=[topic],
                signature=chance.randbytes(64),
                key=chance.randbytes(36),
            )
        ],
        subscriptions=[rpc_pb2.RPC.SubOpts(subscribe=chance.random() < 0.7, topicid=topic)],
        control=rpc_pb2.ControlMessage(
            graft=[rpc_pb2.ControlGraft(topicID=topic)],
            ihave=[rpc_pb2.ControlIHave(topicID=topic, messageIDs=[chance.randbytes(46)])],
            iwant=[rpc_pb2.ControlIWant(messageIDs=[chance.randbytes(46)])],
        ),
    )
    data = bytearray(rpc.SerializeToString())
    for _ in range(chance.choice((0, 0, 1, 3))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return encode_varint_prefixed(bytes(data))


def misbehave(peer, chance: random.Random, number: int) -> int:
    """Send one random thing; the number of the next stream."""
    some = chance.randrange(1, number + 1)
    match chance.randrange(10):
        case 0 | 1 | 2:
            protocol = chance.choice(PROTOCOLS)
            body = gossip(chance) if "meshsub" in protocol else chance.randbytes(chance.randrange(100))
            peer.open(number, protocol, body)
        case 3:
            peer.frame(0, chance.choice((0, 0, 4, 8)), some, 10, chance.randbytes(10))
        case 4:
            peer.frame(1, chance.choice((0, 2, 4, 8)), some, chance.choice((0, 100, 2**31)))
        case 5:
            peer.frame(2, chance.choice((1, 2)), 0, chance.randrange(2**32))
        case 6:
            data = gossip(chance) * chance.randrange(1, 4)
            peer.frame(0, 0, some | 1, len(data), data)
        case 7:
            peer.frame(0, chance.choice((1, 5, 9, 13)), number, 5, b"hello")
        case 8:
            peer.frame(1, 1, number, 0)
        case 9 if chance.random() < 0.05:
            peer.session.send(chance.randbytes(chance.randrange(1, 30)))
    return number + 2


@pytest.mark.parametrize("seed", range(2))
async def test_rogues_hold_nobody_up_and_leave_nothing_behind(
    hosts, rogue, monkeypatch, caplog, seed
) -> None:
    # long because it is one story from the first rogue to the count of what is left
    monkeypatch.setattr("gossip.net.libp2p_noise.SHAKES_AT_ONCE", 10_000)
    monkeypatch.setattr("gossip.net.libp2p_yamux.HANDLER_GRACE_S", 0.5)
    chance = random.Random(seed)
    host, other = await hosts.start(1), await hosts.start(2)
    host.handle(ECHO, echo)
    await hosts.pair(other, host)
    connected: dict[bytes, bool] = {}

    async def watch() -> None:
        async for event in host.events:
            if isinstance(event, Connected | Disconnected):
                assert connected.get(event.peer, False) is isinstance(event, Disconnected)
                connected[event.peer] = isinstance(event, Connected)

    hosts.nursery.start_soon(watch)
    line = await other.open(host.device, ECHO, SOON_S)
    for one in (host, other):
        await hosts.until(lambda: len(one._pubsub.peers) == len(one._pubsub._reading) == 1)  # noqa: B023
    tasks = trio.lowlevel.current_statistics().tasks_living
    for _ in range(ROUNDS):
        async with rogue(host, 1_000 + chance.randrange(IDENTITIES)) as peer:
            number = 1
            for _ in range(chance.randrange(1, 100)):
                number = misbehave(peer, chance, number)
                if peer.session.broken:
                    break
            with trio.move_on_after(chance.choice((0, 0.005, 0.02))):
                await peer.listen()
        with trio.fail_after(SOON_S):
            await line.send_all(b"are you there?")
            assert await line.receive_some(100) == b"are you there?"

    await hosts.until(lambda: len(host._swarm.get_connections()) == 1)
    await hosts.until(lambda: not any(connected.values()))
    await hosts.until(lambda: trio.lowlevel.current_statistics().tasks_living <= tasks)
    swarm, pubsub, router = host._swarm, host._pubsub, host._router
    assert host.unread.held_bytes == 0
    assert len(host.unread.connections) == 1
    assert not swarm._turns
    assert not swarm._clearing
    assert len(swarm.half_open) == 0
    for table in (pubsub._reading, pubsub.peers, pubsub.peer_queues, router.peer_protocol):
        assert len(table) <= 1
    assert len(pubsub.peer_topics.get("test-topic", ())) <= 1
    assert "failed" not in caplog.text


async def test_a_connection_that_ends_while_it_comes_up_is_not_kept(hosts, rogue, monkeypatch) -> None:
    """The library books it after it is gone, and never takes it out again."""
    from libp2p.network.connection.swarm_connection import SwarmConn

    host = await hosts.start(1)
    start = SwarmConn.start

    async def lose_and_start(conn) -> None:
        conn.muxed_conn.break_off("lost by the test")
        while not conn.is_closed:
            await trio.lowlevel.checkpoint()
        await start(conn)

    monkeypatch.setattr(SwarmConn, "start", lose_and_start)
    async with rogue(host, 3) as peer:
        await peer.hung_up_on()
    device = (await hosts.next(host, Connected)).peer
    assert await hosts.next(host, Disconnected) == Disconnected(device)
    await hosts.until(lambda: not host._swarm._clearing)
    assert not host._swarm.get_connections()
    monkeypatch.setattr(SwarmConn, "start", start)
    async with rogue(host, 3):
        assert (await hosts.next(host, Connected)).peer == device
