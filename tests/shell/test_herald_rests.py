"""News of a federation wait until the roster rests, so that who joins is told of by name."""

from collections.abc import Iterator

import pytest
from trio.testing import MockClock

from node import herald as room
from node.herald import Herald
from node.home import Home
from node.testing.citizens import Citizen, Device, found, inception
from node.testing.homes import temporary_home
from store.ids import AuthorId, to_text
from store.sqlite.home import Peer

ALICE, BOB = Citizen("Alice"), Citizen("Bob")
CHARTER = found([inception("Lyon", [ALICE])])


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home("Carol", charter=CHARTER, root=Citizen("Carol").key) as made:
        yield made


def admit(home: Home, steward: Device, root: bytes) -> None:
    assert home.membership is not None
    roster = home.membership.roster
    steward.admit(roster.sections()[0].state, root)  # type: ignore[arg-type]
    roster.add(steward.log[roster.held(steward.id) :])


def test_news_are_told_once_the_roster_rests_or_has_moved_for_long(home: Home) -> None:
    herald = Herald(home, None, None, None, lambda event: None)  # type: ignore[arg-type]
    steward = ALICE.device(CHARTER.network_id())
    assert herald._roster_news() == []
    admit(home, steward, BOB.root)
    assert herald._roster_news() == []
    [news] = herald._roster_news()
    assert (news["event"], news["member"], news["section_name"]) == ("joined", to_text(BOB.root), "Lyon")
    assert herald._roster_news() == []
    told = []
    for number in range(room.NAMES_WAIT):
        admit(home, steward, Citizen(f"member {number}").root)
        told.append(len(herald._roster_news()))
    assert told == [0] * (room.NAMES_WAIT - 1) + [room.NAMES_WAIT]


def test_not_everything_is_told_to_who_hears_of_everything_at_once(home: Home) -> None:
    herald = Herald(home, None, None, None, lambda event: None)  # type: ignore[arg-type]
    steward = ALICE.device(CHARTER.network_id())
    for number in range(room.MAX_TOLD + 5):
        admit(home, steward, Citizen(f"member {number}").root)
    assert herald._roster_news() == []
    assert len(herald._roster_news()) == room.MAX_TOLD
    assert herald._roster_news() == []


class _Mesh:
    """A mesh with these links, and a reason for each that is missing."""

    def __init__(self, *devices: AuthorId) -> None:
        self._devices = list(devices)

    def connected(self) -> list[AuthorId]:
        return self._devices

    def problem_of(self, device: AuthorId) -> str:
        return "connection refused"


async def look_around(home: Home, mesh: _Mesh) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    await Herald(home, None, None, mesh, told.append)._look_around()  # type: ignore[arg-type]
    return told


async def test_who_knows_peers_and_reaches_none_is_told_once(home: Home, autojump_clock: MockClock) -> None:
    peer = BOB.device(CHARTER.network_id()).id
    assert await look_around(home, _Mesh()) == []
    home.tables.put_peer(Peer(peer, "", ("/ip4/127.0.0.1/tcp/1",), "", 0))
    assert await look_around(home, _Mesh(peer)) == []
    assert await look_around(home, _Mesh()) == [{"event": "alone", "why": "connection refused"}]
