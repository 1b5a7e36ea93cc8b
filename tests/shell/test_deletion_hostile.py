"""Those who delete what they should not: thieves, liars, and people who never stop."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from node.apps.deletion import service
from node.budgets import keeper
from node.budgets.quotas import Allowance, Quotas
from node.deletion import executor, receipts
from node.federation.cuts import LogEnd, make_cut
from node.testing.federations import Federation
from node.testing.homes import befriend, temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_DELETIONS, LOG_FEED, LOG_ID, EntryId, to_text
from store.log import LogId

DEADLINE_S = 60
PLENTY = 10**12


@pytest.fixture(autouse=True)
def forgiving(monkeypatch: pytest.MonkeyPatch) -> None:
    """What people say in tests claims to be old, and is answered all the same."""
    monkeypatch.setattr(receipts, "MAX_AGE_MS", 2**60)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for threads, which no clock of ours moves on."""
    while not condition():  # noqa: ASYNC110 (there is nothing to be told by)
        await trio.sleep(0.01)


async def give(node: Node, *entries: Entry) -> None:
    """One after the other, and all that follows from it is done."""
    for entry in entries:
        await node.intake.ingest([(entry,)], entry.author, each_signature=True)
    await node.intake.settled()
    await until(lambda: node.api.deletion.executor.is_idle)


def body_of(node: Node, entry: Entry) -> bytes | None:
    return node.home.entries.entry(entry.id).body


def deletion(person: Person, *targets: EntryId) -> Entry:
    return person.write([96, ""], LOG_DELETIONS, targets)


@asynccontextmanager
async def hub(*friends: Person) -> AsyncIterator[Node]:
    with trio.fail_after(DEADLINE_S), temporary_home("hub") as home:
        befriend(home, friends)
        async with running(home, hub=True) as node:
            await until(lambda: node.api.deletion.executor.is_idle)
            yield node


def given(node: Node) -> list[Entry]:
    """The receipts of a hub."""
    return node.home.entries.range(LogId(node.home.device, LOG_DELETIONS), 1, 10**6, 10**8)


async def test_what_a_thief_deleted_comes_back_once_the_device_is_cut() -> None:
    federation = Federation()
    steward = federation.stewards[0][0]
    stolen = federation.join("bob", federation.invite(steward))
    phone = federation.device(stolen.citizen, "phone")
    thief = Person("bob", federation.network, stolen.seed)
    owner = Person("bob's phone", federation.network, phone.seed)
    with (
        trio.fail_after(DEADLINE_S),
        temporary_home("hub", charter=federation.charter, root=stolen.citizen.key) as home,
    ):
        async with running(home) as node:
            before, on_phone = thief.post("before the theft"), owner.post("on the phone")
            for device in (steward, stolen, phone):
                await give(node, *device.log)
            await give(node, before, on_phone)
            await give(node, deletion(thief, before.id, on_phone.id))
            await until(lambda: body_of(node, before) is None and body_of(node, on_phone) is None)
            known = LogEnd(LOG_ID, len(stolen.log), stolen.log[-1].id)
            phone.cut(make_cut(stolen.id, [known, LogEnd(LOG_FEED, 1, before.id)]))
            await give(node, phone.log[-1])
            await until(lambda: node.intake.state(LogId(stolen.id, LOG_DELETIONS)) is None)
            missing = await node.intake.missing_bodies(9)
            assert set(missing) == {before.id, on_phone.id}, "somebody may hold them yet"
            for entry in (before, on_phone):
                assert entry.body is not None
                assert await node.intake.ingest_body(entry.id, entry.body, steward.id)
                assert body_of(node, entry) == entry.body


async def test_what_the_owner_deleted_too_stays_gone_once_the_device_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "SCAN_ENTRIES", 1)
    federation = Federation()
    steward = federation.stewards[0][0]
    stolen = federation.join("bob", federation.invite(steward))
    phone = federation.device(stolen.citizen, "phone")
    thief = Person("bob", federation.network, stolen.seed)
    owner = Person("bob's phone", federation.network, phone.seed)
    said = [owner.post(f"on the phone {number}") for number in range(4)]
    with (
        trio.fail_after(DEADLINE_S),
        temporary_home("hub", charter=federation.charter, root=stolen.citizen.key) as home,
    ):
        async with running(home) as node:
            for device in (steward, stolen, phone):
                await give(node, *device.log)
            await give(node, *said, deletion(thief, *(entry.id for entry in said)))
            await until(lambda: all(body_of(node, entry) is None for entry in said))
            await give(node, deletion(owner, *(entry.id for entry in said[1:])))
            phone.cut(make_cut(stolen.id, [LogEnd(LOG_ID, len(stolen.log), stolen.log[-1].id)]))
            await give(node, phone.log[-1])
            await until(lambda: node.intake.state(LogId(stolen.id, LOG_DELETIONS)) is None)
            await until(lambda: all(node.home.shelf.why_gone(entry.id) is not None for entry in said[1:]))
            assert await node.intake.missing_bodies(9) == [said[0].id]


