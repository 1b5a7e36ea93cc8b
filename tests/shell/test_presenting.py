"""A device shows its passport to a peer whose roster does not know it yet, and is let in."""

import os
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from gossip.net.memory import MemoryNet
from node.federation.bare import NO_NETWORK, invite_key, root_key, root_of
from node.federation.guest_effects import Chartered
from node.federation.inception import Terms
from node.federation.statements import FOR_MEMBERS, Grant, compose_claim, compose_grant, compose_settlement
from node.federation.views import Standing
from node.federation.visiting import make_claim
from node.founding import begin_section, create_home, found_federation, write_own
from node.home import Home, open_home
from node.paths import Paths
from node.running import now_ms
from node.testing.nodes import running
from store.entry import MAX_ID_SEQ, SALT_BYTES
from store.ids import LOG_ID
from store.log import LogId

ALICE, BOB = root_key(bytes(32)), root_key(bytes([1] * 32))
LYON = Terms("Lyon", "", (), (root_of(ALICE),), 1)
CHARTER = found_federation("Federation X", [begin_section(LYON, [ALICE], NO_NETWORK)], None)
NETWORK = CHARTER.network_id()
SECRET = bytes(16)
PATIENCE_S = 60


class World:
    """Alice's laptop, which made an invite, her hub, which may not have heard of it, and Bob, who used it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.laptop = self.make("laptop", ALICE)
        self.hub = self.make("hub", ALICE)
        self.bob = self.make("bob", BOB)

    def make(self, name, root) -> Home:
        create_home(Paths(self._folder / name), name, CHARTER, None, root=root, device_name=name).close()
        return self._stack.enter_context(open_home(Paths(self._folder / name), lambda: None, writing=True))

    def invite(self) -> None:
        """The laptop grants an invite, and Bob claims it at the laptop."""
        state = self.laptop.membership.roster.sections()[0].state
        grant = Grant(state, invite_key(SECRET).author, 1, now_ms() + 3_600_000, FOR_MEMBERS)
        [entry] = write_own(self.laptop, LOG_ID, [compose_grant(os.urandom(SALT_BYTES), grant)])
        chartered = Chartered(CHARTER, NETWORK, bytes(16), entry.id, FOR_MEMBERS)
        claim = make_claim(SECRET, chartered, root_of(BOB), self.bob.device, self.laptop.device)
        write_own(self.bob, LOG_ID, [compose_claim(os.urandom(SALT_BYTES), claim)])

    def settle(self) -> None:
        """The laptop closes the invite without Bob."""
        roster = self.laptop.membership.roster
        [grant] = [entry for entry in log(self.laptop) if entry.seq == 2]
        body = compose_settlement(os.urandom(SALT_BYTES), roster.sections()[0].state, grant.id, [])
        write_own(self.laptop, LOG_ID, [body])


def log(home: Home):
    return tuple(home.entries.range(LogId(home.device, LOG_ID), 1, MAX_ID_SEQ, 2**24))


async def tell(node, *homes: Home) -> None:
    """Have a node take in the `id` logs of these homes."""
    for home in homes:
        await node.intake.ingest([log(home)], home.device, each_signature=True)


@pytest.fixture
def world(tmp_path):
    with ExitStack() as stack:
        yield World(tmp_path, stack)


@asynccontextmanager
async def both_running(world, nursery):
    """The hub and Bob, who knows the laptop and the hub; nobody has told the hub anything yet."""
    net = MemoryNet(nursery)
    async with running(world.hub, net) as hub, running(world.bob, net) as bob:
        await tell(bob, world.laptop, world.hub)
        assert bob.home.membership.standing(bob.home.device) is Standing.MEMBER
        yield hub, bob


async def connected(bob, hub) -> bool:
    """Do the two find each other, however often they have to try?"""
    bob.mesh.peer_added(hub.home.device, (hub.address,))
    with trio.move_on_after(PATIENCE_S):
        while not (bob.mesh.is_connected(hub.home.device) and hub.mesh.is_connected(bob.home.device)):  # noqa: ASYNC110
            await trio.sleep(0.01)
        return True
    return False


async def test_a_hub_that_knows_the_invite_lets_its_user_in(world, nursery):
    world.invite()
    async with both_running(world, nursery) as (hub, bob):
        await tell(hub, world.laptop)
        assert hub.home.membership.standing(bob.home.device) is Standing.UNKNOWN
        assert await connected(bob, hub)
        with trio.fail_after(PATIENCE_S):
            while hub.home.membership.standing(bob.home.device) is not Standing.MEMBER:  # noqa: ASYNC110
                await trio.sleep(0.01)
        await hub.intake.settled()
        assert hub.intake.state(LogId(bob.home.device, LOG_ID)).head.seq == 2


async def test_a_hub_that_has_not_heard_of_the_invite_is_told_what_is_behind_it(world, nursery):
    world.invite()
    async with both_running(world, nursery) as (hub, bob):
        assert hub.intake.state(LogId(world.laptop.device, LOG_ID)) is None
        assert await connected(bob, hub)
        assert hub.intake.state(LogId(world.laptop.device, LOG_ID)).head.seq == 2
        assert hub.home.membership.standing(bob.home.device) is Standing.MEMBER


async def test_a_device_whose_invite_was_settled_without_it_is_not_let_in(world, nursery):
    world.invite()
    async with both_running(world, nursery) as (hub, bob):
        world.settle()
        await tell(hub, world.laptop)
        bob.mesh.peer_added(hub.home.device, (hub.address,))
        with trio.fail_after(PATIENCE_S):
            while not bob.mesh.problem_of(hub.home.device):  # noqa: ASYNC110
                await trio.sleep(0.01)
        assert not hub.mesh.is_connected(bob.home.device)
        assert hub.home.membership.standing(bob.home.device) is Standing.UNKNOWN
