"""Documents through the api: headings, merges, what comes meanwhile, translations, long texts, faults."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio

from gossip.net.memory import MemoryNet
from node.apps.documents.bodies import LongText, Version, compose
from node.apps.documents.reading import Reader, published
from node.errors import BadData, Conflict, Missing, NodeError
from node.queries import now_ms
from node.testing.homes import befriend, temporary_home
from node.testing.nodes import Node, running
from node.testing.people import Person
from store.entry import MAX_BODY_BYTES, Entry
from store.ids import LOG_DOCS, EntryId, from_text, to_text

DEADLINE_S = 60
PLAN = "# Plan\n\nWe meet on Sunday.\n\nBring chairs.\n"


@asynccontextmanager
async def alone() -> AsyncIterator[Node]:
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as home:
        async with running(home) as node:
            yield node


@asynccontextmanager
async def with_bob() -> AsyncIterator[tuple[Node, Person]]:
    bob = Person("bob")
    with trio.fail_after(DEADLINE_S), temporary_home("alice", [bob]) as home:
        async with running(home) as node:
            yield node, bob


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that are connected."""
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as one, temporary_home("bob") as other:
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(one, net) as alice, running(other, net) as bob:
                await bob.api.peer_add(address=alice.address)
                await alice.api.peer_add(address=bob.address)
                yield alice, bob
            nursery.cancel_scope.cancel()


async def arrives(
    node: Node, author: Person, text: str, *follows: str, ahead_ms: int = 0, public: bool = False
) -> str:
    """A version of the plan that somebody else wrote; gives its id."""
    units = [[bytes([at + 100]) * 8, part] for at, part in enumerate(text.split("|"))]
    content = [33, "plan", "", "text/markdown", "en", [], public, units]
    links = [EntryId(from_text(each)) for each in follows]
    entry = author.write(content, LOG_DOCS, links, now_ms() + ahead_ms)
    await take(node, author, entry)
    return to_text(entry.id)


async def take(node: Node, author: Person, entry: Entry) -> None:
    await node.intake.ingest([(entry,)], author.id, each_signature=True)


async def is_told(node: Node, version: str) -> None:
    """Wait until a version has come with its body."""
    while True:
        seen = node.intake.commits
        listed = (await node.api.drafting.doc_list())["documents"]
        if any(version in each["heads"] for each in listed):
            return
        await node.intake.changed(seen)


def blamed(answer: dict[str, object]) -> list[tuple[str, str]]:
    lines: Sequence[dict[str, str]] = answer["lines"]  # type: ignore[assignment]
    return [(line["author_name"], line["line"]) for line in lines]


async def test_what_is_said_of_a_document_goes_on_until_it_is_said_anew() -> None:
    async with alone() as node:
        put = node.api.drafting.doc_put
        await put(
            "plan", PLAN, "Our plan", "text/markdown", language="en_gb", tags=["Housing", "#a"], public=True
        )
        second = await put("plan", PLAN + "More.\n")
        assert (second["title"], second["language"], second["tags"]) == (
            "Our plan",
            "en-GB",
            ("housing", "a"),
        )
        shown = await node.api.drafting.doc_show("plan")
        assert (shown["media_type"], shown["public"], shown["tags"]) == (
            "text/markdown",
            True,
            ["housing", "a"],
        )
        await put("plan", PLAN, language="", tags=[], public=False)
        shown = await node.api.drafting.doc_show("plan")
        assert (shown["language"], shown["public"], shown["tags"], shown["title"]) == (
            "",
            False,
            [],
            "Our plan",
        )


async def test_documents_are_listed_by_tag_language_author_and_page() -> None:
    async with with_bob() as (node, bob):
        drafting = node.api.drafting
        await drafting.doc_put("one", "x", language="de", tags=["housing"])
        await drafting.doc_put("two", "x", language="en", tags=["housing", "bread"])
        await arrives(node, bob, "text", ahead_ms=1_000)

        async def names(**wanted: object) -> list[str]:
            answer = await drafting.doc_list(**wanted)  # type: ignore[arg-type]
            return [each["name"] for each in answer["documents"]]

        assert await names() == ["plan", "two", "one"]
        assert await names(tags=["#Housing"]) == ["two", "one"]
        assert await names(tags=["housing", "bread"]) == ["two"]
        assert await names(language="en-US") == ["plan", "two"]
        assert await names(author="bob") == ["plan"]
        assert await names(limit=2) == ["plan", "two"]
        assert await names(limit=2, before="two") == ["one"]
        assert await names(language="en", limit=1, before="plan") == ["two"]
        assert await names(limit=0) == []
        with pytest.raises(NodeError):
            await names(section="Lyon")


