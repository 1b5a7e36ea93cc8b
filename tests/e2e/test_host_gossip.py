"""Gossip of the libp2p host: each cure for libp2p's gossipsub, against the fault that it cures."""

import pytest
import trio

from gossip.net.transport import Connected, Disconnected, Heard

SOON_S = 60.0
MESH = "/meshsub/1.1.0"


async def meshed(hosts, one, other) -> None:
    """Wait until gossip flows between two connected hosts in both directions."""
    from gossip.net.host import _peer_of

    for here, there in ((one, other), (other, one)):
        peer = _peer_of(there.device)
        await hosts.until(lambda: peer in here._router.mesh[here._topic])  # noqa: B023


async def pair(hosts, one, other) -> None:
    await hosts.pair(one, other)
    await meshed(hosts, one, other)


def rpc(**fields) -> bytes:
    """A gossip RPC as it goes on the stream, with its length."""
    from libp2p.pubsub.pb import rpc_pb2
    from libp2p.utils.varint import encode_varint_prefixed

    return encode_varint_prefixed(rpc_pb2.RPC(**fields).SerializeToString())


def message(number: int, topic: str = "test-topic", **changes):
    """A properly signed gossip message of the identity `number`."""
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID
    from libp2p.pubsub.pb import rpc_pb2

    keys = create_new_key_pair(number.to_bytes(2, "big") * 16)
    fields = {
        "from_id": ID.from_pubkey(keys.public_key).to_bytes(),
        "seqno": bytes(8),
        "data": b"signed",
        "topicIDs": [topic],
    }
    made = rpc_pb2.Message(**(fields | changes))
    made.signature = keys.private_key.sign(b"libp2p-pubsub:" + made.SerializeToString())
    return made


async def test_gossip_goes_down_a_chain_once_and_not_back(hosts) -> None:
    alice, bob, carol = [await hosts.start(number) for number in (1, 2, 3)]
    await pair(hosts, alice, bob)
    await pair(hosts, bob, carol)
    await alice.publish(b"first")
    await carol.publish(b"second")
    assert await hosts.next(bob, Heard) == Heard(alice.device, b"first")
    assert await hosts.next(bob, Heard) == Heard(carol.device, b"second")
    assert await hosts.next(carol, Heard) == Heard(alice.device, b"first")
    assert await hosts.next(alice, Heard) == Heard(carol.device, b"second")
    await bob.publish(b"last")
    assert await hosts.next(alice, Heard) == Heard(bob.device, b"last")
    assert await hosts.next(carol, Heard) == Heard(bob.device, b"last")


async def test_the_validator_is_asked_before_anything_is_forwarded(hosts, caplog) -> None:
    def strict(origin, payload) -> bool:
        if payload == b"raise":
            raise ZeroDivisionError("on purpose")
        return payload != b"bad" and origin == alice.device

    alice, bob, carol = await hosts.start(1), await hosts.start(2, validate=strict), await hosts.start(3)
    await pair(hosts, alice, bob)
    await pair(hosts, bob, carol)
    for payload in (b"bad", b"raise", b"good"):
        await alice.publish(payload)
    assert await hosts.next(bob, Heard) == Heard(alice.device, b"good")
    assert await hosts.next(carol, Heard) == Heard(alice.device, b"good")
    assert "could not be judged" in caplog.text


async def test_more_than_libp2p_allows_a_second_arrives(hosts) -> None:
    """The library drops what exceeds ten messages a second, and what finds 32 waiting."""
    alice, bob, carol = [await hosts.start(number) for number in (1, 2, 3)]
    await pair(hosts, alice, bob)
    await pair(hosts, bob, carol)
    for number in range(200):
        await alice.publish(number.to_bytes(2, "big"))
    heard = {(await hosts.next(carol, Heard)).payload for _ in range(200)}
    assert heard == {number.to_bytes(2, "big") for number in range(200)}


