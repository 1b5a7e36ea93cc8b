"""Guests of a whole node, over a network in memory: what they get, and what they cannot do."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from gossip.errors import NotConnected, Unreachable
from gossip.net.memory import MemoryNet
from gossip.proto.framing import frame
from node.federation import guest_effects as effects
from node.federation import guest_messages as messages
from node.federation.bare import NO_NETWORK, cut_message, device_message, invite_key, root_key, root_of
from node.federation.cuts import LogEnd, make_cut
from node.federation.guest_effects import Chartered
from node.federation.inception import Terms
from node.federation.statements import (
    FOR_MEMBERS,
    Grant,
    compose_certificate,
    compose_claim,
    compose_cut,
    compose_grant,
)
from node.federation.views import Standing
from node.federation.visiting import Joining, Returning, make_claim
from node.founding import begin_section, create_home, found_federation
from node.home import open_home
from node.newcomers import guests as guests_room
from node.newcomers.guest_stream import GuestStream
from node.paths import Paths
from node.running import now_ms
from node.signing import Intent
from node.testing.nodes import running
from store.crypto import SigningKey
from store.entry import SALT_BYTES, sign
from store.ids import LOG_ID
from store.log import LogId

ALICE = root_key(bytes(32))
LYON = Terms("Lyon", "", (), (root_of(ALICE),), 1)
CHARTER = found_federation("Federation X", [begin_section(LYON, [ALICE], NO_NETWORK)], None)
NETWORK = CHARTER.network_id()
PATIENCE_S = 60


@contextmanager
def home_of(folder: Path, name: str, root: SigningKey):
    create_home(Paths(folder), name, CHARTER, None, root=root).close()
    with open_home(Paths(folder), lambda: None, writing=True) as home:
        yield home


class Host:
    """Alice's node, which is a steward's."""

    def __init__(self, node, net):
        self.node = node
        self.net = net
        self.membership = node.home.membership
        self.device = node.home.device

    async def grant(self, uses=1):
        secret = os.urandom(16)
        [section] = self.membership.roster.sections()
        grant = Grant(section.state, invite_key(secret).author, uses, now_ms() + 3_600_000, FOR_MEMBERS)
        [entry] = await self.say(compose_grant(os.urandom(SALT_BYTES), grant))
        return entry.id, secret

    async def say(self, body):
        return await self.node.author.write(LOG_ID, [Intent(body)])

    def standing(self, device):
        return self.membership.standing(device)

    def stranger(self):
        return Stranger(self)


class Stranger:
    """A device with a root that nobody knows."""

    def __init__(self, host):
        self.host = host
        self.key = SigningKey(os.urandom(32))
        self.root = root_key(os.urandom(32))
        self.transport = host.net.join(self.key.author)

    async def visit(self):
        stream = await self.transport.visit(
            self.host.device, (self.host.node.address,), messages.PROTOCOL, PATIENCE_S
        )
        return GuestStream(stream)

    def certificate(self):
        signature = self.root.sign(device_message(NETWORK, self.key.author))
        body = compose_certificate(os.urandom(SALT_BYTES), root_of(self.root), "laptop", signature)
        return sign(self.key, NETWORK, LOG_ID, 1, b"", body, now_ms())

    async def join(self, secret):
        """Join; what the host said at the end, and the entries that it sent."""
        visit = Joining(NETWORK[:16], invite_key(secret).author)
        certificate = self.certificate()

        def answer(chartered: Chartered):
            claim = make_claim(secret, chartered, root_of(self.root), self.key.author, self.host.device)
            body = compose_claim(os.urandom(SALT_BYTES), claim)
            return [certificate, sign(self.key, NETWORK, LOG_ID, 2, certificate.id, body, now_ms())]

        return await self.talk(visit, answer)

    async def talk(self, visit, answer):
        stream = await self.visit()
        brought = []
        waiting = visit.begin()
        with trio.fail_after(PATIENCE_S):
            while True:
                while waiting:
                    match waiting.pop(0):
                        case effects.Send(message):
                            await stream.send(message)
                        case Chartered() as chartered:
                            waiting += visit.answer(answer(chartered))
                        case effects.TakeIn(runs):
                            brought += [entry for run in runs for entry in run]
                        case effects.TurnedAway(code, _):
                            await stream.close()
                            return code, brought
                        case effects.Welcomed():
                            pass
                        case effects.End():
                            await stream.close()
                            return None, brought
                message = await stream.receive()
                assert message is not None
                waiting += visit.handle(message)


@pytest.fixture
async def host(nursery, tmp_path):
    net = MemoryNet(nursery)
    with home_of(tmp_path / "alice", "Alice", ALICE) as home:
        async with running(home, net) as node:
            yield Host(node, net)


async def test_a_newcomer_is_let_in_and_gets_the_logs_behind_the_host(host):
    _, secret = await host.grant()
    bob = host.stranger()
    code, brought = await bob.join(secret)
    assert code is None
    assert host.standing(bob.key.author) is Standing.MEMBER
    own = [entry for entry in brought if entry.author == host.device]
    assert [entry.seq for entry in own] == [1, 2]
    assert host.node.intake.state(LogId(bob.key.author, LOG_ID)).head.seq == 2


async def test_two_at_once_do_not_both_get_the_last_use(host):
    _, secret = await host.grant(uses=1)
    bob, eve = host.stranger(), host.stranger()
    codes = []

    async def join(who):
        codes.append((await who.join(secret))[0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(join, bob)
        nursery.start_soon(join, eve)
    assert sorted(codes, key=str) == [messages.USED_UP, None]
    assert sum(host.standing(each.key.author) is Standing.MEMBER for each in (bob, eve)) == 1


async def test_of_one_address_only_so_many_join_in_a_minute(host, monkeypatch):
    monkeypatch.setattr(guests_room, "_origin", lambda ip: ("one office", False))
    _, secret = await host.grant(uses=50)
    codes = [(await host.stranger().join(secret))[0] for _ in range(guests_room.MAX_JOINS_FROM_ONE + 1)]
    assert codes == [None] * guests_room.MAX_JOINS_FROM_ONE + [messages.TOO_MANY_GUESTS]


async def test_in_all_only_so_many_join_in_a_minute(host):
    _, secret = await host.grant(uses=50)
    codes = [(await host.stranger().join(secret))[0] for _ in range(guests_room.MAX_JOINS + 1)]
    assert codes == [None] * guests_room.MAX_JOINS + [messages.TOO_MANY_GUESTS]


async def test_who_only_knocks_is_counted_too(host, monkeypatch):
    monkeypatch.setattr(guests_room, "_origin", lambda ip: ("one office", False))
    answers = []
    for _ in range(guests_room.MAX_VISITS_FROM_ONE + 1):
        stream = await host.stranger().visit()
        with trio.fail_after(PATIENCE_S):
            await stream.send(messages.Knock(NETWORK[:16], bytes(32)))
            answers.append((await stream.receive()).code)
            await stream.close()
    assert answers == [messages.UNKNOWN] * guests_room.MAX_VISITS_FROM_ONE + [messages.TOO_MANY_GUESTS]


@pytest.mark.parametrize(
    ("ip", "origin"),
    [
        ("192.0.2.7", ("192.0.2.7", False)),
        ("127.0.0.1", ("127.0.0.1", True)),
        ("::1", ("::/64", True)),
        ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", False)),
        ("2001:db8:1:2:ffff::1", ("2001:db8:1:2::/64", False)),
        ("elsewhere", ("elsewhere", False)),
    ],
)
def test_guests_count_for_where_they_come_from(ip, origin):
    assert guests_room._origin(ip) == origin


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        (messages.MAX_MESSAGE_BYTES + 1).to_bytes(4, "big"),
        bytes(4),
        frame(b"\xc1"),
        frame(b"\x91\x06"),
        frame(b"GET / HTTP/1.1\r\n\r\n"),
    ],
)
async def test_who_breaks_the_rules_is_reset_and_the_node_goes_on(host, data):
    stream = await host.stranger().visit()
    await stream._stream.send_all(data)
    with trio.fail_after(PATIENCE_S), pytest.raises(NotConnected):
        await stream.receive()
    _, secret = await host.grant()
    assert (await host.stranger().join(secret))[0] is None


async def test_who_is_cut_in_the_middle_of_a_message_takes_nothing_along(host):
    stream = await host.stranger().visit()
    await stream._stream.send_all(frame(messages.encode_message(messages.Knock(NETWORK[:16], bytes(32))))[:9])
    with trio.fail_after(PATIENCE_S):
        await stream.close()
    _, secret = await host.grant()
    assert (await host.stranger().join(secret))[0] is None


async def test_a_guest_who_says_nothing_is_cut_off(host, monkeypatch):
    monkeypatch.setattr(guests_room, "VISIT_S", 0.2)
    stream = await host.stranger().visit()
    with trio.fail_after(PATIENCE_S), pytest.raises(NotConnected):
        await stream.receive()


async def test_a_guest_gets_no_entries_and_is_no_peer(host):
    _, secret = await host.grant()
    eve = host.stranger()
    stream = await eve.visit()
    await stream.send(messages.Knock(NETWORK[:16], invite_key(secret).author))
    with trio.fail_after(PATIENCE_S):
        assert isinstance(await stream.receive(), messages.Challenge)
    assert host.node.mesh.connected() == []
    assert host.standing(eve.key.author) is Standing.UNKNOWN
    await stream.close()


async def test_a_device_that_was_shut_out_is_no_guest(host):
    _, secret = await host.grant()
    bob = host.stranger()
    await bob.join(secret)
    certificate = host.node.intake.state(LogId(bob.key.author, LOG_ID)).head
    other = host.stranger()
    other.root = bob.root
    visit = Returning(NETWORK[:16], host.device, other.key.author, bob.root)
    assert (await other.talk(visit, lambda chartered: [other.certificate()]))[0] is None
    cut = make_cut(bob.key.author, [LogEnd(LOG_ID, certificate.seq, certificate.id)])
    body = compose_cut(os.urandom(SALT_BYTES), cut, bob.root.sign(cut_message(NETWORK, cut.encode())))
    head = host.node.intake.state(LogId(other.key.author, LOG_ID)).head
    entry = sign(other.key, NETWORK, LOG_ID, 2, head.id, body, now_ms())
    await host.node.intake.ingest([(entry,)], other.key.author, each_signature=True)
    assert host.standing(bob.key.author) is Standing.FORMER
    with pytest.raises(Unreachable):
        await bob.visit()
