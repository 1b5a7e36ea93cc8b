"""Whom one follows, pages of timelines, searches, and what is told as it comes: two nodes of two sections."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
import trio

from node.errors import BadData, BadRequest, Missing
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, meet
from node.testing.nodes import Node

ALICE, CAROL = Citizen("Alice"), Citizen("Carol")
TOWN = found([inception("Lyon", [ALICE]), inception("Berlin", [CAROL])])
NOBODY = "a" * 52

Json = dict[str, Any]


@asynccontextmanager
async def town() -> AsyncIterator[list[Node]]:
    """Alice of Lyon and Carol of Berlin, who know each other."""
    async with gathering(TOWN, ALICE, CAROL) as nodes:
        await meet(*nodes)
        yield nodes


async def listed(stream: Any) -> list[Json]:
    return [shown async for shown in stream]


async def texts(stream: Any) -> list[str | None]:
    return [shown["text"] for shown in await listed(stream)]


async def post(node: Node, text: str, **given: Any) -> str:
    said = await node.api.social.post(text, **given)
    return str(said["id"])


async def test_whom_one_follows_is_shown_by_who_by_section_and_by_topic() -> None:
    async with town() as [alice, carol]:
        await post(carol, "of berlin")
        await post(carol, "about #bread")
        await post(alice, "mine")
        await meet(alice, carol)
        social = alice.api.social
        assert await texts(social.timeline(following=True)) == ["mine"]
        await social.follow(topic="#Bread")
        assert await texts(social.timeline(following=True)) == ["about #bread", "mine"]
        await social.follow(section="Berlin")
        assert await texts(social.timeline(following=True)) == ["of berlin", "about #bread", "mine"]
        await social.mute(who="Carol")
        assert await texts(social.timeline(following=True)) == ["mine"]
        assert await texts(social.timeline()) == ["mine"]
        assert await texts(social.timeline(author="Carol")) == ["of berlin", "about #bread"]
        await social.unmute(who="Carol")
        await social.mute(topic="bread")
        assert await texts(social.timeline()) == ["of berlin", "mine"]
        assert await texts(social.timeline(topics=["bread"])) == ["about #bread"]
        assert await texts(social.timeline(section="Berlin")) == ["of berlin"]
        chosen = (await social.choices())["choices"]
        assert [(each["choice"], each["name"]) for each in chosen] == [
            ("follow", "Berlin"),
            ("mute", "#bread"),
        ]
        with pytest.raises(Missing, match="do not follow"):
            await social.unfollow(topic="bread")
        with pytest.raises(BadRequest):
            await social.follow()
        with pytest.raises(BadRequest):
            await social.mute(who="Alice")
        with pytest.raises(BadRequest):
            await social.block(topic="bread")
        with pytest.raises(BadData):
            await social.follow(topic="no topic")


async def test_nothing_of_what_one_chose_leaves_the_home() -> None:
    async with town() as [alice, carol]:
        before = alice.home.entries.count()
        await alice.api.social.block(who="Carol")
        await alice.api.social.follow(topic="bread")
        assert alice.home.entries.count() == before
        assert (await carol.api.social.choices())["choices"] == []


async def test_a_search_finds_what_counts_now_and_says_how_to_open_it() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "the kitchen opens at noon #food", language="en")
        await alice.api.drafting.doc_put("menu.md", "Kitchen: soup\n", title="Menu")
        other = await post(carol, "kitchen of carol")
        await meet(alice, carol)
        hits = await listed(carol.api.social.search("KITCHEN"))
        assert {(each["app"], each["open"]) for each in hits} == {
            ("messages", f"thread {other[:16]}"),
            ("documents", "doc show menu.md"),
            ("messages", f"thread {said[:16]}"),
        }
        narrowed = {
            "author": "alice",
            "topic": "food",
            "language": "en-GB",
            "app": "messages",
            "since_ms": min(each["time_ms"] for each in hits),
        }
        assert [each["id"] for each in await listed(carol.api.social.search("kitchen", **narrowed))] == [said]
        assert await listed(carol.api.social.search("kitchen", app="files")) == []
        paged = await listed(carol.api.social.search("kitchen", limit=2))
        rest = await listed(carol.api.social.search("kitchen", limit=2, before=paged[-1]["hit"]))
        assert [*paged, *rest] == hits
        await alice.api.social.correct(said, "the canteen opens at noon")
        assert len(await listed(alice.api.social.search("kitchen"))) == 2
        [hit] = await listed(alice.api.social.search("canteen"))
        assert (hit["id"], hit["hit"] != said) == (said, True)
        assert await texts(alice.api.social.timeline(search="canteen")) == ["the canteen opens at noon"]
        assert await texts(alice.api.social.timeline(search="kitchen")) == ["kitchen of carol"]
        with pytest.raises(BadData, match="letters"):
            await listed(alice.api.social.search("app", app="letters"))


async def test_the_timeline_comes_in_pages() -> None:
    async with town() as [alice, carol]:
        await alice.api.social.post_lines([f"a {number}" for number in range(30)], topics=["many"])
        await carol.api.social.post_lines([f"c {number}" for number in range(30)])
        await meet(alice, carol)
        for wanted in ({}, {"topics": ["many"]}, {"author": "Carol"}, {"section": "Lyon"}):
            everything = await listed(alice.api.social.timeline(limit=1_000, **wanted))
            seen: list[Json] = []
            before = None
            while page := await listed(alice.api.social.timeline(limit=7, before=before, **wanted)):
                seen = [*page, *seen]
                before = page[0]["id"]
            assert seen == everything
            assert len(everything) == (30 if wanted else 60)
        await alice.api.social.mute(who="Carol")
        page = await listed(alice.api.social.timeline(limit=30))
        assert [each["text"] for each in page] == [f"a {number}" for number in range(30)]


async def test_the_inbox_and_a_search_can_be_followed() -> None:
    async with town() as [alice, carol]:
        await post(alice, "old bread @Carol")
        await meet(alice, carol)
        told = {"inbox": Told(), "search": Told()}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(told["inbox"].hear, carol.api.social.inbox(follow=True))
            nursery.start_soon(told["search"].hear, carol.api.social.search("bread", follow=True))
            for each in told.values():
                await each.until(1)
            await post(alice, "rolls @carol")
            await post(alice, "new bread")
            await meet(alice, carol)
            for each in told.values():
                await each.until(2)
            nursery.cancel_scope.cancel()
        assert told["inbox"].texts == ["old bread @Carol", "rolls @carol"]
        assert told["search"].texts == ["old bread @Carol", "new bread"]


class Told:
    """What a follower was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._moved = trio.Event()

    async def hear(self, stream: Any) -> None:
        async with aclosing(stream) as shown:
            async for each in shown:
                self.texts.append(each.get("text") or each["excerpt"])
                self._moved.set()
                self._moved = trio.Event()

    async def until(self, count: int) -> None:
        """Wait until it was told so much."""
        while len(self.texts) < count:
            await self._moved.wait()