async def test_what_is_published_right_after_a_restart_is_heard(hosts) -> None:
    """The library counts from the seconds of the clock; after 1,000 messages that is used for a while."""
    alice = await hosts.start(1)
    for life in range(2):
        async with trio.open_nursery() as nursery:
            bob = hosts.make(2)
            await nursery.start(bob.run)
            await pair(hosts, alice, bob)
            for number in range(50):
                await bob.publish(bytes([life, number]))
            heard = [(await hosts.next(alice, Heard)).payload for _ in range(50)]
            assert heard == [bytes([life, number]) for number in range(50)]
            nursery.cancel_scope.cancel()
        await hosts.next(alice, Disconnected)


async def test_payloads_have_a_limit(hosts) -> None:
    alice, bob = await hosts.start(1), await hosts.start(2)
    await pair(hosts, alice, bob)
    with pytest.raises(ValueError, match="16384"):
        await alice.publish(bytes(16_385))
    await alice.publish(bytes(16_384))
    assert len((await hosts.next(bob, Heard)).payload) == 16_384


def broken() -> dict[str, bytes]:
    """RPCs that no correct program sends, as bytes on the gossip stream."""
    return {
        "no-protobuf": b"\x05\xff\xff\xff\xff\xff",
        "over-long": b"\xff\xff\xff\x7f" + bytes(50_000),
        "endless-length": b"\xff" * 20,
        "topic-not-utf8": b"\x08\x12\x06\x22\x04\xff\xfe\xfd\xfc",
        "zeros": bytes(1_000),
    }


@pytest.mark.parametrize("name", broken())
async def test_garbage_on_the_gossip_stream_ends_that_stream_only(hosts, rogue, name) -> None:
    alice, bob = await hosts.start(1), await hosts.start(2)
    await pair(hosts, alice, bob)
    async with rogue(alice, 3) as peer:
        await hosts.next(alice, Connected)
        peer.open(1, MESH, broken()[name])
        await trio.sleep(0.1)
    await hosts.next(alice, Disconnected)
    await bob.publish(b"still here")
    assert await hosts.next(alice, Heard) == Heard(bob.device, b"still here")


async def test_garbage_again_and_again_ends_the_connection(hosts, rogue) -> None:
    alice = await hosts.start(1)
    async with rogue(alice, 3) as peer:
        for number in range(10):
            peer.open(2 * number + 1, MESH, broken()["no-protobuf"])
        await peer.hung_up_on()
    await hosts.next(alice, Disconnected)


async def test_only_messages_signed_by_their_origin_are_heard(hosts, rogue) -> None:
    from libp2p.crypto.ed25519 import create_new_key_pair as ed25519
    from libp2p.crypto.secp256k1 import create_new_key_pair as secp256k1
    from libp2p.peer.id import ID

    alice = await hosts.start(1)
    other_kind = ID.from_pubkey(secp256k1().public_key).to_bytes()
    somebody = ID.from_pubkey(ed25519().public_key).to_bytes()
    unsigned = message(3, seqno=b"unsigned")
    unsigned.signature = b""
    forged = message(3, seqno=b"forged!!")
    forged.data = b"changed"
    wrong = [
        unsigned,
        forged,
        message(3, seqno=b"stranger", from_id=somebody),
        message(3, seqno=b"badkey!!", key=b"\xff\xff\xff", from_id=b"\x12\x20" + bytes(32)),
        message(3, seqno=b"no id!!!", from_id=b""),
        message(3, seqno=b"othrkind", from_id=other_kind),
        message(3, seqno=b"topic!!!", topicIDs=["other-topic"]),
        message(3, seqno=b"topics!!", topicIDs=["test-topic", "other-topic"]),
        message(3, seqno=b"too long", data=bytes(16_385)),
    ]
    right = message(3, seqno=b"right!!!", data=b"this one")
    async with rogue(alice, 3) as peer:
        peer.open(1, MESH, b"".join(rpc(publish=[one]) for one in [*wrong, right, right]))
        heard = await hosts.next(alice, Heard)
    assert heard.payload == b"this one"
    await hosts.next(alice, Disconnected)
    assert alice.events.statistics().current_buffer_used == 0