async def test_versions_of_two_people_are_merged_and_both_are_named_by_blame() -> None:
    async with with_bob() as (node, bob):
        drafting = node.api.drafting
        first = (await drafting.doc_put("plan", PLAN))["id"]
        rival = await arrives(node, bob, PLAN.replace("chairs", "benches"), first)
        mine = await drafting.doc_put("plan", PLAN.replace("Sunday", "Monday"), follows=[first])
        plan = await drafting.doc_merge("plan")
        assert (plan["conflicts"], plan["current"], plan["left"]) == (0, 2, [])
        assert set(plan["follows"]) == {rival, mine["id"]}
        with pytest.raises(Conflict):
            await drafting.doc_merge_publish("plan", [first])
        merged = await drafting.doc_merge_publish("plan", plan["follows"])
        assert (set(merged["follows"]), merged["concurrent"]) == ({rival, mine["id"]}, [])
        shown = await drafting.doc_show("plan")
        assert shown["text"] == PLAN.replace("Sunday", "Monday").replace("chairs", "benches")
        assert [who for who, _ in blamed(await drafting.doc_blame("plan"))] == ["alice"] * 4 + ["bob"]
        with pytest.raises(BadData, match="nothing to merge"):
            await drafting.doc_merge_publish("plan", [merged["id"]])


async def test_a_conflict_is_shown_and_publishes_nothing() -> None:
    async with with_bob() as (node, bob):
        drafting = node.api.drafting
        first = (await drafting.doc_put("plan", PLAN))["id"]
        rival = await arrives(node, bob, PLAN.replace("Sunday", "Friday"), first)
        mine = (await drafting.doc_put("plan", PLAN.replace("Sunday", "Monday"), follows=[first]))["id"]
        plan = await drafting.doc_merge("plan")
        assert plan["conflicts"] == 1
        names = {rival: f"{rival[:10]} bob", mine: f"{mine[:10]} alice"}
        ours, theirs = (names[each] for each in plan["follows"])
        for mark in (f"<<<<<<< {ours}\n", "=======\n", f">>>>>>> {theirs}\n", "Friday", "Monday"):
            assert mark in plan["text"]
        with pytest.raises(Conflict):
            await drafting.doc_merge_publish("plan", plan["follows"])
        with pytest.raises(BadData, match="nobody has settled"):
            await drafting.doc_put("plan", plan["text"], follows=plan["follows"])
        assert len((await drafting.doc_history("plan"))["versions"]) == 3
        kept = await drafting.doc_put("plan", plan["text"], follows=plan["follows"], force=True)
        assert kept["concurrent"] == []


async def test_of_many_versions_those_that_merge_are_merged_and_the_others_are_left() -> None:
    async with with_bob() as (node, bob):
        drafting = node.api.drafting
        first = (await drafting.doc_put("plan", PLAN))["id"]
        one = await arrives(node, bob, PLAN.replace("# Plan", "# The plan"), first, ahead_ms=3_000)
        two = await arrives(node, bob, PLAN.replace("# Plan", "# A plan"), first, ahead_ms=2_000)
        three = await arrives(node, bob, PLAN + "\nEnd.\n", first, ahead_ms=1_000)
        plan = await drafting.doc_merge("plan")
        assert (plan["conflicts"], plan["follows"], plan["left"]) == (0, [one, three], [two])
        merged = await drafting.doc_merge_publish("plan", [one, three])
        plan = await drafting.doc_merge("plan")
        assert (plan["conflicts"], set(plan["follows"])) == (1, {merged["id"], two})


async def test_what_others_publish_while_somebody_edits_is_merged_in() -> None:
    async with with_bob() as (node, bob):
        drafting = node.api.drafting
        first = (await drafting.doc_put("plan", PLAN, language="en"))["id"]
        begun = await drafting.doc_edit("plan")
        assert (begun["text"], begun["follows"], begun["conflicts"]) == (PLAN, [first], 0)
        rival = await arrives(node, bob, PLAN.replace("chairs", "benches"), first)
        written = PLAN.replace("Sunday", "Monday")
        answer = await drafting.doc_put("plan", written, follows=begun["follows"], catch_up=True)
        assert (answer["published"], answer["merged"], answer["follows"]) == (True, 1, [rival])
        assert (await drafting.doc_show("plan"))["text"] == written.replace("chairs", "benches")

        begun = await drafting.doc_edit("plan")
        other = await arrives(node, bob, begun["text"].replace("Monday", "Friday"), *begun["follows"])
        answer = await drafting.doc_put(
            "plan", begun["text"].replace("Monday", "Tuesday"), follows=begun["follows"], catch_up=True
        )
        assert (answer["published"], answer["conflicts"], answer["follows"]) == (False, 1, [other])
        assert "Friday" in answer["text"]
        assert "Tuesday" in answer["text"]
        assert (await drafting.doc_show("plan"))["id"] == other


