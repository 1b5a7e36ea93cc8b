"""The bus, the list of who is let in, and the index that follows."""

import pytest
import trio

from gossip.proto.events import Committed
from node.admission import AllowList
from node.bus import LAGGING, Bus
from node.errors import Unavailable
from node.indexing import Indexing
from node.intake import Intake
from node.limits import BUS_CHANGES, INDEX_LAG, MAX_FOLLOWERS
from node.testing.homes import temporary_home
from node.testing.people import Person, people
from store.entry import MAX_SEQ
from store.errors import StorageFull
from store.ids import LOG_FEED
from store.log import LogId

DEADLINE_S = 60


def change(number: int) -> Committed:
    return Committed((Person(f"p{number}").posts(1),), None)


async def test_followers_are_told_what_is_committed_from_then_on() -> None:
    bus = Bus()
    bus.publish(change(0))
    with bus.follow() as one, bus.follow() as other:
        bus.publish(change(1))
        bus.publish(change(2))
    assert [told async for told in one] == [change(1), change(2)]
    assert [told async for told in other] == [change(1), change(2)]


async def test_a_follower_that_does_not_keep_up_is_told_so_once() -> None:
    bus = Bus()
    told = change(1)
    with bus.follow() as slow:
        for _ in range(BUS_CHANGES + 1):
            bus.publish(told)
        bus.publish(told)
    assert [one async for one in slow] == [LAGGING, told]


async def test_the_number_of_followers_is_bounded() -> None:
    bus = Bus()
    follows = [bus.follow() for _ in range(MAX_FOLLOWERS)]
    for follow in follows:
        follow.__enter__()
    with pytest.raises(Unavailable), bus.follow():
        pass
    follows[0].__exit__(None, None, None)
    with bus.follow():
        pass


async def test_a_point_that_was_reached_can_be_waited_for_before_and_after() -> None:
    bus = Bus()
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bus.reached, "committed", 2)
            await trio.lowlevel.checkpoint()
            bus.publish(change(1))
            bus.publish(change(2))
        await bus.reached("committed", 2)


def test_the_list_lets_in_itself_and_those_on_it_and_tells_of_changes() -> None:
    alice, bob, carol, _ = people()
    allowed = AllowList(alice.id, [bob.id])
    calls: list[str] = []
    allowed.listen(lambda: calls.append("changed"))
    assert [allowed.admits_peer(person.id) for person in (alice, bob, carol)] == [True, True, False]
    carried = [allowed.last_carried(LogId(person.id, LOG_FEED)) for person in (alice, bob, carol)]
    assert carried == [MAX_SEQ, MAX_SEQ, 0]
    allowed.replace([bob.id])
    assert calls == []
    allowed.replace([carol.id])
    assert calls == ["changed"]
    assert [allowed.admits_peer(person.id) for person in (alice, bob, carol)] == [True, False, True]


async def test_the_index_follows_what_is_committed() -> None:
    alice = Person("alice")
    with temporary_home("host", [alice]) as home, trio.fail_after(DEADLINE_S):
        intake = Intake(home.shelf, home.network, home.allowed, Bus())
        index = home.search()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(intake.run)
            nursery.start_soon(Indexing(intake, index).run)
            for _ in range(3):
                await intake.ingest([alice.posts(5)], alice.id, each_signature=False)
            while index.behind():
                await trio.to_thread.run_sync(index.index_some)
            nursery.cancel_scope.cancel()
        assert len(index.search("alice", 100)) == 15


async def test_an_index_that_cannot_be_written_does_not_hold_the_intake_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice = Person("alice")
    with temporary_home("host", [alice]) as home, trio.fail_after(DEADLINE_S):
        intake = Intake(home.shelf, home.network, home.allowed, Bus())
        index = home.search()

        def refuse(limit: int = 0) -> int:
            raise StorageFull("full")

        monkeypatch.setattr(index, "index_some", refuse)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(intake.run)
            nursery.start_soon(Indexing(intake, index).run)
            chain = alice.posts(INDEX_LAG + 2_000)
            pieces = [chain[at : at + 1_000] for at in range(0, len(chain), 1_000)]
            await intake.ingest(pieces, alice.id, each_signature=False)
            await intake.ingest([alice.posts(5)], alice.id, each_signature=False)
            nursery.cancel_scope.cancel()
        assert home.shelf.count() == INDEX_LAG + 2_006
