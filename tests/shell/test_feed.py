"""The queues between the peers' streams and the keeper."""

import gc
from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock as Clock

from gossip.ledger import Ledger
from gossip.net.feed import Feed
from gossip.net.memory_keeper import MemoryKeeper
from gossip.proto import events, limits
from gossip.proto.admission import Everyone
from gossip.proto.events import Piece, Token, Verdict
from node.testing.people import NETWORK, Person, people
from store.ids import AuthorId

BOB, CAROL = AuthorId(b"b" * 32), AuthorId(b"c" * 32)


class SlowKeeper(MemoryKeeper):
    """Takes a second for each call, and notes them."""

    def __init__(self) -> None:
        super().__init__(Ledger(NETWORK, Everyone()))
        self.calls: list[tuple[AuthorId, int, bool]] = []

    async def ingest(
        self, pieces: Sequence[Piece], source: AuthorId, *, each_signature: bool
    ) -> list[Verdict]:
        self.calls.append((source, len(pieces), each_signature))
        await trio.sleep(1.0)
        return await super().ingest(pieces, source, each_signature=each_signature)


class Desk:
    def __init__(self, nursery: trio.Nursery) -> None:
        self.keeper = SlowKeeper()
        self.given: list[events.Event] = []
        self.feed = Feed(self.keeper, nursery, self.given.append)

    def deliver(self, token: int, source: AuthorId, *pieces: Piece, each: bool = True) -> None:
        self.feed.deliver(events.Deliver(Token(token), source, pieces, each))

    def tokens(self) -> list[int]:
        return [event.token for event in self.given if isinstance(event, events.Judged)]


@pytest.fixture
def desk(nursery: trio.Nursery) -> Desk:
    return Desk(nursery)


@pytest.fixture
def alice() -> Person:
    return people(["alice"])[0]


async def test_what_one_peer_delivers_is_judged_in_order_and_together(
    autojump_clock: Clock, desk: Desk, alice: Person
) -> None:
    posts = alice.posts(6)
    desk.deliver(1, BOB, posts[:1])
    await trio.sleep(0.5)
    desk.deliver(2, BOB, posts[1:2], posts[2:3])
    desk.deliver(3, BOB, posts[3:4])
    desk.deliver(4, BOB, posts[4:5], each=False)
    desk.deliver(5, BOB, posts[5:6])
    await trio.sleep(10.0)
    assert desk.keeper.calls == [(BOB, 1, True), (BOB, 3, True), (BOB, 1, False), (BOB, 1, True)]
    assert desk.tokens() == [1, 2, 3, 4, 5]
    assert desk.keeper.ledger.store.count() == 6


async def test_peers_do_not_wait_for_each_other(autojump_clock: Clock, desk: Desk, alice: Person) -> None:
    posts = alice.posts(2)
    desk.deliver(1, BOB, posts[:1])
    desk.deliver(2, CAROL, posts[:1])
    await trio.sleep(1.1)
    assert sorted(desk.tokens()) == [1, 2]


async def test_a_peer_that_comes_back_finds_its_old_count(
    autojump_clock: Clock, desk: Desk, alice: Person
) -> None:
    posts = alice.posts(limits.INFLOW_ENTRIES + 1)
    desk.deliver(1, BOB, *((post,) for post in posts))
    gc.collect()
    with trio.move_on_after(0.5) as waited:
        await desk.feed.inflow(BOB).wait_for_room()
    assert waited.cancelled_caught
    await desk.feed.inflow(BOB).wait_for_room()
    assert desk.tokens() == [1]


async def test_all_readers_of_a_peer_go_on_when_there_is_room(
    autojump_clock: Clock, desk: Desk, alice: Person, nursery: trio.Nursery
) -> None:
    went_on: list[int] = []

    async def wait(number: int) -> None:
        await desk.feed.inflow(BOB).wait_for_room()
        went_on.append(number)

    desk.deliver(1, BOB, *((post,) for post in alice.posts(limits.INFLOW_ENTRIES + 1)))
    for number in range(3):
        nursery.start_soon(wait, number)
        await trio.testing.wait_all_tasks_blocked()
    assert went_on == []
    await trio.sleep(5.0)
    assert sorted(went_on) == [0, 1, 2]


async def test_evidence_counts_while_the_keeper_has_it(autojump_clock: Clock, desk: Desk) -> None:
    inflow = desk.feed.inflow(BOB)
    with desk.feed.weighing(BOB, limits.INFLOW_ENTRIES * limits.INFLOW_ENTRY_BYTES):
        with trio.move_on_after(0.5) as waited:
            await inflow.wait_for_room()
        assert waited.cancelled_caught
    await inflow.wait_for_room()


async def test_nothing_is_left_of_peers_that_are_gone(
    autojump_clock: Clock, desk: Desk, alice: Person
) -> None:
    for number in range(50):
        desk.deliver(number, AuthorId(bytes([number]) * 32), alice.posts(1))
    await trio.sleep(5.0)
    gc.collect()
    assert desk.feed._queues == {}
    assert len(desk.feed._inflows) == 0