async def test_what_a_peer_names_is_not_kept(hosts, rogue) -> None:
    """Topics, subscriptions, back-offs and ids of a peer's choice must not gather here."""
    from libp2p.pubsub.pb import rpc_pb2

    alice = await hosts.start(1)
    async with rogue(alice, 3) as peer:
        await hosts.next(alice, Connected)
        for number in range(200):
            topics = [f"topic-{number}-{index}" for index in range(50)]
            control = rpc_pb2.ControlMessage(
                graft=[rpc_pb2.ControlGraft(topicID=topic) for topic in topics],
                prune=[rpc_pb2.ControlPrune(topicID=topic, backoff=2**63) for topic in topics],
                ihave=[rpc_pb2.ControlIHave(topicID=topic, messageIDs=[b"x" * 40]) for topic in topics],
                iwant=[rpc_pb2.ControlIWant(messageIDs=[b"x" * 40] * 100)],
                idontwant=[rpc_pb2.ControlIDontWant(messageIDs=[b"x" * 40] * 100)],
            )
            subscriptions = [
                rpc_pb2.RPC.SubOpts(subscribe=bool(index % 2), topicid="test-topic") for index in range(8)
            ] + [rpc_pb2.RPC.SubOpts(subscribe=True, topicid=topic) for topic in topics]
            body = rpc(control=control, subscriptions=subscriptions)
            if number == 0:
                peer.open(1, MESH, body)
            else:
                peer.frame(0, 0, 1, len(body), body)
            with trio.move_on_after(0.01):
                await peer.session.receive()
        tasks = trio.lowlevel.current_statistics().tasks_living
        router, pubsub = alice._router, alice._pubsub
        assert set(router.back_off) <= {"test-topic"}
        assert set(pubsub.peer_topics) <= {"test-topic"}
        tables = (router.graft_flood_tracking, router.ihave_message_limits, router.iwant_request_limits)
        assert all(len(names) <= 1 for table in tables for names in table.values())
        assert sum(len(ids) for ids in router.dont_send_message_ids.values()) == 0
        assert tasks < 100
    await hosts.next(alice, Disconnected)
    left = (pubsub._faults, pubsub._reading, router.peer_protocol, pubsub.peer_queues, pubsub.peers)
    await hosts.until(lambda: not any(left) and not any(pubsub.peer_topics.values()))


async def test_a_prune_for_centuries_is_cut_short(hosts, rogue) -> None:
    import time

    from libp2p.pubsub.pb import rpc_pb2

    alice = await hosts.start(1)
    async with rogue(alice, 3) as peer:
        prune = rpc_pb2.ControlPrune(topicID="test-topic", backoff=2**63)
        peer.open(1, MESH, rpc(control=rpc_pb2.ControlMessage(prune=[prune])))
        await hosts.until(lambda: bool(alice._router.back_off.get("test-topic")))
        until_s = max(alice._router.back_off["test-topic"].values())
        assert until_s <= time.time() + 601


async def test_a_peer_that_reads_no_gossip_holds_nobody_up(hosts, rogue) -> None:
    from libp2p.pubsub.pb import rpc_pb2

    from gossip.net.libp2p_gossip import MAX_QUEUED_RPCS

    alice, bob = await hosts.start(1), await hosts.start(2)
    await pair(hosts, alice, bob)
    async with rogue(alice, 3) as peer:
        subscribe = rpc_pb2.RPC.SubOpts(subscribe=True, topicid="test-topic")
        peer.open(1, MESH, rpc(subscriptions=[subscribe]))
        await hosts.until(lambda: len(alice._pubsub.peer_topics["test-topic"]) == 2)
        for number in range(600):
            await alice.publish(number.to_bytes(2, "big") + bytes(4_000))
            assert (await hosts.next(bob, Heard)).payload[:2] == number.to_bytes(2, "big")
        assert all(len(queue) <= MAX_QUEUED_RPCS for queue in alice._pubsub.peer_queues.values())


async def test_gossip_heals_after_a_reconnection(hosts) -> None:
    alice, bob = await hosts.start(1), await hosts.start(2)
    for number in range(3):
        await pair(hosts, alice, bob)
        await alice.publish(bytes([number]))
        assert (await hosts.next(bob, Heard)).payload == bytes([number])
        await alice.drop(bob.device)
        await hosts.next(bob, Disconnected)
        await hosts.next(alice, Disconnected)
