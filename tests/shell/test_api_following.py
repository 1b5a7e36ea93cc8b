"""Following the feed: each post once, however and whenever it comes; and nothing is done while none comes."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
import trio
import trio.testing

from node.limits import BUS_CHANGES, FOLLOW_BATCH, HIDE_AHEAD_MS
from node.queries import Queries, now_ms
from node.social.following import Following
from node.social.sources import TimelineSource
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person, people
from store.entry import Entry
from store.ids import LOG_DOCS, to_text

DEADLINE_S = 60


@asynccontextmanager
async def node_with(*friends: Person) -> AsyncIterator[Node]:
    with trio.fail_after(DEADLINE_S), temporary_home("alice", friends) as home:
        async with running(home) as node:
            yield node


class Follower:
    """A task that follows, and what it was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._moved = trio.Event()

    async def run(self, node: Node, **wanted: object) -> None:
        async with aclosing(node.api.social.read(follow=True, **wanted)) as posts:  # type: ignore[arg-type]
            async for shown in posts:
                self.texts.append(shown["text"])
                self._moved.set()
                self._moved = trio.Event()

    async def until(self, text: str) -> None:
        """Wait until it was told a text."""
        while text not in self.texts:
            await self._moved.wait()


@asynccontextmanager
async def following(node: Node, **wanted: object) -> AsyncIterator[Follower]:
    """A follower that knows what is there already, the last of which is a post of ours."""
    await node.api.social.post("begin")
    follower, begun = Follower(), trio.Event()
    begin = Following.begin

    def noted(self: Following) -> object:
        shown = begin(self)
        trio.from_thread.run_sync(begun.set)
        return shown

    async with trio.open_nursery() as nursery:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Following, "begin", noted)
            nursery.start_soon(lambda: follower.run(node, **wanted))
            await begun.wait()
        if not wanted:
            await follower.until("begin")
        yield follower
        nursery.cancel_scope.cancel()


async def give(node: Node, *entries: Entry) -> None:
    await node.intake.ingest([entries], entries[0].author, each_signature=False)


async def give_body(node: Node, entry: Entry) -> None:
    assert entry.body is not None
    assert await node.intake.ingest_body(entry.id, entry.body, entry.author)


async def test_posts_are_told_as_they_come_after_those_that_were_there() -> None:
    async with node_with() as node:
        await node.api.social.post_lines([f"old {number}" for number in range(5)])
        async with following(node, limit=3) as follower:
            for number in range(3):
                await node.api.social.post(f"new {number}")
            await follower.until("new 2")
            assert follower.texts == ["old 3", "old 4", "begin", "new 0", "new 1", "new 2"]


async def test_a_burst_larger_than_every_queue_is_told_whole_and_once() -> None:
    bob = Person("bob")
    async with node_with(bob) as node, following(node) as follower:
        count = 5 * FOLLOW_BATCH + 7
        posts = bob.posts(count)
        for start in range(0, 1_000, 2):
            await give(node, *posts[start : start + 2])
        assert node.intake.commits > BUS_CHANGES
        for start in range(1_000, count, 700):
            await give(node, *posts[start : start + 700])
        await follower.until(f"bob says {count - 1}")
        assert sorted(follower.texts) == sorted(["begin", *(f"bob says {number}" for number in range(count))])


