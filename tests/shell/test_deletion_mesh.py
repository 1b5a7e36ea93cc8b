"""Deleting in a mesh: a hub and two laptops of an open circle, and members with several devices."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

import trio

from gossip.net.memory import MemoryNet
from node.apps.deletion.bodies import compose_deletion
from node.home import Home
from node.looking import Json
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import DEADLINE_S, gathering, homes, join, meet
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from store.ids import LOG_DELETIONS, EntryId, from_text, to_text
from store.log import LogId
from store.sqlite.home import Peer


async def until(condition: Callable[[], Any]) -> None:
    """Wait for threads, which no clock of ours moves on."""
    while not condition():  # noqa: ASYNC110 (there is nothing to be told by)
        await trio.sleep(0.02)


def holds_body(home: Home, entry_id: EntryId) -> bool:
    found = home.entries.headers_of([entry_id])
    return bool(found) and home.entries.entry(entry_id).body is not None


def is_gone(home: Home, entry_id: EntryId) -> bool:
    return bool(home.entries.headers_of([entry_id])) and home.shelf.why_gone(entry_id) is not None


async def post(node: Node, text: str) -> EntryId:
    return EntryId(from_text((await node.api.social.post(text))["id"]))


@asynccontextmanager
async def circle(*names: str) -> AsyncIterator[tuple[MemoryNet, list[Home]]]:
    """Homes that let each other in, and a network."""
    with trio.fail_after(DEADLINE_S), ExitStack() as stack:
        made = [stack.enter_context(temporary_home(name)) for name in names]
        for home in made:
            for name, other in zip(names, made, strict=True):
                if other is not home:
                    home.tables.put_peer(Peer(other.device, name, (), "", 0))
            home.reload_peers()
        async with trio.open_nursery() as nursery:
            yield MemoryNet(nursery), made
            nursery.cancel_scope.cancel()


async def connect(one: Node, other: Node) -> None:
    one.mesh.peer_added(other.home.device, [other.address])
    await until(lambda: other.home.device in one.mesh.connected())


def hub_states(status: Json) -> dict[str, str]:
    return {hub["name"]: hub["state"] for hub in status["hubs"]}


async def test_it_goes_from_the_hub_at_once_and_from_who_was_off_when_he_comes_back() -> None:
    async with (
        circle("hub", "alice", "bob") as (net, (hub_home, alice_home, bob_home)),
        running(hub_home, net, hub=True) as hub,
        running(alice_home, net) as alice,
    ):
        await connect(alice, hub)
        async with running(bob_home, net) as bob:
            await connect(bob, hub)
            slip, kept = await post(alice, "a slip"), await post(alice, "no slip")
            await until(lambda: holds_body(bob_home, slip) and holds_body(bob_home, kept))
        made = await alice.api.deletion.delete([to_text(slip)], "I was wrong")
        assert (made["gone"], made["of"]) == (1, 1)
        assert not holds_body(alice_home, slip)
        assert not holds_body(hub_home, slip)
        assert holds_body(bob_home, slip), "he is off"
        async with running(bob_home, net) as bob:
            await connect(bob, hub)
            await until(lambda: is_gone(bob_home, slip))
            assert holds_body(bob_home, kept)
            status = await bob.api.deletion.delete_status(to_text(slip))
            assert hub_states(status) == {"hub": "gone"}
            assert [each["reason"] for each in status["deletions"]] == ["I was wrong"]


async def test_who_was_never_there_gets_the_header_and_nothing_else() -> None:
    async with (
        circle("hub", "alice", "bob") as (net, (hub_home, alice_home, bob_home)),
        running(hub_home, net, hub=True) as hub,
        running(alice_home, net) as alice,
    ):
        await connect(alice, hub)
        slip = await post(alice, "a slip")
        await alice.api.deletion.delete([to_text(slip)])
        async with running(bob_home, net) as bob:
            await connect(bob, hub)
            await until(lambda: is_gone(bob_home, slip))
            assert await bob.intake.missing_bodies(9) == [], "nothing is asked for in vain"


async def test_a_hub_that_is_not_reached_is_told_from_one_that_said_nothing() -> None:
    async with (
        circle("hub", "other", "alice") as (net, (hub_home, other_home, alice_home)),
        running(hub_home, net, hub=True) as hub,
        running(alice_home, net) as alice,
    ):
        async with running(other_home, net, hub=True) as other:
            await connect(alice, hub)
            await connect(alice, other)
            slip = await post(alice, "a slip")
            await until(lambda: holds_body(other_home, slip))
        await net.cut(alice_home.device, other_home.device)  # one that ends may still be dialled once more
        await until(lambda: other_home.device not in alice.mesh.connected())
        made = await alice.api.deletion.delete([to_text(slip)])
        assert (made["gone"], made["of"]) == (1, 2)
        assert hub_states(made) == {"hub": "gone", "other": "not-reached"}
        net.heal(alice_home.device, other_home.device)
        async with running(other_home, net, hub=True) as other:
            await connect(alice, other)
            await until(lambda: is_gone(other_home, slip))
            receipts = LogId(other_home.device, LOG_DELETIONS)
            await until(lambda: alice.intake.state(receipts) is not None)
            assert (await alice.api.deletion.delete_status(to_text(slip)))["gone"] == 2


async def test_several_deletions_at_once_are_one_receipt() -> None:
    async with (
        circle("hub", "alice") as (net, (hub_home, alice_home)),
        running(hub_home, net, hub=True) as hub,
        running(alice_home, net) as alice,
    ):
        await connect(alice, hub)
        slips = [await post(alice, f"slip {number}") for number in range(20)]
        await until(lambda: holds_body(hub_home, slips[-1]))
        made = await alice.api.deletion.delete([to_text(slip) for slip in slips])
        assert len(made["deletions"]) == 2, "of at most 16 entries each"
        await until(lambda: all(is_gone(hub_home, slip) for slip in slips))
        receipts = LogId(hub_home.device, LOG_DELETIONS)
        await until(lambda: alice.intake.state(receipts) is not None)
        [given] = alice_home.entries.range(receipts, 1, 9, 10**6)
        assert {to_text(link) for link in given.links} == {each["id"] for each in made["deletions"]}


async def test_any_device_of_a_member_deletes_what_another_of_his_wrote() -> None:
    alice = Citizen("Alice")
    charter = found([inception("Lyon", [alice])])
    with trio.fail_after(DEADLINE_S), ExitStack() as stack:
        [laptop_home] = stack.enter_context(homes(charter, [alice]))
        [phone_home] = stack.enter_context(homes(charter, [alice], "phone"))
        async with AsyncExitStack() as nodes:
            laptop = await nodes.enter_async_context(running(laptop_home))
            phone = await nodes.enter_async_context(running(phone_home))
            slip = await post(laptop, "a slip")
            await meet(laptop, phone)
            assert holds_body(phone_home, slip)
            await phone.api.deletion.delete([to_text(slip)])
            assert not holds_body(phone_home, slip)
            await meet(laptop, phone)
            await until(lambda: is_gone(laptop_home, slip))


async def test_one_member_does_not_delete_what_another_wrote() -> None:
    alice, bob = Citizen("Alice"), Citizen("Bob")
    async with gathering(found([inception("Lyon", [alice])]), alice, bob) as (one, other):
        await join(one, other, bob)
        said = await post(one, "it stays")
        await meet(one, other)
        await other.author.write(LOG_DELETIONS, [Intent(compose_deletion("", bytes(16)), (said,))])
        await meet(one, other)
        await until(lambda: one.api.deletion.executor.is_idle and other.api.deletion.executor.is_idle)
        assert holds_body(one.home, said)
        assert holds_body(other.home, said)
        status = await one.api.deletion.delete_status(to_text(said))
        assert [each["counts"] for each in status["deletions"]] == [False]
