"""Packets for others: carried by hubs, and by laptops where there is none; and what a sender is told then."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from gossip.net.memory import MemoryNet
from node.apps.messenger.bodies import box_of
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import DEADLINE_S, homes, meet, together
from node.testing.nodes import Node
from store.entry import Entry
from store.ids import LOG_BOX_0

ALICE, BOB, CAROL, HEDA = (Citizen(name) for name in ("Alice", "Bob", "Carol", "Heda"))
TOWN = found([inception("Lyon", [ALICE]), inception("Berlin", [BOB])])
SQUARE = found([inception("Lyon", [HEDA, ALICE]), inception("Berlin", [BOB]), inception("Rome", [CAROL])])
TRIANGLE = found([inception("Lyon", [ALICE]), inception("Berlin", [BOB]), inception("Rome", [CAROL])])

Json = dict[str, Any]


@asynccontextmanager
async def town(
    people: tuple[Citizen, ...], apart: Iterable[tuple[Citizen, Citizen]], hubs: int = 0
) -> AsyncIterator[list[Node]]:
    """Members who know each other, and are connected but for those that are kept apart."""
    charter = SQUARE if HEDA in people else TRIANGLE
    with trio.fail_after(DEADLINE_S), homes(charter, people) as made:
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            cut = {frozenset((people.index(one), people.index(other))) for one, other in apart}
            for one, other in map(sorted, cut):
                await net.cut(made[one].device, made[other].device)
            async with together(made, net, hubs) as nodes:
                await meet(*nodes)
                for here, node in enumerate(nodes):
                    for there, other in enumerate(nodes):
                        if here < there and frozenset((here, there)) not in cut:
                            node.mesh.peer_added(other.home.device, [other.address])
                            await connected(node, other)
                yield nodes
            nursery.cancel_scope.cancel()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what has no event to wait for: links, interests, and what stands in another node's store."""
    while not is_so():  # noqa: ASYNC110
        await trio.sleep(0.02)


async def connected(node: Node, other: Node) -> None:
    await until(lambda: node.mesh.is_connected(other.home.device))


async def said_to_leave_packets_out(node: Node, other: Node) -> None:
    """Wait until `other` has heard that."""
    await until(lambda: bool(other.mesh.interests()[node.home.device].bare))


def packets(node: Node) -> Iterator[Entry]:
    """What a node holds of the packets of others."""
    for log_id, state in node.home.entries.logs().items():
        if log_id.log >= LOG_BOX_0 and state.head is not None and log_id.author != node.home.device:
            yield from node.home.entries.range(log_id, 1, 1_000, 10**8)


async def befriend(node: Node, other: str) -> None:
    await node.api.social.follow(who=other)


async def delivery(node: Node, id: str) -> Json:
    shown: Json = (await node.api.messaging.chat_show(id))["delivery"]
    return shown


async def sync_all(node: Node) -> None:
    assert all([news["ok"] async for news in node.api.sync() if news["event"] == "result"])


async def test_two_talk_through_a_hub_and_a_third_laptop_holds_no_packets_but_of_its_box() -> None:
    async with town((HEDA, ALICE, BOB, CAROL), [(ALICE, BOB)], hubs=1) as [hub, alice, bob, carol]:
        await until(lambda: all(node.mesh.interest.bare for node in (alice, bob, carol)))
        assert not hub.mesh.interest.bare
        await befriend(bob, "Alice")
        said = await alice.api.messaging.chat_send("Bob", "through the hub")
        assert (await alice.api.messaging.chat_wait(said["id"], "delivered", DEADLINE_S))["ok"]
        [message] = [each async for each in bob.api.messaging.chat_read("Alice")]
        assert message["text"] == "through the hub"
        await until(lambda: len(list(packets(carol))) >= len(list(packets(hub))) > 1)
        own = box_of(carol.home.device)
        assert {(entry.log == own) == (entry.body is not None) for entry in packets(carol)} == {True}
        await until(lambda: all(entry.body is not None for entry in packets(hub)))
        await carol.api.interest.interest_set(boxes="all")
        await until(lambda: all(entry.body is not None for entry in packets(carol)))
        shown = await carol.api.interest.interest_set(boxes="own")
        assert len(shown["without_bodies"]) == 15
        assert all(entry.body is not None for entry in packets(carol)), "what is here stays"


async def test_in_a_circle_without_hubs_a_laptop_carries_for_two_who_never_meet() -> None:
    async with town((ALICE, BOB, CAROL), [(ALICE, BOB)]) as [alice, bob, carol]:
        assert not any(node.mesh.interest.bare for node in (alice, bob, carol))
        await befriend(bob, "Alice")
        said = await alice.api.messaging.chat_send("Bob", "through Carol")
        answer = await alice.api.messaging.chat_wait(said["id"], "delivered", DEADLINE_S)
        assert (answer["ok"], answer["delivery"]["hubs"]) == (True, 0)
        assert all(entry.body is not None for entry in packets(carol))


async def test_a_peer_or_a_hub_that_leaves_out_the_packet_does_not_count() -> None:
    apart = [(HEDA, BOB), (ALICE, BOB), (CAROL, BOB)]
    async with town((HEDA, ALICE, BOB, CAROL), apart, hubs=1) as [hub, alice, bob, carol]:
        own = {box_of(node.home.device) for node in (hub, carol)}
        for node in (hub, carol):
            await node.api.interest.interest_set(boxes="own")
            await said_to_leave_packets_out(node, alice)
        said = await alice.api.messaging.chat_send("Bob", "he is away")
        await sync_all(alice)
        known = await delivery(alice, said["id"])
        if box_of(bob.home.device) not in own:
            assert (known["state"], known["peers"], known["hubs"]) == ("queued", 0, 0)
        await hub.api.interest.interest_set(boxes="all")
        assert (await alice.api.messaging.chat_wait(said["id"], "hub", DEADLINE_S))["ok"]
        known = await delivery(alice, said["id"])
        if box_of(bob.home.device) not in own:
            assert (known["peers"], known["hubs"]) == (1, 1), "Carol is connected and takes no packet for Bob"
