"""The running mesh as people see it: links, and syncs on request. Memory transport, virtual time."""

from random import Random

import pytest
import trio
from trio.testing import MockClock

from gossip.ledger import Ledger
from gossip.net.driver import Driver
from gossip.net.memory import MemoryNet
from gossip.net.memory_keeper import MemoryKeeper
from gossip.net.sync_streams import SyncReport
from gossip.proto.engine import Engine
from node.admission import AllowList
from node.mesh import LinkChange, Mesh
from store.crypto import SigningKey
from store.entry import make_body, sign
from store.frontier import Frontier
from store.ids import LOG_FEED, AuthorId, NetworkId

NETWORK = NetworkId(bytes(32))
STRANGER = SigningKey(b"s" * 32).author


class Node:
    """A mesh over a memory transport."""

    def __init__(self, net: MemoryNet, name: str) -> None:
        self.key = SigningKey(name.encode() * 32)
        self.device = self.key.author
        self.allowed = AllowList(self.device)
        self.transport = net.join(self.device, admit=self.allowed.admits_peer)
        self.keeper = MemoryKeeper(Ledger(NETWORK, self.allowed))
        frontier = Frontier(NETWORK, self.keeper.states())
        engine = Engine(self.device, NETWORK, self.allowed, frontier, random=Random(1), secret=Random(2))
        self.driver = Driver(engine, self.transport, self.keeper)
        self.mesh = Mesh(self.driver, self.transport, hub=False)
        self.allowed.listen(self.mesh.admission_changed)
        self.changes: list[LinkChange] = []

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.driver.run)
            nursery.start_soon(self.mesh.run, self.changes.append)
            task_status.started()

    def publish(self) -> None:
        body = make_body(bytes(16), [1, "hello", ""])
        self.keeper.publish(sign(self.key, NETWORK, LOG_FEED, 1, b"", body, 1_000))

    def let_in(self, *devices: AuthorId) -> None:
        self.allowed.replace(devices)


@pytest.fixture
async def nodes(autojump_clock: MockClock, nursery: trio.Nursery) -> tuple[Node, Node]:
    net = MemoryNet(nursery, latency_s=0.01)
    alice, bob = Node(net, "a"), Node(net, "b")
    for node in (alice, bob):
        await nursery.start(node.run)
    return alice, bob


async def sync(node: Node, *peers: AuthorId) -> list[SyncReport]:
    return [news async for news in node.mesh.sync(peers) if isinstance(news, SyncReport)]


async def test_a_sync_connects_first_and_reports_what_came(
    autojump_clock: MockClock, nodes: tuple[Node, Node]
) -> None:
    alice, bob = nodes
    alice.publish()
    alice.let_in(bob.device)
    bob.let_in(alice.device)
    bob.mesh.peer_added(alice.device, alice.transport.addresses)
    [report] = await sync(bob, alice.device)
    assert report.ended.ok
    assert report.ended.peer == alice.device
    assert bob.keeper.ledger.store.count() == 1
    assert bob.mesh.connected() == [alice.device]
    assert bob.mesh.state_of(alice.device).seen_ms > 0


async def test_a_peer_that_cannot_be_reached_has_its_report_too(
    autojump_clock: MockClock, nodes: tuple[Node, Node]
) -> None:
    alice, bob = nodes
    alice.let_in(bob.device)
    bob.let_in(alice.device, STRANGER)
    bob.mesh.peer_added(alice.device, alice.transport.addresses)
    bob.mesh.peer_added(STRANGER, ("/ip4/10.9.9.9/tcp/4001",))
    reports = await sync(bob, STRANGER, alice.device)
    assert {report.ended.peer: report.ended.ok for report in reports} == {STRANGER: False, alice.device: True}
    [failed] = [report for report in reports if not report.ended.ok]
    assert failed.ended.why


async def test_who_comes_and_goes_is_told(autojump_clock: MockClock, nodes: tuple[Node, Node]) -> None:
    alice, bob = nodes
    alice.let_in(bob.device)
    bob.let_in(alice.device)
    bob.mesh.peer_added(alice.device, alice.transport.addresses)
    await trio.sleep(5)
    bob.let_in()
    await trio.sleep(5)
    assert [(change.device, change.up) for change in bob.changes] == [
        (alice.device, True),
        (alice.device, False),
    ]
    assert bob.mesh.connected() == alice.mesh.connected() == []


async def test_a_sync_that_nobody_waits_for_any_more_leaves_no_listener(
    autojump_clock: MockClock, nodes: tuple[Node, Node]
) -> None:
    alice, bob = nodes
    with trio.move_on_after(1) as patience:
        await sync(bob, alice.device)
    assert patience.cancelled_caught
    await trio.sleep(20)
    alice.let_in(bob.device)
    bob.let_in(alice.device)
    bob.mesh.peer_added(alice.device, alice.transport.addresses)
    [report] = await sync(bob, alice.device)
    assert report.ended.ok
