"""Messages between running nodes in one process: sent, received, acknowledged, followed, waited for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest
import trio

from node.errors import BadData, BadRequest, Conflict, Missing, Refused
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, meet
from node.testing.nodes import Node

ALICE, BOB, CAROL = Citizen("Alice"), Citizen("Bob"), Citizen("Carol")
TOWN = found([inception("Lyon", [ALICE]), inception("Berlin", [BOB]), inception("Rome", [CAROL])])
WAIT_S = 60.0

Json = dict[str, Any]


@asynccontextmanager
async def town() -> AsyncIterator[list[Node]]:
    """Three members who know each other and are connected."""
    async with gathering(TOWN, ALICE, BOB, CAROL) as nodes:
        await meet(*nodes)
        for node in nodes:
            for other in nodes:
                if other is not node:
                    node.mesh.peer_added(other.home.device, [other.address])
        await connected(*nodes)
        yield nodes


async def connected(*nodes: Node) -> None:
    """Wait until all have a link to all others: links have no event to wait for."""
    while any(len(node.mesh.connected()) < len(nodes) - 1 for node in nodes):  # noqa: ASYNC110
        await trio.sleep(0.02)


async def shown(stream: Any) -> list[Json]:
    return [each async for each in stream]


async def texts(node: Node, chat: str) -> list[str | None]:
    return [each["text"] for each in await shown(node.api.messaging.chat_read(chat))]


async def until(node: Node, look: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so at a node, which looks again after each step of the messenger."""
    with trio.fail_after(WAIT_S):
        while True:
            news = node.api.messaging.courier.news
            if await look():
                return
            await news.wait()


async def until_read(node: Node, chat: str, count: int) -> list[Json]:
    """The conversation, once it has so many messages."""
    found_: list[Json] = []

    async def look() -> bool:
        with suppress(Missing):
            found_[:] = await shown(node.api.messaging.chat_read(chat))
        return len(found_) >= count

    await until(node, look)
    return found_


async def until_said(node: Node, chat: str, text: str) -> None:
    """Wait until somebody says that."""

    async def look() -> bool:
        with suppress(Missing):
            return text in await texts(node, chat)
        return False

    await until(node, look)


async def until_gone(node: Node, id: str, why: str) -> None:
    """Wait until a message has lost its words."""

    async def look() -> bool:
        return bool((await node.api.messaging.chat_show(id))["gone"] == why)

    await until(node, look)


async def befriend(node: Node, *others: str) -> None:
    """These are no strangers to the owner of a node."""
    for other in others:
        await node.api.social.follow(who=other)


async def settled_state(node: Node, id: str, state: str) -> Json:
    """A message once it is so far."""
    answer = await node.api.messaging.chat_wait(id, state, WAIT_S)
    assert answer["ok"], answer["delivery"]
    return answer


async def test_a_message_comes_to_one_and_is_delivered_and_read() -> None:
    async with town() as [alice, bob, carol]:
        await befriend(bob, "Alice")
        await bob.api.messaging.chat_receipts(True)
        said = await alice.api.messaging.chat_send("Bob", "the kitchen opens at noon")
        assert (said["text"], said["mine"]) == ("the kitchen opens at noon", True)
        assert said["delivery"]["state"] in {"queued", "sent"}, "it may be on its way already"
        answer = await settled_state(alice, said["id"], "delivered")
        assert answer["delivery"]["delivered_to"] == 1
        [message] = await until_read(bob, "Alice", 1)
        assert (message["id"], message["text"], message["unread"]) == (said["id"], said["text"], True)
        [listed] = (await bob.api.messaging.chat_list())["conversations"]
        assert (listed["name"], listed["unread"]) == ("Alice", 1)
        assert await bob.api.messaging.chat_mark("Alice", message["arrived_ms"]) == {"marked": 1}
        await settled_state(alice, said["id"], "read")
        assert (await bob.api.messaging.chat_list())["unread"] == 0
        assert (await carol.api.messaging.chat_list())["conversations"] == []
        [device] = (await alice.api.messaging.chat_show(said["id"]))["devices"]
        assert (device["name"], device["state"]) == ("Bob", "read")


