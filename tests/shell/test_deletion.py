"""Deleting, among nodes: what goes where, whenever deletion and target come, and who may."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

from gossip.proto.messages import DELETED, EXPIRED, HELD, NOT_HELD
from node.errors import BadRequest, Missing, Refused
from node.testing.homes import befriend, temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.entry import Entry
from store.ids import LOG_DELETIONS, EntryId, from_text, to_text
from store.log import LogId
from store.sqlite.bodies_gone import LET_GO, Drop

DEADLINE_S = 60
SALT = bytes(16)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for threads, which no clock of ours moves on."""
    while not condition():  # noqa: ASYNC110 (there is nothing to be told by)
        await trio.sleep(0.01)


def body_of(node: Node, entry_id: EntryId) -> bytes | None:
    return node.home.entries.entry(entry_id).body


def is_gone(node: Node, entry_id: EntryId) -> bool:
    return node.home.shelf.why_gone(entry_id) is not None


async def post(node: Node, text: str) -> EntryId:
    answer = await node.api.social.post(text)
    return EntryId(from_text(answer["id"]))


async def carried_out(node: Node) -> None:
    """Wait until everything that came was looked at."""
    await node.intake.settled()
    await until(lambda: node.api.deletion.executor.is_idle)


@asynccontextmanager
async def one_node() -> AsyncIterator[tuple[Node, Person, Person]]:
    """A node with two friends who are no nodes."""
    with trio.fail_after(DEADLINE_S), temporary_home("host") as home:
        bob, carol = Person("bob"), Person("carol")
        befriend(home, (bob, carol))
        async with running(home) as node:
            yield node, bob, carol


async def give(node: Node, *entries: Entry) -> None:
    for entry in entries:
        await node.intake.ingest([(entry,)], entry.author, each_signature=True)


def deletion(person: Person, *targets: EntryId) -> Entry:
    return person.write([96, "a slip"], LOG_DELETIONS, targets)


# One node, whatever the order.


async def test_a_target_goes_when_its_deletion_comes() -> None:
    async with one_node() as (node, bob, _):
        said = bob.post("a slip")
        await give(node, said, deletion(bob, said.id))
        await until(lambda: is_gone(node, said.id))
        assert body_of(node, said.id) is None
        assert [answer async for answer in node.api.social.read()] == []


async def test_a_target_that_comes_after_its_deletion_is_never_kept() -> None:
    async with one_node() as (node, bob, _):
        said, other = bob.post("a slip"), bob.post("no slip")
        await give(node, deletion(bob, said.id))
        await carried_out(node)
        await give(node, said, other)
        assert body_of(node, said.id) is None, "from the first moment on"
        assert body_of(node, other.id) == other.body
        await until(lambda: is_gone(node, said.id))
        assert await node.intake.missing_bodies(9) == []


async def test_a_body_that_comes_later_than_its_header_is_not_kept() -> None:
    async with one_node() as (node, bob, _):
        said = bob.post("a slip")
        await give(node, said.without_body(), deletion(bob, said.id))
        await until(lambda: is_gone(node, said.id))
        assert said.body is not None
        assert await node.intake.ingest_body(said.id, said.body, bob.id)
        assert body_of(node, said.id) is None


async def test_what_was_missed_is_found_at_the_start() -> None:
    with trio.fail_after(DEADLINE_S), temporary_home("host") as home:
        bob = Person("bob")
        befriend(home, (bob,))
        said, late = bob.post("a slip"), bob.post("another")
        home.shelf.append(
            [(said,), (deletion(bob, said.id), deletion(bob, late.id))], checked=True, durable=False
        )
        home.shelf.append([(late,)], checked=True, durable=False)
        async with running(home) as node:
            await until(lambda: is_gone(node, said.id) and is_gone(node, late.id))
            assert body_of(node, said.id) is body_of(node, late.id) is None


async def test_who_asks_for_a_deleted_body_is_told_by_what() -> None:
    async with one_node() as (node, bob, carol):
        said, kept, old = bob.post("a slip"), bob.post("no slip"), carol.post("long ago")
        gone = deletion(bob, said.id)
        await give(node, said, kept, old, gone)
        await until(lambda: is_gone(node, said.id))
        node.home.shelf.drop_bodies([Drop(node.home.entries.key_of(old.id), LET_GO, None)])
        answers = await node.intake.read_bodies([said.id, kept.id, old.id, EntryId(bytes(32))])
        assert [answer[1:] for answer in answers] == [
            (DELETED, gone.id),
            (HELD, kept.body),
            (EXPIRED, b""),
            (NOT_HELD, b""),
        ]


async def test_a_deletion_that_goes_leaves_its_target_missing() -> None:
    async with one_node() as (node, bob, _):
        said = bob.post("no slip at all")
        await give(node, said, deletion(bob, said.id))
        await until(lambda: is_gone(node, said.id))
        node.home.shelf.truncate(bob.log_id(LOG_DELETIONS), 0)
        assert await node.intake.missing_bodies(9) == [said.id]
        assert said.body is not None
        assert await node.intake.ingest_body(said.id, said.body, bob.id)
        assert body_of(node, said.id) == said.body


async def test_a_search_finds_nothing_of_what_was_deleted() -> None:
    async with one_node() as (node, bob, _):
        said = bob.post("mangelwurzel")
        await give(node, said)
        index = node.home.search()
        await trio.to_thread.run_sync(index.catch_up)
        assert index.search("mangelwurzel", 9)
        await give(node, deletion(bob, said.id))
        await until(lambda: is_gone(node, said.id))
        await trio.to_thread.run_sync(index.catch_up)
        assert not index.search("mangelwurzel", 9)


