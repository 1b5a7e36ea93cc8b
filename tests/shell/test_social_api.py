"""The social network through the api of running nodes: a federation of two sections, and its people's day."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from node.apps.feed import bodies
from node.errors import BadData, BadRequest, Missing, NodeError, Refused, TextTooLarge
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, meet
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.ids import LOG_FEED, EntryId, from_text, to_text

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


async def test_a_mention_is_in_the_inbox_until_it_is_marked_as_read() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "Who brings #bread, @carol?")
        await meet(alice, carol)
        [shown] = await listed(carol.api.social.inbox())
        assert (shown["id"], shown["why"], shown["unread"]) == (said, ["mention"], True)
        assert shown["topics"] == ["bread"]
        assert shown["mentions"] == [{"typed": "carol", "who": to_text(CAROL.root), "name": "Carol"}]
        assert await listed(alice.api.social.inbox()) == []
        answer = await post(carol, "I do, @Alice.", reply_to=said[:10])
        await meet(alice, carol)
        [shown] = await listed(alice.api.social.inbox())
        assert (shown["id"], shown["why"]) == (answer, ["mention", "answer"])
        assert await carol.api.social.inbox_mark([said]) == {"marked": 1}
        assert await carol.api.social.inbox_mark([said]) == {"marked": 0}
        assert await listed(carol.api.social.inbox()) == []
        [shown] = await listed(carol.api.social.inbox(all=True))
        assert (shown["id"], shown["unread"]) == (said, False)


async def test_the_inbox_comes_in_pages_and_leaves_out_who_is_muted() -> None:
    async with town() as [alice, carol]:
        ids = [await post(alice, f"@Carol {number}") for number in range(7)]
        await post(carol, "@Carol to myself")
        await meet(alice, carol)
        await carol.api.social.inbox_mark([ids[3]])
        page = await listed(carol.api.social.inbox(limit=3))
        assert [each["id"] for each in page] == ids[4:]
        page = await listed(carol.api.social.inbox(limit=3, before=page[0]["id"]))
        assert [each["id"] for each in page] == ids[:3]
        await carol.api.social.mute(who="Alice")
        assert await listed(carol.api.social.inbox(all=True)) == []


async def test_a_thread_shows_who_answered_what_and_the_places_of_what_is_missing() -> None:
    async with town() as [alice, carol]:
        root = await post(alice, "root")
        one = await post(alice, "one", reply_to=root)
        two = await post(alice, "two", reply_to=root)
        deep = await post(alice, "deep", reply_to=one)
        lost = await post(alice, "to an unknown one", reply_to=NOBODY, force=True)
        for said in (deep, root, two):
            shown = await listed(alice.api.social.thread(said))
            assert [(each["text"], each["depth"]) for each in shown] == [
                ("root", 0),
                ("one", 1),
                ("deep", 2),
                ("two", 1),
            ]
        assert [each["answers"] for each in shown] == [2, 1, 0, 0]
        assert shown[2]["root"] == root
        waiting = await listed(alice.api.social.thread(lost))
        assert [(each["text"], each["depth"]) for each in waiting] == [(None, 0), ("to an unknown one", 1)]
        assert waiting[0] == {"id": NOBODY, "text": None, "gone": "missing", "depth": 0}
        await alice.api.deletion.delete([one])
        await meet(alice, carol)
        for node in (alice, carol):
            seen = node.intake.commits
            while (shown := await listed(node.api.social.thread(root)))[1].get("gone") != "deleted":
                await node.intake.changed(seen)
                seen = node.intake.commits
            assert [(each["text"], each["depth"]) for each in shown] == [
                ("root", 0),
                (None, 1),
                ("deep", 2),
                ("two", 1),
            ]
            assert (shown[1]["gone"], shown[1]["name"]) == ("deleted", "Alice")
        with pytest.raises(BadData, match="was deleted"):
            await alice.api.social.correct(one, "another")
        with pytest.raises(BadData, match="was deleted"):
            await post(alice, "too late", reply_to=one)


async def test_an_answer_to_what_is_unknown_stands_in_its_place_once_that_is_there() -> None:
    async with town() as [alice, carol]:
        root = await post(alice, "root")
        await post(carol, "answer", reply_to=root, force=True)
        assert await texts(carol.api.social.thread(root)) == [None, "answer"]
        await meet(alice, carol)
        assert await texts(carol.api.social.thread(root)) == ["root", "answer"]
        assert await texts(carol.api.social.timeline()) == ["root", "answer"]


async def test_reactions_are_counted_by_person_and_taken_back() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "bread")
        await meet(alice, carol)
        assert (await carol.api.social.react(said, "✊"))["new"]
        assert not (await carol.api.social.react(said, "✊"))["new"]
        await alice.api.social.react(said, "✊")
        await carol.api.social.react(said, "thanks")
        await carol.api.social.react(said, "thanks", off=True)
        await meet(alice, carol)
        [shown] = await listed(carol.api.social.timeline())
        assert shown["reactions"] == [
            {"symbol": "✊", "count": 2, "mine": True, "names": sorted(["Alice", "Carol"], key=_by_root)}
        ]
        with pytest.raises(BadData, match="no reaction"):
            await carol.api.social.react(said, "two words")


def _by_root(name: str) -> bytes:
    return next(each.root for each in (ALICE, CAROL) if each.name == name)


async def test_a_correction_takes_the_place_of_the_text_and_is_its_authors_alone() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "at noon #bread", language="en")
        await post(alice, "later")
        await meet(alice, carol)
        with pytest.raises(Refused, match="only its author"):
            await carol.api.social.correct(said, "never")
        corrected = await alice.api.social.correct(said, "at one #rolls")
        await meet(alice, carol)
        first, last = await listed(carol.api.social.timeline())
        assert (first["text"], first["language"], first["topics"]) == ("at one #rolls", "en", ["rolls"])
        assert first["corrected"]["id"] == corrected["id"]
        assert first["corrected"]["versions"] == 2
        assert (last["text"], last["corrected"]) == ("later", None)
        history = await carol.api.social.post_history(corrected["id"])
        assert [(each["text"], each["current"]) for each in history["versions"]] == [
            ("at noon #bread", False),
            ("at one #rolls", True),
        ]
        with pytest.raises(BadData, match="already"):
            await alice.api.social.correct(said, "at one #rolls")


async def test_a_correction_by_somebody_else_is_never_shown() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "at noon")
        await meet(alice, carol)
        body = bodies.compose_correction(bodies.Post("never", ""), bytes(16))
        await carol.author.write(LOG_FEED, [Intent(body, (EntryId(from_text(said)),))])
        await meet(alice, carol)
        for node in (alice, carol):
            assert await texts(node.api.social.timeline()) == ["at noon"]
            assert await listed(node.api.social.search("never")) == []


async def test_a_translation_is_shown_to_who_does_not_read_the_language() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "опівдні", language="uk")
        await meet(alice, carol)
        made = await carol.api.social.translate(said, "zu Mittag", language="de")
        assert (made["translates"], made["language"]) == (said, "de")
        await meet(alice, carol)
        [shown] = await listed(alice.api.social.timeline(languages=["de-AT,en"]))
        assert (shown["text"], shown["translations"]) == ("опівдні", ["de"])
        assert shown["translation"] is not None
        assert {"text": "zu Mittag", "name": "Carol", "out_of_date": False}.items() <= shown[
            "translation"
        ].items()
        for languages in (["uk", "de"], ["fr"], [], None):
            [shown] = await listed(alice.api.social.timeline(languages=languages))
            assert shown["translation"] is None
        await alice.api.social.translate(said, "mittags", language="de")
        [shown] = await listed(alice.api.social.timeline(languages=["de"]))
        assert shown["translation"]["text"] == "mittags"  # the author's own
        await alice.api.social.correct(said, "о першій")
        [shown] = await listed(alice.api.social.timeline(languages=["de"]))
        assert shown["translation"]["out_of_date"]
        with pytest.raises(BadRequest, match="already"):
            await alice.api.social.translate(said, "x", language="UK")
        with pytest.raises(Refused, match="not public"):
            await alice.api.social.translate(said, "x", language="fr", public=True)
        with pytest.raises(BadRequest, match="which language"):
            await alice.api.social.translate(said, "x")


async def test_the_languages_of_the_settings_count_at_once() -> None:
    async with town() as [alice, _]:
        alice.home.paths.config.write_text('languages = ["de", "en"]\n')
        said = await post(alice, "Hallo")
        await post(alice, "привіт", language="uk")
        await alice.api.social.translate(said, "hello", language="en")
        first, last = await listed(alice.api.social.timeline())
        assert (first["language"], first["translation"], last["translation"]) == ("de", None, None)
        alice.home.paths.config.write_text('languages = ["en"]\n')
        first, _ = await listed(alice.api.social.timeline())
        assert first["translation"]["text"] == "hello"
        alice.home.paths.config.write_text("languages = 3\n")
        with pytest.raises(BadData, match=r"config\.toml"):
            await listed(alice.api.social.timeline())


async def test_who_is_blocked_translates_nothing_reacts_to_nothing_and_is_found_nowhere() -> None:
    async with town() as [alice, carol]:
        said = await post(alice, "опівдні", language="uk")
        await meet(alice, carol)
        await carol.api.social.translate(said, "zu Mittag", language="de")
        await carol.api.social.react(said, "✊")
        answer = await post(carol, "answer", reply_to=said)
        await meet(alice, carol)
        await alice.api.social.block(who="Carol")
        [shown] = await listed(alice.api.social.timeline(languages=["de"]))
        assert (shown["translation"], shown["translations"], shown["reactions"]) == (None, [], [])
        assert await listed(alice.api.social.inbox(all=True)) == []
        assert await listed(alice.api.social.search("answer")) == []
        assert await listed(alice.api.social.search("Mittag")) == []
        _, place = await listed(alice.api.social.thread(answer))
        assert (place["id"], place["text"], place["gone"]) == (answer, None, "blocked")
        with pytest.raises(Refused, match="You block Carol"):
            await listed(alice.api.social.timeline(author="Carol"))
        await alice.api.social.unblock(who="Carol")
        assert await texts(alice.api.social.timeline(author="Carol")) == ["answer"]


@pytest.mark.parametrize(
    ("text", "given", "kind", "says"),
    [
        ("  ", {}, BadData, "blank"),
        ("x" * 40_000, {}, TextTooLarge, "32,704"),
        (" ".join(f"#t{number}" for number in range(17)), {}, BadData, "16 topics"),
        ("Hello @Zoe", {}, Missing, "'Zoe'"),
        ("Hello", {"topics": ["no topic"]}, BadData, "topic"),
        ("Hello", {"language": "german language"}, BadData, "language tag"),
        ("Hello", {"reply_to": "aaaaaaaa"}, Missing, "held here"),
        ("Hello", {"reply_to": "aaaaaaaa", "force": True}, BadData, "whole id"),
        ("Hello", {"attach": ["/nonexistent/file"]}, NodeError, ""),
        ("Hello", {"attach": ["/dev/null"] * 17}, TextTooLarge, "16 files"),
    ],
)
async def test_what_cannot_be_posted_is_refused_with_advice_and_changes_nothing(
    text: str, given: Json, kind: type[NodeError], says: str
) -> None:
    async with town() as [alice, _]:
        before = alice.home.entries.count()
        with pytest.raises(kind) as caught:
            await alice.api.social.post(text, **given)
        assert says in caught.value.message
        assert caught.value.advice
        assert alice.home.entries.count() == before


async def test_files_go_with_a_message_and_stay_when_it_is_corrected(tmp_path: Any) -> None:
    async with town() as [alice, _]:
        (tmp_path / "poster.txt").write_bytes(b"come all")
        said = await post(alice, "the poster", attach=[str(tmp_path / "poster.txt")], public=True)
        [shown] = await listed(alice.api.social.timeline())
        [file] = shown["attachments"]
        assert (file["name"], file["size"], shown["public"]) == ("poster.txt", 8, True)
        await alice.api.social.correct(said, "the new poster", public=False)
        [shown] = await listed(alice.api.social.timeline())
        assert (shown["attachments"], shown["public"]) == ([file], False)


async def test_in_an_open_circle_devices_are_mentioned_and_blocked() -> None:
    bob = Person("bob")
    with trio.fail_after(60), temporary_home("alice", [bob]) as home:
        async with running(home) as node:
            hello = bob.write([1, "hello @alice", "", (), (("alice", home.device),)])
            await node.intake.ingest([[hello]], bob.id, each_signature=True)
            [shown] = await listed(node.api.social.inbox())
            assert (shown["name"], shown["why"], shown["member"]) == ("bob", ["mention"], None)
            said = await post(node, "hello @bob", reply_to=shown["id"])
            shown = (await listed(node.api.social.timeline()))[-1]
            assert (shown["id"], shown["mentions"][0]["who"]) == (said, to_text(bob.id))
            await node.api.social.block(who="bob")
            assert await texts(node.api.social.timeline()) == ["hello @bob"]
            assert await listed(node.api.social.inbox(all=True)) == []
            with pytest.raises(BadRequest, match="no sections"):
                await listed(node.api.social.timeline(section="Lyon"))