async def test_another_deletion_still_holds_when_one_goes() -> None:
    bob = Person("bob")
    async with hub(bob) as node:
        said = bob.post("a slip")
        first, second = deletion(bob, said.id), deletion(bob, said.id)
        await give(node, said, first, second)
        await until(lambda: body_of(node, said) is None)
        node.home.shelf.truncate(bob.log_id(LOG_DELETIONS), 1)
        assert node.home.shelf.why_gone(said.id) is not None


async def test_a_hub_gives_no_receipt_for_what_it_did_not_drop() -> None:
    bob, eve = Person("bob"), Person("eve")
    async with hub(bob, eve) as node:
        said, unseen = bob.post("it stays"), bob.post("never comes")
        await give(node, said)
        await give(node, deletion(eve, said.id), deletion(bob, unseen.id))
        await trio.sleep(receipts.GATHER_S * 2)
        assert given(node) == []
        good = deletion(bob, said.id)
        await give(node, good)
        await until(lambda: given(node))
        assert [entry.links for entry in given(node)] == [(good.id,)]


async def test_whoever_deletes_without_end_holds_up_nobody_elses_receipt() -> None:
    bob, eve = Person("bob"), Person("eve")
    async with hub(bob, eve) as node:
        said, hers = bob.post("a slip"), eve.post("a slip")
        await give(node, said, hers)
        floods = [deletion(eve, hers.id) for _ in range(400)]
        await node.intake.ingest([tuple(floods)], eve.id, each_signature=True)
        good = deletion(bob, said.id)
        await give(node, good)
        await until(lambda: any(good.id in entry.links for entry in given(node)))
        assert len(given(node)) <= receipts.BURST + 1


async def test_an_entry_is_found_among_thousands_of_forged_deletions() -> None:
    bob, eve = Person("bob"), Person("eve")
    async with hub(bob, eve) as node:
        said = bob.post("a slip")
        forged = [deletion(eve, said.id) for _ in range(2_000)]
        await node.intake.ingest([tuple(forged[:1_000])], eve.id, each_signature=False)
        await node.intake.ingest([tuple(forged[1_000:])], eve.id, each_signature=False)
        await give(node, deletion(bob, said.id))
        await give(node, said)
        await until(lambda: node.home.shelf.why_gone(said.id) is not None)
        assert body_of(node, said) is None
        assert len(service.naming(node.home.entries, said.id)) == 2_001


async def test_deletions_without_end_are_ended_by_the_bound_of_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper, "REST_S", 0.01)
    monkeypatch.setattr(keeper, "QUIET_S", 0.05)
    eve = Person("eve")
    async with hub(eve) as node:
        quotas = Quotas(Allowance(PLENTY, 40_000), Allowance(PLENTY, PLENTY), {}, {})
        node.api.budgets.keeper._quotas = lambda: quotas
        node.api.budgets.keeper.quotas_changed()
        targets = [EntryId(number.to_bytes(32, "big")) for number in range(16)]
        for _ in range(30):
            await give(node, deletion(eve, *targets))
        log_id = eve.log_id(LOG_DELETIONS)
        await until(lambda: node.home.allowed.bounds.is_full(log_id))
        state = node.intake.state(log_id)
        assert state is not None
        await give(node, deletion(eve, *targets))
        assert node.intake.state(log_id) == state
        assert not node.home.allowed.bounds.is_full(eve.log_id(LOG_FEED))
        await give(node, eve.post("what I say still comes"))
        assert node.intake.state(eve.log_id()) is not None


async def test_a_deletion_that_was_refused_counts_once_the_roster_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "LOOK_S", 0.02)
    bob, phone = Person("bob"), Person("phone")
    async with hub(bob, phone) as node:
        said = bob.post("a slip")
        await give(node, said, deletion(phone, said.id))
        assert body_of(node, said) is not None

        class Linked:
            """Says from now on that both devices are one member's."""

            version = 7

            def bearer(self, device: bytes) -> bytes:
                return b"bob" if device in (bob.id, phone.id) else device

        node.api.deletion.executor.bearers = Linked()  # type: ignore[assignment]
        await until(lambda: body_of(node, said) is None)


async def test_of_a_status_each_receipt_is_named() -> None:
    bob, liar = Person("bob"), Person("liar")
    async with hub(bob, liar) as node:
        said = bob.post("a slip")
        gone = deletion(bob, said.id)
        await give(node, said, gone, liar.write([97], LOG_DELETIONS, [gone.id]))
        await until(lambda: given(node))
        status = await node.api.deletion.delete_status(to_text(said.id))
        assert {hub["author"] for hub in status["hubs"]} == {to_text(liar.id), to_text(node.home.device)}


async def test_a_hub_that_was_off_gives_the_receipts_that_it_owes_and_none_twice() -> None:
    bob = Person("bob")
    with trio.fail_after(DEADLINE_S), temporary_home("hub") as home:
        befriend(home, (bob,))
        said = bob.post("a slip")
        gone = deletion(bob, said.id)
        home.shelf.append([(said,), (gone,)], checked=True, durable=False)
        async with running(home, hub=True) as node:
            await until(lambda: given(node))
        async with running(home, hub=True) as node:
            await until(lambda: node.api.deletion.executor.is_idle)
            await trio.sleep(receipts.GATHER_S * 2)
            assert [entry.links for entry in given(node)] == [(gone.id,)]