async def test_an_editor_opens_an_empty_text_for_a_new_name() -> None:
    async with alone() as node:
        begun = await node.api.drafting.doc_edit("new")
        assert (begun["text"], begun["follows"], begun["current"]) == ("", [], 0)
        put = await node.api.drafting.doc_put("new", "text", follows=begun["follows"], catch_up=True)
        assert (put["version"], put["published"]) == (1, True)


def filled(sheet: str, **texts: str) -> str:
    for source, text in texts.items():
        row = next(row for row in sheet.split("\n") if row.startswith("> ") and source in row)
        sheet = sheet.replace(f"{row}\n", f"{row}\n\n{text}\n", 1)
    return sheet


async def test_a_translation_knows_which_paragraphs_have_changed() -> None:
    async with alone() as node:
        drafting = node.api.drafting
        await drafting.doc_put("plan", PLAN, "Plan", language="en", public=True)
        sheet = (await drafting.doc_sheet("plan", "it"))["sheet"]
        sheet = filled(sheet, Plan="# Piano", Sunday="Ci vediamo domenica.").replace(
            "# title:", "# title: Il piano"
        )
        answer = await drafting.doc_translate(sheet, public=True)
        assert (answer["fine"], answer["out_of_date"], answer["missing"]) == (2, 0, 1)
        shown = await drafting.doc_show("plan", language="it-IT")
        assert shown["text"] == "# Piano\n\nCi vediamo domenica.\n\nBring chairs.\n"
        assert shown["translation"]["title"] == "Il piano"

        await drafting.doc_put("plan", PLAN.replace("on Sunday", "on Sunday at ten"))
        status = await drafting.doc_status("plan", "it")
        assert [unit["state"] for unit in status["units"]] == ["fine", "out of date", "missing"]
        sheet = (await drafting.doc_sheet("plan", "it", due=True))["sheet"]
        assert "# Piano" not in sheet
        assert "< We meet on Sunday.\n> We meet on Sunday at ten.\n" in sheet
        with pytest.raises(BadData, match="changes nothing"):
            await drafting.doc_translate(sheet)
        answer = await drafting.doc_translate(sheet.replace("domenica.", "domenica alle dieci."))
        assert (answer["fine"], answer["public"]) == (2, True)
        [counts] = (await drafting.doc_status("plan"))["translations"]
        assert (counts["language"], counts["fine"], counts["missing"]) == ("it", 2, 1)

        reader = Reader(node.home.entries, node.home.blobs)
        [document] = published(reader, now_ms())
        assert document.name == "plan"
        [text] = document.translations
        assert (document.name, text.language, text.title, text.is_out_of_date) == (
            "plan",
            "it",
            "Il piano",
            True,
        )


async def test_two_translators_of_one_document_take_nothing_from_each_other() -> None:
    async with alone() as node:
        drafting = node.api.drafting
        await drafting.doc_put("plan", PLAN, language="en")
        sheet = (await drafting.doc_sheet("plan", "it"))["sheet"]
        await drafting.doc_translate(filled(sheet, Plan="# Piano"))
        answer = await drafting.doc_translate(filled(sheet, chairs="Portate sedie."))
        assert (answer["fine"], answer["missing"]) == (2, 1)
        shown = await drafting.doc_show("plan", language="it")
        assert shown["text"] == "# Piano\n\nWe meet on Sunday.\n\nPortate sedie.\n"


async def test_translations_of_what_is_not_public_are_not() -> None:
    async with alone() as node:
        drafting = node.api.drafting
        await drafting.doc_put("plan", PLAN, language="en")
        sheet = filled((await drafting.doc_sheet("plan", "it"))["sheet"], Plan="# Piano")
        with pytest.raises(BadData, match="not public"):
            await drafting.doc_translate(sheet, public=True)
        assert not (await drafting.doc_translate(sheet))["public"]
        assert list(published(Reader(node.home.entries, node.home.blobs), now_ms())) == []


