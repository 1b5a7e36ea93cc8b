"""Quotas among nodes: one that keeps little beside one that keeps everything, in peace."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest
import trio

from gossip.net.memory import MemoryNet
from gossip.net.sync_streams import SyncReport
from node.budgets import keeper
from node.budgets.quotas import Allowance, Quotas
from node.errors import BadRequest, Missing
from node.home import Home
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_FEED, to_text
from store.log import LogId
from store.sqlite.bodies_gone import LET_GO
from store.sqlite.home import Peer

DEADLINE_S = 60
PLENTY = 10**12


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for in vain."""
    monkeypatch.setattr(keeper, "REST_S", 0.01)
    monkeypatch.setattr(keeper, "QUIET_S", 0.05)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for threads, which no clock of ours moves on."""
    while not condition():  # noqa: ASYNC110 (there is nothing to be told by)
        await trio.sleep(0.02)


def allow(node: Node, texts: int = PLENTY, headers: int = PLENTY) -> None:
    """Let each member take so much from now on."""
    quotas = Quotas(Allowance(texts, headers), Allowance(PLENTY, PLENTY), {}, {})
    node.api._queries.budgets.quotas = lambda: quotas  # type: ignore[method-assign]
    node.api.budgets.keeper._quotas = lambda: quotas
    node.api.budgets.keeper.quotas_changed()


@asynccontextmanager
async def two(*friends: Person) -> AsyncIterator[tuple[Node, Node]]:
    """A hub and a laptop that are connected, and both let these people in."""
    with trio.fail_after(DEADLINE_S), ExitStack() as stack:
        hub_home, laptop_home = (stack.enter_context(temporary_home(name)) for name in ("hub", "laptop"))
        for home, other in ((hub_home, laptop_home), (laptop_home, hub_home)):
            for device in (other.device, *(friend.id for friend in friends)):
                home.tables.put_peer(Peer(device, "", (), "", 0))
            home.reload_peers()
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(hub_home, net, hub=True) as hub, running(laptop_home, net) as laptop:
                laptop.mesh.peer_added(hub_home.device, [hub.address])
                await until(lambda: hub_home.device in laptop.mesh.connected())
                yield hub, laptop
            nursery.cancel_scope.cancel()


def bodies(home: Home, person: Person) -> list[bool]:
    return [entry.body is not None for entry in home.entries.range(person.log_id(), 1, 10**6, 10**9)]


def held(node: Node, person: Person) -> int:
    state = node.intake.state(person.log_id())
    return 0 if state is None or state.head is None else state.head.seq


async def synced(node: Node, other: Node) -> SyncReport:
    async with aclosing(node.mesh.sync([other.home.device])) as session:
        async for news in session:
            if isinstance(news, SyncReport):
                return news
    raise AssertionError("a sync ends with a report")


def posts(person: Person, count: int) -> tuple[Entry, ...]:
    return tuple(person.post("x" * 1_000) for _ in range(count))


async def give(node: Node, *entries: Entry) -> None:
    await node.intake.ingest([entries], entries[0].author, each_signature=True)


async def test_the_oldest_texts_go_and_nobody_asks_for_them_again() -> None:
    bob = Person("bob")
    async with two(bob) as (hub, laptop):
        allow(laptop, texts=10_000)
        await give(hub, *posts(bob, 20))
        await until(lambda: held(laptop, bob) == 20)
        await until(lambda: sum(bodies(laptop.home, bob)) <= 9)
        kept = bodies(laptop.home, bob)
        assert kept == sorted(kept), "the newest stay"
        assert 8 <= sum(kept) <= 9
        assert all(bodies(hub.home, bob))
        first = laptop.home.entries.range(bob.log_id(), 1, 1, 1)[0]
        assert laptop.home.shelf.why_gone(first.id) == (LET_GO, None)
        assert await laptop.intake.missing_bodies(9, again=True) == []
        for one, other in ((laptop, hub), (hub, laptop)):
            report = await synced(one, other)
            assert report.ended.ok
            assert (report.ended.rounds, report.ended.entries_received) == (1, 0)
        assert bodies(laptop.home, bob) == kept


async def test_what_comes_new_pushes_out_what_is_old() -> None:
    bob = Person("bob")
    async with two(bob) as (hub, laptop):
        allow(laptop, texts=10_000)
        for _ in range(4):
            await give(hub, *posts(bob, 5))
            await until(lambda: held(laptop, bob) == held(hub, bob))
        await until(lambda: sum(bodies(laptop.home, bob)) <= 9)
        assert bodies(laptop.home, bob)[-1]


async def test_our_own_texts_stay_and_those_of_others_do_not_pay_for_one() -> None:
    bob, carol = Person("bob"), Person("carol")
    async with two(bob, carol) as (_, laptop):
        for _ in range(20):
            await laptop.api.social.post("x" * 1_000)
        await give(laptop, *posts(carol, 5))
        await give(laptop, *posts(bob, 20))
        allow(laptop, texts=10_000)
        await until(lambda: sum(bodies(laptop.home, bob)) <= 9)
        assert all(bodies(laptop.home, carol))
        own = laptop.home.entries.range(LogId(laptop.home.device, LOG_FEED), 1, 99, 10**6)
        assert all(entry.body is not None for entry in own)


async def test_a_larger_quota_has_texts_come_back_the_newest_first() -> None:
    bob = Person("bob")
    async with two(bob) as (hub, laptop):
        allow(laptop, texts=10_000)
        await give(hub, *posts(bob, 20))
        await until(lambda: held(laptop, bob) == 20 and sum(bodies(laptop.home, bob)) <= 9)
        allow(laptop, texts=17_500)
        while sum(bodies(laptop.home, bob)) < 14:
            laptop.mesh.ask_for_bodies(await laptop.intake.missing_bodies(99, again=True))
            await trio.sleep(0.02)
        kept = bodies(laptop.home, bob)
        assert kept == sorted(kept)
        assert sum(kept) <= 17


async def test_who_has_filled_his_bound_is_carried_no_further_in_peace() -> None:
    bob = Person("bob")
    async with two(bob) as (hub, laptop):
        await give(hub, *posts(bob, 20))
        await until(lambda: held(laptop, bob) == 20)
        allow(laptop, headers=2_000)
        await until(lambda: laptop.home.allowed.bounds.is_full(bob.log_id()))
        await give(hub, *posts(bob, 20))
        for one, other in ((laptop, hub), (hub, laptop)):
            report = await synced(one, other)
            assert report.ended.ok
            assert (report.ended.entries_received, report.ended.entries_sent) == (0, 0)
        assert held(laptop, bob) == 20
        assert await laptop.api.budgets.quota_show()
        status = await trio.to_thread.run_sync(laptop.api._queries.status)
        assert len(status["at_quota"]) == 1
        allow(laptop)
        await until(lambda: held(laptop, bob) == 40)


async def test_of_who_has_filled_his_bound_deletions_still_come() -> None:
    bob = Person("bob")
    async with two(bob) as (hub, laptop):
        said = posts(bob, 20)
        await give(hub, *said)
        await until(lambda: held(laptop, bob) == 20)
        allow(laptop, headers=2_000)
        await until(lambda: laptop.home.allowed.bounds.is_full(bob.log_id()))
        await give(hub, bob.write([96, ""], LOG_DELETIONS, [said[3].id]))
        await until(lambda: not bodies(laptop.home, bob)[3])


async def test_a_node_that_is_full_gives_what_it_holds_to_who_lacks_it() -> None:
    bob = Person("bob")
    async with two(bob) as (hub, laptop):
        said = posts(bob, 20)
        allow(laptop, headers=2_000)
        await laptop.intake.ingest([said], bob.id, each_signature=True)
        await until(lambda: held(hub, bob) == 20)
        await until(lambda: laptop.home.allowed.bounds.is_full(bob.log_id()))
        assert (await synced(hub, laptop)).ended.ok


async def test_quotas_are_chosen_and_shown() -> None:
    bob = Person("bob")
    async with two(bob) as (_, laptop):
        await give(laptop, *posts(bob, 3))
        api = laptop.api.budgets
        shown = await api.quota_set(member=to_text(bob.id), texts=2**30)
        assert shown["member"]["texts_quota"] == 512 * 2**20
        seen = api.keeper.looks
        await until(lambda: api.keeper.looks > seen)
        [his] = [each for each in (await api.quota_show())["members"] if each["exception"]]
        assert his["texts_quota"] == 2**30
        assert his["texts_bytes"] > 3_000
        await api.quota_set(member="all", headers=2**30)
        assert (await api.quota_show())["member"]["headers_quota"] == 2**30
        both: dict[str, Any] = {"member": "all", "section": "all", "texts": 2**30}
        nothing: list[dict[str, Any]] = [{}, {"member": "all"}, both]
        for wrong in nothing:
            with pytest.raises(BadRequest):
                await api.quota_set(**wrong)
        with pytest.raises(Missing):
            await api.quota_set(member="nobody", texts=2**30)
        with pytest.raises(Missing):
            await api.quota_set(section="nowhere", texts=2**30)