async def test_what_comes_while_a_follower_begins_is_told_once() -> None:
    async with node_with() as node:
        told: list[list[str]] = [[] for _ in range(6)]

        async def follow(texts: list[str]) -> None:
            async with aclosing(node.api.social.read(follow=True, limit=1_000)) as posts:
                async for shown in posts:
                    texts.append(shown["text"])
                    if shown["text"] == "end":
                        return

        async with trio.open_nursery() as nursery:
            for number in range(60):
                if number % 10 == 5:
                    nursery.start_soon(follow, told[number // 10])
                await node.api.social.post(f"post {number}")
            await node.api.social.post("end")
        for texts in told:
            assert texts == [f"post {number}" for number in range(60)] + ["end"]


async def test_a_post_whose_body_comes_later_is_told_when_it_comes() -> None:
    bob = Person("bob")
    async with node_with(bob) as node:
        before, early = bob.post("before"), bob.post("early")
        await give(node, before.without_body(), early)
        async with following(node) as follower:
            late, after = bob.post("late"), bob.post("after")
            await give(node, late.without_body(), after)
            await follower.until("after")
            assert follower.texts == ["early", "begin", "after"]
            await give_body(node, late)
            await follower.until("late")
            await give_body(node, before)
            await follower.until("before")
            await give_body(node, before)
            await node.api.social.post("end")
            await follower.until("end")
            assert follower.texts == ["early", "begin", "after", "late", "before", "end"]


async def test_a_body_that_is_fetched_again_is_not_told_again() -> None:
    bob = Person("bob")
    async with node_with(bob) as node, following(node) as follower:
        post = bob.post("said once")
        await give(node, post)
        await follower.until("said once")
        node.home.shelf.drop_body(post.id)
        await give_body(node, post)
        await node.api.social.post("end")
        await follower.until("end")
        assert follower.texts == ["begin", "said once", "end"]


async def test_more_missing_bodies_than_a_batch_keep_nobody_busy() -> None:
    bob = Person("bob")
    async with node_with(bob) as node:
        posts = bob.posts(FOLLOW_BATCH + 50)
        await give(node, *(post.without_body() for post in posts))
        steps, rests = 0, trio.Event()
        step = Following.step

        def counted(self: Following) -> object:
            nonlocal steps
            steps += 1
            made = step(self)
            if made.is_last:
                trio.from_thread.run_sync(rests.set)
            return made

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Following, "step", counted)
            async with following(node) as follower:
                await rests.wait()
                quiet = steps
                await trio.testing.wait_all_tasks_blocked(0.3)
                assert steps == quiet
                await give_body(node, posts[0])
                await give_body(node, posts[-1])
                await follower.until(f"bob says {FOLLOW_BATCH + 49}")
                await follower.until("bob says 0")


async def test_commits_that_bring_no_entry_wake_nobody() -> None:
    bob = Person("bob")
    async with node_with(bob) as node, following(node):
        await node.intake.note_checked(bob.log_id(), 1)
        queries = Queries(node.home).social
        follower = Following(queries.look, TimelineSource(queries, queries.wanted_posts()))
        follower.begin()
        while not follower.step().is_last:
            pass
        assert not follower.has_news()
        await node.api.social.post("news")
        assert follower.has_news()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (lambda bob, carol: {"author": "bob"}, ["bob: bread", "bob: wine", "bob: answer"]),
        (lambda bob, carol: {"search": "bread"}, ["bob: bread", "carol: bread"]),
        (lambda bob, carol: {"search": "bread", "author": "bob"}, ["bob: bread"]),
        (lambda bob, carol: {"since_ms": carol.time_ms}, ["carol: bread", "bob: answer"]),
        (lambda bob, carol: {"replies_to": to_text(carol.id)}, ["bob: answer"]),
    ],
    ids=["author", "search", "search of author", "since", "replies"],
)
async def test_only_what_is_wanted_is_told(
    wanted: Callable[..., dict[str, object]], expected: list[str]
) -> None:
    bob, carol = people(("bob", "carol"))
    said = [
        bob.post("bob: bread", time_ms=1_000),
        carol.post("carol: wine", time_ms=1_500),
        bob.post("bob: wine", time_ms=2_000),
        carol.post("carol: bread", time_ms=3_000_000),
    ]
    said.append(bob.post("bob: answer", [said[3].id], time_ms=3_000_001))
    said.append(bob.write([33, "bread", "", "text/plain", "bread"], LOG_DOCS))
    asked = wanted(said[0], said[3])
    async with node_with(bob, carol) as node, following(node, limit=0, **asked) as follower:
        for entry in said:
            await give(node, entry)
        await follower.until(expected[-1])
        await trio.testing.wait_all_tasks_blocked(0.1)
        assert follower.texts == expected


async def test_search_tells_posts_that_are_older_than_many_that_have_the_words_too() -> None:
    bob, carol = people(("bob", "carol"))
    async with node_with(bob, carol) as node:
        await give(
            node, *(carol.post("bread", time_ms=now_ms() + number) for number in range(FOLLOW_BATCH + 5))
        )
        async with following(node, search="bread", limit=0) as follower:
            await give(
                node, *(bob.post(f"old bread {number}", time_ms=1_000 + number) for number in range(30))
            )
            await follower.until("old bread 29")
            assert follower.texts == [f"old bread {number}" for number in range(30)]


async def test_a_post_from_the_future_is_told_when_its_time_has_come() -> None:
    bob, carol = people(("bob", "carol"))
    async with node_with(bob, carol) as node:
        waiting = bob.post("waiting already", time_ms=now_ms() + HIDE_AHEAD_MS + 1_000)
        await give(node, waiting)
        async with following(node) as follower:
            soon = carol.post("soon", time_ms=now_ms() + HIDE_AHEAD_MS + 700)
            answer = carol.post("answer to it", [soon.id], now_ms())
            far = carol.post("far", time_ms=now_ms() + 2 * HIDE_AHEAD_MS)
            await give(node, soon, answer, far)
            await node.api.social.post("today")
            await follower.until("today")
            assert follower.texts == ["begin", "today"]
            await follower.until("answer to it")
            await follower.until("waiting already")
            assert sorted(follower.texts[2:]) == ["answer to it", "soon", "waiting already"]


async def test_a_follower_that_ends_leaves_nothing_behind() -> None:
    async with node_with() as node:
        await node.api.social.post("one")
        living = []
        for _ in range(2):  # in the first round the node's own tasks begin
            for _ in range(100):
                async with aclosing(node.api.social.read(follow=True)) as posts:
                    async for shown in posts:
                        assert shown["text"] == "one"
                        break
            living.append(trio.lowlevel.current_statistics().tasks_living)
        assert living[0] == living[1]
        async with following(node) as follower:
            assert follower.texts == ["one", "begin"]


async def test_many_followers_are_told_the_same() -> None:
    async with node_with() as node, trio.open_nursery() as nursery:
        followers = [Follower() for _ in range(20)]
        for follower in followers:
            nursery.start_soon(follower.run, node)
        for number in range(20):
            await node.api.social.post(f"post {number}")
        for follower in followers:
            await follower.until("post 19")
            assert follower.texts == [f"post {number}" for number in range(20)]
        nursery.cancel_scope.cancel()