async def test_a_long_text_goes_through_a_blob_and_is_fetched_where_it_is_read() -> None:
    chance = Random(1)
    letters = "abcdefgh союз 空港"
    paragraphs = ["".join(chance.choices(letters, k=400)).strip() + "\n\n" for _ in range(3_000)]
    text = "".join(paragraphs)
    assert len(text.encode()) > 40 * MAX_BODY_BYTES
    async with pair() as (alice, bob):
        put = await alice.api.drafting.doc_put("long", text, "A long text")
        await is_told(bob, put["id"])
        assert (await bob.api.drafting.doc_show("long"))["text"] == text
        paragraphs[7] = "something else\n\n"
        second = await bob.api.drafting.doc_put("long", "".join(paragraphs))
        await is_told(alice, second["id"])
        assert (await alice.api.drafting.doc_show("long"))["text"] == "".join(paragraphs)
        reader = Reader(alice.home.entries, alice.home.blobs)
        rows = alice.api.drafting._queries.lookup.versions_of("long")
        before, after = ([unit.id for unit in reader.units(row)] for row in reversed(rows))
        assert [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [7]


async def test_a_long_text_that_is_not_here_is_said_to_be_so() -> None:
    async with with_bob() as (node, bob):
        held = LongText(bytes(32), 5_000, "the beginning")
        body = compose(Version("plan", "", "text/plain", "", (), False, held), bytes(16))
        assert body
        content = [34, "plan", "Title", "text/plain", "", [], False, *held]
        await take(node, bob, bob.write(content, LOG_DOCS, (), now_ms()))
        with pytest.raises(Missing, match="5,000 bytes and is not here yet"):
            await node.api.drafting.doc_show("plan")
        [version] = (await node.api.drafting.doc_history("plan"))["versions"]
        assert (version["long"], version["here"]) == (True, False)
        [document] = (await node.api.drafting.doc_list(search="beginning"))["documents"]
        assert document["title"] == "Title"
        assert (await node.api.drafting.doc_put("plan", "a text of mine"))["version"] == 2


async def test_a_blob_that_is_no_text_spoils_nothing() -> None:
    async with with_bob() as (node, bob):
        kept = await node.api.sharing.keep(b"no units", "x")
        content = [34, "plan", "", "text/plain", "", [], False, kept.blob, kept.size, ""]
        await take(node, bob, bob.write(content, LOG_DOCS, (), now_ms()))
        with pytest.raises(Missing, match="breaks the rules"):
            await node.api.drafting.doc_show("plan")
        with pytest.raises(Missing):
            await node.api.drafting.doc_merge("plan")
        assert list(published(Reader(node.home.entries, node.home.blobs), now_ms())) == []


async def test_the_first_form_of_a_version_is_read_and_gets_units() -> None:
    async with with_bob() as (node, bob):
        entry = bob.write([33, "plan", "Old", "text/plain", PLAN], LOG_DOCS, (), now_ms())
        await take(node, bob, entry)
        assert (await node.api.drafting.doc_show("plan"))["text"] == PLAN
        await node.api.drafting.doc_put("plan", PLAN + "\nEnd.\n")
        queries = node.api.drafting._queries
        units = Reader(node.home.entries, node.home.blobs).units(queries.lookup.versions_of("plan")[0])
        assert [unit.text for unit in units] == [
            "# Plan\n\n",
            "We meet on Sunday.\n\n",
            "Bring chairs.\n\n",
            "End.\n",
        ]


async def test_what_cannot_be_done_with_documents_is_refused() -> None:
    async with alone() as node:
        drafting = node.api.drafting
        await drafting.doc_put("plan", PLAN, language="en")
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: drafting.doc_put("plan", "a\0b"),
            lambda: drafting.doc_put("plan", "x", language="no tag"),
            lambda: drafting.doc_put("plan", "x", tags=["two words"]),
            lambda: drafting.doc_put("plan", "x", tags=list(map(str, range(17)))),
            lambda: drafting.doc_sheet("plan", "en"),
            lambda: drafting.doc_sheet("plan", "?"),
            lambda: drafting.doc_translate("no sheet"),
            lambda: drafting.doc_show("plan", language="it"),
            lambda: drafting.doc_merge("nothing"),
            lambda: drafting.doc_blame("nothing"),
            lambda: drafting.doc_status("plan", "en"),
            lambda: drafting.doc_list(tags=["a b"]),
        )
        for call in calls:
            with pytest.raises(NodeError) as caught:
                await call()
            assert caught.value.advice, caught.value.message
        assert len((await drafting.doc_history("plan"))["versions"]) == 1


async def test_names_of_friends_cannot_act_on_the_marks_of_a_conflict() -> None:
    eve = Person("eve\n>>>>>>> x")
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as home:
        befriend(home, [eve])
        async with running(home) as node:
            first = (await node.api.drafting.doc_put("plan", PLAN))["id"]
            await arrives(node, eve, PLAN.replace("Sunday", "Friday"), first)
            await node.api.drafting.doc_put("plan", PLAN.replace("Sunday", "Monday"), follows=[first])
            text = (await node.api.drafting.doc_merge("plan"))["text"]
            assert sum(row.startswith((">>>>>>> ", "<<<<<<< ")) for row in text.split("\n")) == 2
