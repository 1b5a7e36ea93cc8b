"""Whom a home looks for: its list, whom it met before, and a hub that will let it in some day."""

import pytest
import trio

from node.federation.bare import NO_NETWORK, root_key, root_of
from node.federation.inception import Terms
from node.federation.views import Standing
from node.founding import begin_section, create_home, found_federation
from node.home import open_home
from node.newcomers import seeking as seeking_room
from node.newcomers.seeking import Seeking
from node.paths import Paths
from node.queries import Queries
from store.crypto import SigningKey
from store.sqlite.home import Peer

ALICE = root_key(bytes(32))
LYON = Terms("Lyon", "", (), (root_of(ALICE),), 1)
CHARTER = found_federation("Federation X", [begin_section(LYON, [ALICE], NO_NETWORK)], None)
HUB = SigningKey(bytes([1] * 32)).author
AT = "/ip4/127.0.0.1/tcp/4711"
LEARNED = "/ip4/127.0.0.1/tcp/4712"
PATIENCE_S = 60


class RecordingMesh:
    """Notes whom it is told to look for."""

    def __init__(self):
        self.told = []
        self.links = []

    def peer_added(self, device, addresses):
        self.told.append(("listed", device, addresses))

    def peer_met(self, device, addresses):
        self.told.append(("met", device, addresses))

    def connected(self):
        return self.links


@pytest.fixture
def home(tmp_path):
    paths = Paths(tmp_path)
    create_home(paths, "Alice", CHARTER, None, root=ALICE).close()
    with open_home(paths, lambda: None, writing=True) as home:
        home.tables.put_peer(Peer(HUB, "hub", (AT,), "", 1))
        home.tables.learn_addresses(HUB, [LEARNED], 2, reached=True)
        yield home


@pytest.fixture
def mesh():
    return RecordingMesh()


@pytest.fixture
def seeking(home, mesh):
    return Seeking(home, mesh, Queries(home))


def test_the_list_is_looked_for_where_it_was_found_last(seeking, mesh):
    seeking.begin()
    assert mesh.told == [("listed", HUB, (AT, LEARNED))]


def test_members_met_before_are_looked_for_too(home, mesh, monkeypatch):
    other = SigningKey(bytes([2] * 32)).author
    home.tables.learn_addresses(other, [LEARNED], 3, reached=True)
    queries = Queries(home)
    monkeypatch.setattr(queries, "reachable", lambda: [HUB, other])
    Seeking(home, mesh, queries).begin()
    assert mesh.told == [("listed", HUB, (AT, LEARNED)), ("met", other, (LEARNED,))]


@pytest.fixture
def quick(monkeypatch):
    """Threads look into the store, so the clock has to be the real one."""
    monkeypatch.setattr(seeking_room, "ALONE_S", 0.02)
    monkeypatch.setattr(seeking_room, "WAITING_S", 0.01)


async def until(condition):
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.005)


async def test_who_is_in_and_has_a_link_leaves_it_to_the_engine(seeking, mesh, autojump_clock):
    mesh.links = [HUB]
    with trio.move_on_after(3 * seeking_room.ALONE_S):
        await seeking.run()
    assert mesh.told == []


async def test_who_has_no_link_tries_the_list_again(seeking, mesh, quick, nursery):
    nursery.start_soon(seeking.run)
    await until(lambda: len(mesh.told) >= 3)
    assert set(mesh.told) == {("listed", HUB, (AT, LEARNED))}


async def test_who_waits_for_endorsements_asks_although_there_is_a_link(
    seeking, home, mesh, quick, nursery, monkeypatch
):
    monkeypatch.setattr(home.membership, "standing", lambda device: Standing.CANDIDATE)
    mesh.links = [HUB]
    nursery.start_soon(seeking.run)
    await until(lambda: len(mesh.told) >= 3)