# Who may not.


async def test_nobody_deletes_what_another_said() -> None:
    async with one_node() as (node, bob, carol):
        said = bob.post("it stays")
        forged = deletion(carol, said.id)
        await give(node, said, forged)
        await carried_out(node)
        assert body_of(node, said.id) == said.body
        status = await node.api.deletion.delete_status(to_text(said.id))
        assert [each["counts"] for each in status["deletions"]] == [False]
        assert status["of"] == 0


async def test_a_forged_deletion_that_comes_first_keeps_nothing_away() -> None:
    async with one_node() as (node, bob, carol):
        said = bob.post("it stays")
        await give(node, deletion(carol, said.id))
        await carried_out(node)
        await give(node, said)
        await carried_out(node)
        assert body_of(node, said.id) == said.body


async def test_a_deletion_of_a_deletion_deletes_nothing() -> None:
    async with one_node() as (node, bob, _):
        said = bob.post("a slip")
        first = deletion(bob, said.id)
        await give(node, said, first, deletion(bob, first.id))
        await until(lambda: is_gone(node, said.id))
        await carried_out(node)
        assert body_of(node, first.id) == first.body


async def test_of_a_deletion_that_names_both_only_ones_own_goes() -> None:
    async with one_node() as (node, bob, carol):
        of_bob, of_carol = bob.post("it stays"), carol.post("a slip")
        await give(node, of_bob, of_carol, deletion(carol, of_bob.id, of_carol.id))
        await until(lambda: is_gone(node, of_carol.id))
        assert body_of(node, of_bob.id) == of_bob.body


async def test_what_is_refused_says_why_and_writes_nothing() -> None:
    async with one_node() as (node, bob, _):
        said = bob.post("it stays")
        mine = await post(node, "a slip")
        await give(node, said)
        api = node.api.deletion
        with pytest.raises(Refused, match="not by you"):
            await api.delete([to_text(mine), to_text(said.id)])
        with pytest.raises(Missing):
            await api.delete(["aaaaaaaaaa"])
        with pytest.raises(BadRequest):
            await api.delete([])
        assert node.intake.state(LogId(node.home.device, LOG_DELETIONS)) is None
        made = await api.delete([to_text(mine)])
        with pytest.raises(Refused, match="deleted already"):
            await api.delete([to_text(mine)])
        with pytest.raises(Refused, match="kept whole"):
            await api.delete([made["deletions"][0]["id"]])


@pytest.mark.parametrize("seed", range(6))
async def test_in_whatever_order_it_comes_the_same_is_left(seed: int) -> None:
    async with one_node() as (node, bob, carol):
        said, kept, hers = bob.post("a slip"), bob.post("no slip"), carol.post("it stays")
        first = deletion(bob, said.id, hers.id)
        pieces = [(said, kept), (hers,), (first, deletion(bob, first.id)), (deletion(carol, kept.id),)]
        Random(seed).shuffle(pieces)
        for piece in pieces:
            await node.intake.ingest([piece], piece[0].author, each_signature=True)
            if seed % 2:
                await carried_out(node)
        await until(lambda: is_gone(node, said.id))
        await carried_out(node)
        assert [body_of(node, entry.id) for entry in (said, kept, hers)] == [None, kept.body, hers.body]
        assert [is_gone(node, entry.id) for entry in (said, kept, hers)] == [True, False, False]
        assert await node.intake.missing_bodies(9, again=True) == []


async def test_views_that_are_made_anew_are_the_same_without_what_was_deleted() -> None:
    async with one_node() as (node, bob, _):
        said, lacking = bob.post("a slip"), bob.post("not here yet")
        await give(node, said, lacking.without_body(), deletion(bob, said.id))
        await until(lambda: is_gone(node, said.id))
        await carried_out(node)
        before = node.home.entries.view_digests()
        node.home.shelf.rebuild(lambda key: None)
        assert node.home.entries.view_digests() == before
        assert await node.intake.missing_bodies(9) == [lacking.id]


async def test_a_body_that_nobody_has_is_not_asked_for_again_at_once() -> None:
    async with one_node() as (node, bob, _):
        lacking = bob.post("not here yet").without_body()
        await give(node, lacking)
        assert await node.intake.missing_bodies(9) == [lacking.id]
        await node.intake.note_absent([lacking.id, EntryId(bytes(32))])
        assert await node.intake.missing_bodies(9) == []
        assert await node.intake.missing_bodies(9, again=True) == [lacking.id], "of somebody new"


async def test_files_that_only_a_deleted_entry_named_go_with_it_from_its_authors_node(tmp_path: Path) -> None:
    async with one_node() as (node, _, _):
        for name, text in (("alone.txt", b"named once"), ("shared.txt", b"named twice")):
            (tmp_path / name).write_bytes(text)
        alone = await node.api.sharing.attach(str(tmp_path / "alone.txt"))
        shared = await node.api.sharing.attach(str(tmp_path / "shared.txt"))
        paths = [str(tmp_path / "alone.txt"), str(tmp_path / "shared.txt")]
        first = await node.api.social.post("both", attach=paths)
        second = await node.api.social.post("one of them", attach=paths[1:])
        await node.api.deletion.delete([first["id"]])
        await carried_out(node)
        assert node.home.blobs.state(alone.blob) is None
        assert node.home.blobs.state(shared.blob) is not None
        await node.api.deletion.delete([second["id"]])
        await carried_out(node)
        assert node.home.blobs.state(shared.blob) is None