async def test_a_stranger_learns_nothing_until_he_is_accepted() -> None:
    async with town() as [alice, bob, _]:
        said = await alice.api.messaging.chat_send("Bob", "may I ask you something?")
        [message] = await until_read(bob, "Alice", 1)
        [request] = (await bob.api.messaging.chat_list(requests=True))["conversations"]
        assert (request["name"], request["state"]) == ("Alice", "request")
        await bob.api.messaging.chat_mark("Alice", message["arrived_ms"])
        assert not (await alice.api.messaging.chat_wait(said["id"], "delivered", 1.0))["ok"]
        assert (await bob.api.messaging.chat_accept("Alice"))["state"] == "open"
        await settled_state(alice, said["id"], "delivered")
        assert (await bob.api.messaging.chat_list(requests=True))["conversations"] == []


async def test_who_follows_sees_what_comes_and_can_go_on_from_where_he_was() -> None:
    async with town() as [alice, bob, _]:
        await befriend(bob, "Alice")
        messaging = bob.api.messaging
        await alice.api.messaging.chat_send("Bob", "one")
        await until_read(bob, "Alice", 1)
        async with aclosing(messaging.chat_read("Alice", follow=True)) as messages:
            assert (await anext(messages))["text"] == "one"
            await alice.api.messaging.chat_send("Bob", "two")
            with trio.fail_after(WAIT_S):
                second = await anext(messages)
        assert second["text"] == "two"
        await messaging.chat_send("Alice", "mine")
        await alice.api.messaging.chat_send("Bob", "three")
        async with aclosing(messaging.chat_follow(after=second["n"])) as messages:
            with trio.fail_after(WAIT_S):
                assert (await anext(messages))["text"] == "three"
        async with aclosing(messaging.chat_follow("Alice", after=second["n"], own=True)) as messages:
            assert (await anext(messages))["text"] == "mine"


async def test_what_is_answered_found_deleted_and_disappears() -> None:
    async with town() as [alice, bob, _]:
        await befriend(bob, "Alice")
        first = await alice.api.messaging.chat_send("Bob", "will you bring bread?")
        await until_read(bob, "Alice", 1)
        answer = await bob.api.messaging.chat_send("Alice", "yes", reply_to=first["id"])
        assert answer["answers"]["text"] == "will you bring bread?"
        short_lived = await bob.api.messaging.chat_send("Alice", "the code is 1234", expires_s=2)
        found_ = await until_read(alice, "Bob", 3)
        assert found_[1]["answers"]["id"] == first["id"]
        [hit] = await shown(alice.api.messaging.chat_search("BREAD"))
        assert hit["id"] == first["id"]
        with pytest.raises(Refused, match="own messages"):
            await alice.api.messaging.chat_delete([answer["id"]], for_everyone=True)
        await alice.api.messaging.chat_delete([first["id"]], for_everyone=True)
        assert await shown(alice.api.messaging.chat_search("bread")) == []
        await until_gone(bob, first["id"], "unsent")
        for node in (alice, bob):
            await until_gone(node, short_lived["id"], "expired")
        await alice.api.messaging.chat_delete([answer["id"]])
        assert (await alice.api.messaging.chat_show(answer["id"]))["gone"] == "deleted"
        assert (await bob.api.messaging.chat_show(answer["id"]))["text"] == "yes"


