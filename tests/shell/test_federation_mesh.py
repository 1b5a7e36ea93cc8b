"""Several nodes of a federation in one process: in the end they know and carry the same.

Real stores, intakes and engines over a network in memory, on the real clock (threads write the stores).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from itertools import pairwise

import trio

from gossip.net.memory import MemoryNet
from gossip.proto.events import Unwanted, Verdict
from node.federation import statements
from node.federation.bare import invite_key
from node.federation.cuts import LogEnd, make_cut
from node.federation.views import Standing
from node.founding import write_own
from node.home import Home
from node.signing import Intent
from node.testing.citizens import Citizen, Device
from node.testing.federations import Federation
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.entry import SALT_BYTES, Entry
from store.ids import LOG_FEED, LOG_ID, AuthorId, LogNo
from store.log import Head, LogId

DEADLINE_S = 60.0
LOOK_S = 0.02


class Town:
    """Homes of members of one federation, and the nodes over them that run."""

    def __init__(self, homes: ExitStack, nodes: AsyncExitStack, net: MemoryNet) -> None:
        self.federation = Federation()
        self.steward = self.federation.stewards[0][0].citizen
        self.net = net
        self._homes, self._nodes = homes, nodes
        self.hub_home = self._home(self.steward)
        self.known = [self.hub_home]
        """Homes whose devices everybody knows from the start."""
        self.hub: Node

    def _home(self, citizen: Citizen) -> Home:
        charter = self.federation.charter
        home = temporary_home(citizen.name, charter=charter, root=citizen.key)
        return self._homes.enter_context(home)

    def home(self, name: str) -> Home:
        """A home of a member whom the steward has admitted and who knows the steward; before the hub runs."""
        citizen = Citizen(name)
        body = statements.compose_admission(bytes(SALT_BYTES), self.federation.state(), citizen.root)
        write_own(self.hub_home, LOG_ID, [body])
        return self._home(citizen)

    async def run(self, home: Home) -> Node:
        """A node over a home that knows those who are known to everybody."""
        others = [id_log(other) for other in self.known if other is not home]
        home.shelf.append(others, checked=True, durable=True)
        home.fold_members()
        return await self._nodes.enter_async_context(running(home, self.net))

    async def chain(self, *names: str) -> list[Node]:
        """The hub and a node of each of these members, each connected to the next."""
        homes = [self.home(name) for name in names]
        self.known += homes
        self.hub = await self.run(self.hub_home)
        nodes = [self.hub, *[await self.run(home) for home in homes]]
        for one, other in pairwise(nodes):
            other.mesh.peer_added(one.home.device, [one.address])
        await self.until(lambda: all(map(connected, nodes, nodes[1:])))
        return nodes

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that has to happen."""
        with trio.fail_after(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 (the condition looks at several nodes)
                await trio.sleep(LOOK_S)


def connected(one: Node, other: Node) -> bool:
    return one.mesh.is_connected(other.home.device) and other.mesh.is_connected(one.home.device)


def id_log(home: Home) -> list[Entry]:
    return home.entries.range(LogId(home.device, LOG_ID), 1, 4_096, 2**24)


async def say(node: Node, body: bytes) -> Entry:
    """The node's own device says something."""
    [entry] = await node.author.write(LOG_ID, [Intent(body)])
    return entry


async def bring(node: Node, *pieces: Sequence[Entry]) -> list[Verdict]:
    """Somebody who is no peer of the others brings entries to one node."""
    return await node.intake.ingest([tuple(piece) for piece in pieces], STRANGER, each_signature=True)


STRANGER = AuthorId(b"s" * 32)


def head(node: Node, device: Device, log: LogNo = LOG_FEED) -> int:
    state = node.intake.state(LogId(device.id, log))
    return 0 if state is None or state.head is None else state.head.seq


def posts(device: Device, count: int) -> tuple[Person, tuple[Entry, ...]]:
    person = Person("somebody", device.network, device.seed)
    return person, person.posts(count)


def shown(node: Node) -> int:
    with node.home.entries.views() as views:
        return len(views.execute("SELECT k FROM feed_timeline"))


def held(node: Node) -> dict[LogId, tuple[Head | None, bytes]]:
    """What a node holds, as its frontier has it."""
    return {
        log_id: (state.head, b"" if state.evidence is None else state.evidence.digest())
        for log_id, state in node.intake.states().items()
        if state.head is not None or log_id.log != LOG_ID
    }


def agree(nodes: Sequence[Node]) -> bool:
    """Do all of them hold the same, and know the same of everybody?"""
    rosters = {node.home.membership.roster.digest() for node in nodes if node.home.membership is not None}
    return len(rosters) == 1 and all(held(one) == held(other) for one, other in pairwise(nodes))


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    async with trio.open_nursery() as nursery:
        with ExitStack() as homes:
            async with AsyncExitStack() as nodes:
                yield Town(homes, nodes, MemoryNet(nursery))
        nursery.cancel_scope.cancel()


async def invited(place: Town, name: str, uses: int = 1) -> tuple[Device, Entry]:
    """A device that claims an invite of the hub's, and the grant."""
    secret = name.encode().ljust(16)[:16]
    grant = statements.Grant(place.federation.state(), invite_key(secret).author, uses, 2**50, 0)
    entry = await say(place.hub, statements.compose_grant(bytes(SALT_BYTES), grant))
    device = place.federation.newcomer(name)
    device.claim(entry.id, secret, place.hub.home.device)
    return device, entry


async def test_the_logs_of_a_newcomer_spread_though_nobody_knew_him() -> None:
    async with town() as place:
        nodes = await place.chain("bob", "carol", "dave")
        erin, _ = await invited(place, "erin")
        _, feed = posts(erin, 3)
        await bring(place.hub, erin.log)
        await bring(place.hub, feed)
        await place.until(lambda: all(head(node, erin) == 3 for node in nodes))
        await place.until(lambda: agree(nodes))
        assert [shown(node) for node in nodes] == [3] * 4


async def test_what_a_cut_took_away_is_gone_everywhere_and_does_not_come_back() -> None:
    async with town() as place:
        late_home = place.home("late")
        nodes = await place.chain("bob", "carol", "dave")
        far, neighbour = nodes[-1], nodes[-2]
        laptop, _ = await invited(place, "erin")
        thief, feed = posts(laptop, 10)
        await bring(place.hub, laptop.log)
        await bring(place.hub, feed)
        await place.until(lambda: all(head(node, laptop) == 10 for node in nodes))
        for node in nodes[:-1]:
            await place.net.cut(far.home.device, node.home.device)
        phone = place.federation.device(laptop.citizen, "phone")
        ends = [LogEnd(LOG_ID, 2, laptop.log[1].id), LogEnd(LOG_FEED, 4, feed[3].id)]
        phone.cut(make_cut(laptop.id, ends))
        await bring(place.hub, phone.log)
        await place.until(lambda: all(head(node, laptop) == 4 for node in nodes[:-1]))
        assert (head(far, laptop), shown(far)) == (10, 10)
        more = thief.posts(2)
        assert [type(verdict) for verdict in await bring(place.hub, more, feed[4:])] == [Unwanted] * 2
        late = await place.run(late_home)
        late.mesh.peer_added(neighbour.home.device, [neighbour.address])
        place.net.heal(far.home.device, neighbour.home.device)
        far.mesh.peer_added(neighbour.home.device, [neighbour.address])
        late.mesh.peer_added(far.home.device, [far.address])
        everyone = [*nodes, late]
        await place.until(lambda: all(head(node, laptop) == 4 for node in everyone))
        await place.until(lambda: agree(everyone))
        assert [shown(node) for node in everyone] == [4] * 5
        assert not any(node.home.allowed.admits_peer(laptop.id) for node in everyone)


async def test_who_is_settled_out_vanishes_from_every_node() -> None:
    async with town() as place:
        nodes = await place.chain("bob", "carol")
        erin, grant = await invited(place, "erin")
        eve = place.federation.newcomer("eve")
        eve.claim(grant.id, b"erin".ljust(16), place.hub.home.device)
        for device in (erin, eve):
            await bring(place.hub, device.log)
            await bring(place.hub, posts(device, 3)[1])
        await place.until(lambda: all(shown(node) == 6 for node in nodes))
        body = statements.compose_settlement(
            bytes(SALT_BYTES), place.federation.state(), grant.id, [erin.citizen.root]
        )
        await say(place.hub, body)
        await place.until(lambda: all(head(node, eve) == head(node, eve, LOG_ID) == 0 for node in nodes))
        await place.until(lambda: agree(nodes))
        assert [shown(node) for node in nodes] == [3] * 3
        standings = [node.home.allowed.admits_peer(eve.id) for node in nodes]
        assert standings == [False] * 3
        members = [node.home.membership for node in nodes]
        assert {each.standing(erin.id) for each in members if each is not None} == {Standing.MEMBER}


async def test_a_fork_by_which_a_newcomer_came_in_shuts_him_out_everywhere() -> None:
    async with town() as place:
        nodes = await place.chain("bob", "carol", "dave")
        eve, _ = await invited(place, "eve")
        twin = eve.citizen.device(eve.network)
        twin.admit(place.federation.state(), eve.citizen.root)
        await bring(nodes[0], eve.log)
        await place.until(lambda: all(head(node, eve, LOG_ID) == 2 for node in nodes))
        await bring(nodes[-1], twin.log)
        await place.until(lambda: all(head(node, eve, LOG_ID) == 0 for node in nodes))
        await bring(nodes[1], eve.log)
        await bring(nodes[2], twin.log)
        await place.until(lambda: agree(nodes))
        assert all(head(node, eve, LOG_ID) == 0 for node in nodes)
