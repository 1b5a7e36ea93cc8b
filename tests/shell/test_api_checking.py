"""Checking everything: what is damaged is found, told, and fetched again from peers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from gossip.net.memory import MemoryNet
from node.errors import DamagedHome
from node.home import Home
from node.queries import Queries
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person, chain_after, spoiled
from store.entry import Entry
from store.ids import LOG_DOCS, to_text

DEADLINE_S = 60


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that know each other."""
    with (
        trio.fail_after(DEADLINE_S),
        temporary_home("alice") as first,
        temporary_home("bob") as second,
    ):
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(first, net) as alice, running(second, net) as bob:
                await bob.api.peer_add(address=alice.address)
                await alice.api.peer_add(address=bob.address)
                yield alice, bob
            nursery.cancel_scope.cancel()


def flip(home: Home, entry: Entry, column: str, bit: int) -> None:
    """Flip a bit of what is stored, behind the store's back."""
    key = home.entries.key_of(entry.id)
    with home.database.write() as connection:
        [(value,)] = connection.execute(f"SELECT {column} FROM entries WHERE k = ?", (key,)).fetchall()
        assert isinstance(value, bytes)
        data = bytearray(value)
        data[bit // 8] ^= 1 << bit % 8
        connection.execute(f"UPDATE entries SET {column} = ? WHERE k = ?", (bytes(data), key)).fetchall()


async def check(node: Node) -> dict[str, object]:
    *progress, result = [event async for event in node.api.check()]
    assert all(event["event"] == "progress" and event["done"] <= event["total"] for event in progress)
    assert result.pop("event") == "result"
    return result


def check_offline(home: Home) -> dict[str, object]:
    return list(Queries(home).check())[-1]


def place(entry: Entry, why: str) -> dict[str, object]:
    log = "feed" if entry.log == 2 else "docs"
    return {"author": to_text(entry.author), "log": log, "seq": entry.seq, "why": why}


async def test_a_sound_home_is_told_so() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        posts = [post if post.seq % 5 else post.without_body() for post in bob.posts(2_500)]
        home.shelf.append([posts], checked=False, durable=False)
        home.shelf.drop_body(posts[0].id)
        async with running(home) as node:
            assert await check(node) == {
                "entries": 2_502,
                "bodies": 2_001,
                "logs": 3,
                "bad": [],
                "repaired": 0,
                "ok": True,
            }
            assert await node.api.log_verify() == {"logs": 3, "entries": 2_502, "bad": []}
            assert await node.api.log_verify("bob", "feed") == {"logs": 1, "entries": 2_500, "bad": []}


async def test_damaged_bodies_are_fetched_again_from_a_peer() -> None:
    async with pair() as (alice, bob):
        said = await alice.api.social.post_lines([f"bread {number}" for number in range(20)])
        version = await alice.api.drafting.doc_put("plan", "text")
        assert await bob.api.wait(DEADLINE_S, id=version["id"]) == {"ok": True}
        assert await bob.api.wait(DEADLINE_S, id=said["ids"][-1]) == {"ok": True}
        entries = {to_text(entry.id): entry for entry in held(bob.home, alice.home)}
        damaged = [entries[said["ids"][3]], entries[said["ids"][17]], entries[version["id"]]]
        for number, entry in enumerate(damaged):
            flip(bob.home, entry, "body", 8 * 16 + number)
        found = await check(bob)
        assert (found["ok"], found["repaired"]) == (False, 3)
        assert found["bad"] == [place(entry, "its body does not fit its hash") for entry in damaged]
        while bob.home.shelf.missing_bodies(1):
            await bob.intake.changed(bob.intake.commits)
        mended = {**found, "bodies": found["bodies"] + 3, "bad": [], "repaired": 0, "ok": True}
        assert await check(bob) == mended
        shown = [each["text"] async for each in bob.api.social.read(search="bread")]
        assert shown == [f"bread {number}" for number in range(20)]
        assert (await bob.api.drafting.doc_show("plan"))["text"] == "text"


def held(home: Home, author: Home) -> list[Entry]:
    """What a home holds of another's feed and documents."""
    logs = [log_id for log_id in home.entries.logs() if log_id.author == author.device]
    return [entry for log_id in logs for entry in home.entries.range(log_id, 1, 10**6, 2**30)]


async def test_without_a_peer_a_damaged_body_is_missing_from_then_on() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        posts = bob.posts(5)
        home.shelf.append([posts], checked=True, durable=False)
        flip(home, posts[2], "body", 200)
        async with running(home) as node:
            found = await check(node)
            assert (found["repaired"], found["bodies"]) == (1, 6)
            assert home.shelf.missing_bodies(9) == [posts[2].id]
            assert [shown["seq"] async for shown in node.api.social.read()] == [1, 2, 4, 5]
            assert (await check(node))["ok"]
            assert posts[2].body is not None
            assert await node.intake.ingest_body(posts[2].id, posts[2].body, bob.id)
            assert [shown["seq"] async for shown in node.api.social.read()] == [1, 2, 3, 4, 5]


def test_without_a_daemon_damage_is_only_reported() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        posts = bob.posts(3)
        home.shelf.append([posts], checked=True, durable=False)
        flip(home, posts[1], "body", 0)
        for _ in range(2):
            found = check_offline(home)
            assert found["bad"] == [place(posts[1], "its body does not fit its hash")]
            assert (found["repaired"], found["ok"]) == (0, False)
        assert home.shelf.missing_bodies(9) == []


@pytest.mark.parametrize("bit", [0, 8 * 3, 8 * 40, 8 * 100, 8 * 150])
async def test_a_damaged_header_is_found_and_ends_nothing_else(bit: int) -> None:
    bob, carol = Person("bob"), Person("carol")
    with temporary_home("alice", [bob, carol]) as home:
        posts, others = bob.posts(5), carol.posts(5)
        home.shelf.append([posts, others], checked=True, durable=False)
        flip(home, posts[2], "head", bit)
        async with running(home) as node:
            found = await check(node)
            bad = found["bad"]
            assert isinstance(bad, list)
            assert not found["ok"]
            assert 3 in {each["seq"] for each in bad}
            assert {each["author"] for each in bad} == {to_text(bob.id)}
            assert (await node.api.log_verify("carol"))["bad"] == []
            assert len([shown async for shown in node.api.social.read(author="carol")]) == 5
            await node.api.social.post("the node goes on")


async def test_a_log_whose_middle_cannot_be_read_says_so_when_it_is_shown() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        posts = bob.posts(5)
        home.shelf.append([posts], checked=True, durable=False)
        flip(home, posts[2], "head", 0)
        async with running(home) as node:
            assert [each["seq"] async for each in node.api.log_show("bob", "feed", last=2)] == [1, 2]
            with pytest.raises(DamagedHome, match="cannot be read"):
                _ = [each async for each in node.api.log_show("bob", "feed")]
            assert [each["seq"] async for each in node.api.social.read()] == [1, 2, 4, 5]


async def test_an_entry_with_a_wrong_signature_is_blamed_and_not_the_one_after_it() -> None:
    bob = Person("bob")
    first = bob.post("first")
    bad = spoiled(bob.sign_at(2, first.id, [1, "bad", ""]))
    after = chain_after(bob, bad, ["after", "more"])
    with temporary_home("alice", [bob]) as home:
        home.shelf.append([(first, bad, *after)], checked=False, durable=False)
        async with running(home) as node:
            answer = await node.api.log_verify("bob")
            assert answer["bad"] == [place(bad, "its signature does not fit")]
            assert answer["entries"] == 3
        assert check_offline(home)["bad"] == [place(bad, "its signature does not fit")]


async def test_a_log_that_ends_while_it_is_checked_is_not_bad() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        posts = bob.posts(2_500)
        home.shelf.append([posts], checked=True, durable=False)
        rival = chain_after(bob, posts[1_100], ["rival"])
        async with running(home) as node:
            events = []
            async for event in node.api.check():
                if not events:
                    await node.intake.ingest([rival], bob.id, each_signature=True)
                events.append(event)
            assert events[-1]["bad"] == []
            [log] = (await node.api.log_list("bob"))["logs"]
            assert log["ended"] == {
                "seq": 1_102,
                "kind": "fork",
                "ids": [to_text(each) for each in sorted((posts[1_101].id, rival[0].id))],
            }
            assert log["entries"] == 1_101


async def test_a_check_may_be_left_in_the_middle() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        home.shelf.append([bob.posts(5_000)], checked=True, durable=False)
        async with running(home) as node:
            for wait_s in (0, 0.001, 0.01, 0.05):
                with trio.move_on_after(wait_s):
                    await check(node)
            assert (await check(node))["ok"]


async def test_documents_with_a_damaged_text_fall_back_until_it_is_here_again() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        first = bob.write([33, "plan", "", "text/plain", "one"], LOG_DOCS)
        second = bob.write([33, "plan", "", "text/plain", "two"], LOG_DOCS, [first.id])
        home.shelf.append([(first, second)], checked=True, durable=False)
        flip(home, second, "body", 150)
        async with running(home) as node:
            assert (await check(node))["repaired"] == 1
            assert (await node.api.drafting.doc_show("plan"))["text"] == "one"
            assert second.body is not None
            await node.intake.ingest_body(second.id, second.body, bob.id)
            assert (await node.api.drafting.doc_show("plan"))["text"] == "two"