async def test_a_group_hears_its_members_and_not_who_was_removed() -> None:
    async with town() as [alice, bob, carol]:
        await befriend(bob, "Alice", "Carol")
        await befriend(carol, "Alice", "Bob")
        made = await alice.api.messaging.group_create("Bakers", ["Bob", "Carol"])
        assert (made["name"], made["members"]) == ("Bakers", 3)
        await alice.api.messaging.chat_send("Bakers", "welcome")
        for node in (bob, carol):
            await until_said(node, "Bakers", "welcome")
        with pytest.raises(Refused, match="admin"):
            await bob.api.messaging.group_rename("Bakers", "Mine")
        await alice.api.messaging.group_promote("Bakers", "Bob")
        assert (await alice.api.messaging.group_rename("Bakers", "Millers"))["name"] == "Millers"
        await alice.api.messaging.group_remove("Millers", "Carol")

        async def is_out() -> bool:
            return bool((await carol.api.messaging.group_list())["groups"][0]["state"] == "left")

        await until(carol, is_out)
        await alice.api.messaging.chat_send("Millers", "without Carol")
        await until_said(bob, "Millers", "without Carol")
        [group] = (await carol.api.messaging.group_list())["groups"]
        assert "without Carol" not in await texts(carol, group["conversation"])
        with pytest.raises(Refused, match="no member"):
            await carol.api.messaging.chat_send(group["conversation"], "am I in?")
        people = (await bob.api.messaging.group_members("Millers"))["people"]
        assert [(each["name"], each["admin"]) for each in people] == [("Alice", True), ("Bob", True)]
        assert (await bob.api.messaging.group_leave("Millers"))["state"] == "left"


async def test_a_number_is_confirmed_only_for_the_root_that_was_shown() -> None:
    async with town() as [alice, bob, _]:
        mine = await alice.api.messaging.chat_verify("Bob")
        assert mine["number"] == (await bob.api.messaging.chat_verify("Alice"))["number"]
        with pytest.raises(Conflict):
            await alice.api.messaging.chat_confirm("Bob", "a" * 52)
        with pytest.raises(BadData):
            await alice.api.messaging.chat_confirm("Bob", "?")
        assert (await alice.api.messaging.chat_confirm("Bob", mine["root"]))["verified"]
        assert not (await alice.api.messaging.chat_confirm("Bob", mine["root"], off=True))["verified"]


async def test_who_is_blocked_is_not_heard() -> None:
    async with town() as [alice, bob, carol]:
        await befriend(bob, "Alice", "Carol")
        await bob.api.messaging.chat_block("Alice")
        await alice.api.messaging.chat_send("Bob", "hear me")
        await carol.api.messaging.chat_send("Bob", "hello")
        assert [each["text"] for each in await until_read(bob, "Carol", 1)] == ["hello"]
        with pytest.raises(Refused, match="blocked"):
            await bob.api.messaging.chat_send("Alice", "no")
        await bob.api.messaging.chat_unblock("Alice")
        await alice.api.messaging.chat_send("Bob", "and now?")
        [message] = await until_read(bob, "Alice", 1)
        assert message["text"] == "and now?"


async def test_one_of_many_sent_at_once_is_refused_and_the_others_go() -> None:
    async with town() as [alice, bob, _]:
        await befriend(bob, "Alice")
        refused: list[Exception] = []

        async def send(text: str) -> None:
            try:
                await alice.api.messaging.chat_send("Bob", text)
            except BadData as error:
                refused.append(error)

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(send, f"number {number}" if number != 4 else "\ud800")
        assert len(refused) == 1
        came = {each["text"] for each in await until_read(bob, "Alice", 9)}
        assert came == {f"number {number}" for number in range(10) if number != 4}


async def test_what_cannot_be_sent_or_waited_for_is_said() -> None:
    async with town() as [alice, bob, _]:
        messaging = alice.api.messaging
        with pytest.raises(BadData, match="nothing to send"):
            await messaging.chat_send("Bob", " ")
        with pytest.raises(BadData, match="disappears"):
            await messaging.chat_send("Bob", "x", expires_s=10**9)
        with pytest.raises(Missing, match="Nobody"):
            await messaging.chat_send("Zoe", "x")
        note = await messaging.chat_send("Alice", "a note")
        said = await messaging.chat_send("Bob", "x")
        with pytest.raises(BadData, match="another conversation"):
            await messaging.chat_send("Bob", "x", reply_to=note["id"])
        with pytest.raises(BadRequest, match="waits for"):
            await messaging.chat_wait(said["id"], "eaten", 1.0)
        await befriend(bob, "Alice")
        [message] = await until_read(bob, "Alice", 1)
        with pytest.raises(BadRequest, match="this device sent"):
            await bob.api.messaging.chat_wait(message["id"], "sent", 1.0)
