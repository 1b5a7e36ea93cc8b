"""Strangers at the door who have no code: they keep nobody out who has one."""

import os

import trio

from gossip.net.memory import MemoryNet
from gossip.proto.framing import frame
from node.federation import guest_messages as messages
from node.federation.bare import device_message, invite_key, root_key, root_of
from node.federation.guest_effects import Chartered, Effect, End, Send, TurnedAway
from node.federation.statements import FOR_MEMBERS, Grant, compose_certificate, compose_claim, compose_grant
from node.federation.visiting import Joining, make_claim
from node.newcomers import guests as guests_room
from node.newcomers.guest_stream import GuestStream
from node.running import now_ms
from node.signing import Intent
from node.testing.citizens import Citizen
from node.testing.federations import Federation
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from store.codec import encode
from store.crypto import SigningKey
from store.entry import SALT_BYTES, Entry, sign
from store.ids import LOG_ID, NetworkId

DEADLINE_S = 60
GUESTS = 1_000
FEW_TASKS = 100
"""A node at rest has some more or fewer, as it looks after this or that."""
SECRET = bytes(16)


class Stranger:
    """A device of a root that he made up."""

    def __init__(self, net: MemoryNet, host: Node, network: NetworkId) -> None:
        self.key = SigningKey(os.urandom(32))
        self.root = root_key(os.urandom(32))
        self.network = network
        self._host = host
        self._transport = net.join(self.key.author)
        signature = self.root.sign(device_message(network, self.key.author))
        body = compose_certificate(os.urandom(SALT_BYTES), root_of(self.root), "laptop", signature)
        self.certificate = sign(self.key, network, LOG_ID, 1, b"", body, now_ms())

    async def visit(self) -> GuestStream:
        device, address = self._host.home.device, self._host.address
        return GuestStream(await self._transport.visit(device, (address,), messages.PROTOCOL, DEADLINE_S))

    async def show_passport(self) -> int:
        """Show a passport that is worth nothing, and statements that are; the code of the last refusal."""
        shown = self.certificate
        entry = [shown.header, shown.signature, shown.body]
        stream = await self.visit()
        await stream.send(messages.Present(encode([1, self.network, [entry], b""])))
        assert await stream.receive() == messages.refusal(messages.UNKNOWN)
        await stream.send(messages.Entries((shown,)))
        await stream.send(messages.Done())
        answer = await stream.receive()
        assert isinstance(answer, messages.Refused)
        await stream.close()
        return answer.code

    async def join(self) -> int | None:
        """Join with the invite; the code of a refusal."""
        visit = Joining(self.network[: messages.NETWORK_BYTES], invite_key(SECRET).author)
        stream = await self.visit()
        waiting: list[Effect] = visit.begin()
        while True:
            for effect in waiting:
                match effect:
                    case Send(message):
                        await stream.send(message)
                    case TurnedAway(code, _):
                        return code
                    case End():
                        return None
            asked = [effect for effect in waiting if isinstance(effect, Chartered)]
            if asked:
                waiting = visit.answer(self._claim(asked[0]))
                continue
            answer = await stream.receive()
            assert answer is not None
            waiting = visit.handle(answer)

    def _claim(self, chartered: Chartered) -> list[Entry]:
        hub = self._host.home.device
        claim = make_claim(SECRET, chartered, root_of(self.root), self.key.author, hub)
        body = compose_claim(os.urandom(SALT_BYTES), claim)
        return [
            self.certificate,
            sign(self.key, self.network, LOG_ID, 2, self.certificate.id, body, now_ms()),
        ]


async def test_passports_that_are_made_up_keep_nobody_with_a_code_out(nursery: trio.Nursery) -> None:
    net = MemoryNet(nursery)
    federation = Federation()
    steward: Citizen = federation.stewards[0][0].citizen
    with (
        trio.fail_after(DEADLINE_S),
        temporary_home("alice", charter=federation.charter, root=steward.key) as home,
    ):
        async with running(home, net) as host:
            grant = Grant(federation.state(), invite_key(SECRET).author, 1, now_ms() + 3_600_000, FOR_MEMBERS)
            await host.author.write(LOG_ID, [Intent(compose_grant(os.urandom(SALT_BYTES), grant))])
            codes = [
                await Stranger(net, host, federation.network).show_passport()
                for _ in range(guests_room.MAX_SHOWN + 1)
            ]
            assert codes == [messages.UNKNOWN] * guests_room.MAX_SHOWN + [messages.TOO_MANY_GUESTS]
            assert await Stranger(net, host, federation.network).join() is None


async def test_half_a_message_of_a_thousand_guests_leaves_nothing_behind(
    nursery: trio.Nursery, monkeypatch
) -> None:
    monkeypatch.setattr(guests_room, "MAX_VISITS", 2_000)
    net = MemoryNet(nursery)
    federation = Federation()
    root = federation.stewards[0][0].citizen.key
    with (
        trio.fail_after(DEADLINE_S),
        temporary_home("alice", charter=federation.charter, root=root) as home,
    ):
        async with running(home, net) as host:
            stranger = Stranger(net, host, federation.network)
            await _knock_and_leave(stranger)
            before = trio.lowlevel.current_statistics().tasks_living
            for _ in range(GUESTS):
                await _knock_and_leave(stranger)
            while trio.lowlevel.current_statistics().tasks_living > before + FEW_TASKS:  # noqa: ASYNC110 (no event)
                await trio.sleep(0.05)
            assert host.home.membership is not None
            assert host.home.membership.waiting == 0


async def _knock_and_leave(stranger: Stranger) -> None:
    stream = await stranger.visit()
    knock = frame(messages.encode_message(messages.Knock(stranger.network[:16], bytes(32))))
    await stream._stream.send_all(knock[: len(knock) // 2])
    await stream.reset()
