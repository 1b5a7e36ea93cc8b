"""Publishing and reading through the api: posts, answers, documents, what is refused and how."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio

from node.errors import (
    Ambiguous,
    BadData,
    Conflict,
    DiskFull,
    Missing,
    NodeError,
    NotSigning,
    TextTooLarge,
)
from node.home import Home
from node.queries import now_ms
from node.testing.homes import befriend, temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.ids import LOG_DOCS, from_text, to_text

DEADLINE_S = 60
DAY_MS = 86_400_000


@asynccontextmanager
async def node_of(home: Home) -> AsyncIterator[Node]:
    with trio.fail_after(DEADLINE_S):
        async with running(home) as node:
            yield node


@asynccontextmanager
async def alone() -> AsyncIterator[Node]:
    with temporary_home("alice") as home:
        async with node_of(home) as node:
            yield node


async def read(node: Node, **wanted: object) -> list[dict[str, object]]:
    return [shown async for shown in node.api.social.read(**wanted)]  # type: ignore[arg-type]


async def test_a_post_is_read_as_it_was_written() -> None:
    async with alone() as node:
        said = await node.api.social.post("مرحبا\n  two lines ", language="ar")
        answer = await node.api.social.post("an answer", reply_to=said["id"][:12].upper())
        assert (said["log"], said["seq"], answer["seq"]) == ("feed", 1, 2)
        shown = await read(node)
        assert [each["text"] for each in shown] == ["مرحبا\n  two lines ", "an answer"]
        assert shown[0] == {
            "id": said["id"],
            "author": to_text(node.home.device),
            "member": None,
            "name": "alice",
            "device_name": "",
            "time_ms": said["time_ms"],
            "text": "مرحبا\n  two lines ",
            "log": "feed",
            "seq": 1,
            "reply_to": None,
            "root": None,
            "language": "ar",
            "topics": [],
            "mentions": [],
            "attachments": [],
            "public": False,
            "corrected": None,
            "translation": None,
            "translations": [],
            "reactions": [],
            "answers": 1,
        }
        assert shown[1]["reply_to"] == said["id"]
        assert await read(node, replies_to=said["id"][:10]) == [shown[1]]
        assert await read(node, search="MARHABA") == []
        assert await read(node, search="مرحبا") == [shown[0]]


async def test_many_lines_are_all_published_or_none() -> None:
    async with alone() as node:
        answer = await node.api.social.post_lines([f"line {number}" for number in range(1_200)])
        assert (answer["count"], answer["first_seq"], answer["last_seq"]) == (1_200, 1, 1_200)
        assert len(set(answer["ids"])) == 1_200
        with pytest.raises(BadData, match=r"Line 3: .*Nothing was published"):
            await node.api.social.post_lines(["good", "good", " ", "good"])
        with pytest.raises(TextTooLarge, match="Line 2"):
            await node.api.social.post_lines(["good", "x" * 40_000])
        assert (await node.api.status())["entries"] == 1_202
        assert await node.api.social.post_lines([]) == {
            "count": 0,
            "first_seq": None,
            "last_seq": None,
            "ids": [],
        }


async def test_what_is_not_shown_cannot_be_answered() -> None:
    bob = Person("bob")
    profile = bob.write([64, "bob"], log=6)
    future = bob.post("future", time_ms=now_ms() + 2 * DAY_MS)
    answered = bob.post("an answer to it", [future.id], now_ms())
    later = bob.write([33, "doc", "", "text/plain", "x"], LOG_DOCS, time_ms=now_ms() + 2 * DAY_MS)
    version = bob.write([33, "doc", "", "text/plain", "y"], LOG_DOCS, [later.id], now_ms())
    strange = bob.write([999, "from a newer program"])
    absent = bob.post("absent").without_body()
    plain = bob.write([33, "plain", "", "text/plain", "z"], LOG_DOCS, [], 1_000)
    with temporary_home("alice", [bob]) as home:
        home.shelf.append(
            [[profile], [future, answered, strange, absent], [later, version, plain]],
            checked=True,
            durable=False,
        )
        async with node_of(home) as node:
            for hidden in (future, answered, later, version):
                with pytest.raises(BadData, match="future"):
                    await node.api.social.post("x", reply_to=to_text(hidden.id))
            for unseen in (profile, strange, absent):
                with pytest.raises(BadData, match="neither"):
                    await node.api.social.post("x", reply_to=to_text(unseen.id))
            answer = await node.api.social.post("about the document", reply_to=to_text(plain.id))
            assert [each["id"] for each in await read(node)] == [answer["id"]]


async def test_ids_that_begin_alike_are_ambiguous_and_unknown_ones_missing() -> None:
    async with alone() as node:
        answer = await node.api.social.post_lines([str(number) for number in range(5_000)])
        beginnings: dict[str, str] = {}
        for entry_id in answer["ids"]:
            twin = beginnings.setdefault(entry_id[:4], entry_id)
            if twin != entry_id:
                break
        assert twin != entry_id
        with pytest.raises(Ambiguous) as caught:
            await node.api.social.post("x", reply_to=entry_id[:4])
        assert entry_id[:10] in caught.value.message
        assert twin[:10] in caught.value.message
        with pytest.raises(Missing):
            await node.api.social.post("x", reply_to="a" * 52)
        for wrong in ("", "abc", "1111", "a" * 53, entry_id[:51] + "!"):
            with pytest.raises(BadData):
                await node.api.social.post("x", reply_to=wrong)


async def test_a_document_goes_on_from_the_version_before() -> None:
    async with alone() as node:
        first = await node.api.drafting.doc_put(
            "  Zoe\u0308 ", "one\n", title="Title", media_type="text/markdown"
        )
        assert (first["name"], first["version"], first["follows"]) == ("Zoë", 1, [])
        second = await node.api.drafting.doc_put("Zoë", "two\n")
        assert (second["version"], second["follows"], second["concurrent"]) == (2, [first["id"]], [])
        shown = await node.api.drafting.doc_show("Zoe\u0308")
        assert (shown["title"], shown["media_type"], shown["text"]) == ("Title", "text/markdown", "two\n")
        cleared = await node.api.drafting.doc_put("Zoë", "", title="")
        assert cleared["version"] == 3
        assert (await node.api.drafting.doc_show("Zoë"))["title"] == ""
        diff = await node.api.drafting.doc_diff("Zoë")
        assert (diff["from"], diff["to"]) == (second["id"], cleared["id"])
        assert diff["diff"].endswith("@@ -1 +0,0 @@\n-two\n")
        first_diff = await node.api.drafting.doc_diff("Zoë", to=first["id"])
        assert first_diff["from"] is None
        assert first_diff["diff"].startswith("--- /dev/null\n+++ Zoë")


async def test_two_current_versions_are_shown_and_have_to_be_chosen_from() -> None:
    bob = Person("bob")
    with temporary_home("alice", [bob]) as home:
        async with node_of(home) as node:
            first = await node.api.drafting.doc_put("plan", "a\nb\n", "Plan")
            rival = bob.write(
                [33, "plan", "Plan", "text/plain", "a\nc\n"],
                LOG_DOCS,
                [from_text(first["id"])],  # type: ignore[list-item]
                now_ms() + 5_000,
            )
            await node.intake.ingest([(rival,)], bob.id, each_signature=True)
            mine = await node.api.drafting.doc_put("plan", "a\nd\n", follows=[first["id"]])
            assert mine["concurrent"] == [to_text(rival.id)]
            [document] = (await node.api.drafting.doc_list())["documents"]
            assert document["heads"] == [to_text(rival.id), mine["id"]]
            assert (document["concurrent"], document["author_name"]) == (True, "bob")
            shown = await node.api.drafting.doc_show("plan")
            assert (shown["id"], shown["concurrent"]) == (to_text(rival.id), [mine["id"]])
            diff = await node.api.drafting.doc_diff("plan")
            assert diff["from"] == mine["id"]
            assert diff["diff"].endswith(" a\n-d\n+c\n")
            with pytest.raises(Conflict, match="2 current versions"):
                await node.api.drafting.doc_put("plan", "a\n")
            merged = await node.api.drafting.doc_put(
                "plan", "a\nc\nd\n", follows=[mine["id"][:8], to_text(rival.id)]
            )
            assert (merged["version"], merged["concurrent"]) == (4, [])
            history = (await node.api.drafting.doc_history("plan"))["versions"]
            assert [each["head"] for each in history] == [True, False, False, False]
            assert sorted(history[0]["follows"]) == sorted([mine["id"], to_text(rival.id)])


async def test_versions_put_at_once_make_one_line() -> None:
    async with alone() as node:
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(node.api.drafting.doc_put, "notes", f"text {number}")
        history = (await node.api.drafting.doc_history("notes"))["versions"]
        assert [each["head"] for each in history] == [True] + [False] * 7
        assert all(each["follows"] == [before["id"]] for each, before in pairwise(history))


async def test_a_root_can_be_forced_and_too_many_cannot_be_followed() -> None:
    async with alone() as node:
        roots = [(await node.api.drafting.doc_put("doc", str(n), force_root=True))["id"] for n in range(17)]
        with pytest.raises(TextTooLarge, match="at most 16"):
            await node.api.drafting.doc_put("doc", "merged", follows=roots)
        assert len((await node.api.drafting.doc_put("doc", "merged", follows=roots[:16]))["follows"]) == 16


async def test_a_clock_that_was_wrong_does_not_undo_what_was_published() -> None:
    with temporary_home("alice") as home:
        async with running(home, clock_ms=lambda: now_ms() + 3 * DAY_MS) as node:
            await node.api.drafting.doc_put("doc", "written in the future")
        async with node_of(home) as node:
            answer = await node.api.drafting.doc_put("doc", "written later")
            assert (answer["version"], answer["follows"]) == (1, [])
            with pytest.raises(Missing):
                await node.api.drafting.doc_show("doc")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda api: api.social.post(" \n"), BadData),
        (lambda api: api.social.post("x\ud800"), BadData),
        (lambda api: api.social.post("x", language="not a tag!"), BadData),
        (lambda api: api.social.post("x" * 32_705), TextTooLarge),
        (lambda api: api.social.post("я" * 16_353), TextTooLarge),
        (lambda api: api.drafting.doc_put("", "x"), BadData),
        (lambda api: api.drafting.doc_put("a\nb", "x"), BadData),
        (lambda api: api.drafting.doc_put("x" * 201, "x"), BadData),
        (lambda api: api.drafting.doc_put("x", "x" * 4_194_305), TextTooLarge),
        (lambda api: api.drafting.doc_put("x", "x", title="t" * 301), BadData),
        (lambda api: api.drafting.doc_put("x", "x", media_type="none"), BadData),
        (lambda api: api.drafting.doc_put("x", "x", follows=["aaaa"]), Missing),
        (lambda api: api.drafting.doc_put("x", "x", follows=["?"]), BadData),
        (lambda api: api.drafting.doc_show("nothing"), Missing),
        (lambda api: api.drafting.doc_list(search="!?"), BadData),
        (lambda api: api.drafting.doc_list(search="word " * 40), TextTooLarge),
        (lambda api: api.log_list("nobody"), Missing),
        (lambda api: api.log_verify(log="no-log"), BadData),
        (lambda api: api.log_verify("alice", "mail"), Missing),
    ],
)
async def test_what_cannot_be_done_is_refused_with_advice(call: object, error: type[NodeError]) -> None:
    async with alone() as node:
        with pytest.raises(error) as caught:
            await call(node.api)  # type: ignore[operator]
        assert caught.value.message
        assert caught.value.advice
        assert (await node.api.status())["entries"] == 2  # the profile, and the keys of the device


async def test_the_largest_post_is_kept() -> None:
    async with alone() as node:
        await node.api.social.post("x" * 32_704, language="de-abcdefgh-abcdefgh-abcdefgh-abcde")
        assert len(str((await read(node))[0]["text"])) == 32_704


async def test_a_full_disk_is_told_and_nothing_is_kept() -> None:
    async with alone() as node:
        with node.home.database.write() as connection:
            [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        with pytest.raises(DiskFull):
            await node.api.social.post_lines(["x" * 30_000] * 10)
        assert await read(node) == []
        with node.home.database.write() as connection:
            connection.execute("PRAGMA max_page_count = 1000000000").fetchall()
        await node.api.social.post("room again")
        assert len(await read(node)) == 1


async def test_a_home_that_must_not_sign_says_why() -> None:
    async with alone() as node:
        node.author.why_not = "it was copied"
        with pytest.raises(NotSigning, match="it was copied"):
            await node.api.social.post("x")
        status = await node.api.status()
        assert (status["signing"], status["signing_why"]) == (False, "it was copied")


async def test_waiting_ends_when_it_is_so_or_the_time_is_over() -> None:
    async with alone() as node:
        said = await node.api.social.post("x")
        assert await node.api.wait(0, entries=3) == {"ok": True}
        assert await node.api.wait(0, id=said["id"][:8]) == {"ok": True}
        assert await node.api.wait(0) == {"ok": True}
        assert await node.api.wait(0, entries=4) == {"ok": False}
        assert await node.api.wait(0.01, id="a" * 52) == {"ok": False}
        with pytest.raises(BadData):
            await node.api.wait(1, id="?")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.api.social.post_lines, ["a", "b", "c"])
            assert await node.api.wait(DEADLINE_S, entries=5) == {"ok": True}


async def test_an_author_is_named_by_name_or_id_also_without_any_entry() -> None:
    bob, carol = Person("bob"), Person("carol")
    with temporary_home("alice", [bob]) as home:
        async with node_of(home) as node:
            mine = await node.api.social.post("mine")
            posts = bob.posts(3)
            await node.intake.ingest([posts], bob.id, each_signature=True)
            for name in ("bob", "BOB", to_text(bob.id), to_text(bob.id)[:6]):
                shown = await read(node, author=name, limit=2)
                assert [each["id"] for each in shown] == [to_text(entry.id) for entry in posts[1:]]
            assert [each["id"] for each in await read(node, author="alice")] == [mine["id"]]
            await node.api.peer_add(device=to_text(carol.id))
            assert await read(node, author=to_text(carol.id)[:10]) == []
            with pytest.raises(Missing):
                await read(node, author="carol")


async def test_befriended_people_are_let_in() -> None:
    bob = Person("bob")
    with temporary_home("alice") as home:
        async with node_of(home) as node:
            await node.intake.ingest([bob.posts(1)], bob.id, each_signature=True)
            assert await read(node) == []
            befriend(home, [bob])
            await node.intake.ingest([Person("bob").posts(1)], bob.id, each_signature=True)
            assert len(await read(node)) == 1
