"""Profiles and the directory through the api of running nodes."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from node.apps.directory import bodies
from node.contacts.finding import hits
from node.doors.offline import OfflineDoor
from node.errors import BadData, BadRequest, Missing, NodeError, Refused
from node.founding import publish_name
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, homes, meet
from node.testing.nodes import Node, running
from node.testing.people import CHARTER as CIRCLE
from store.ids import LOG_PROFILE, from_text, to_text

ALICE, BOB, CAROL = (Citizen(name) for name in ("Alice", "Bob", "Carol"))
LYON = found([inception("Lyon", [ALICE])])
PAIR = found([inception("Pair", [ALICE, BOB])])


def said(record: Mapping[str, Any]) -> dict[str, tuple[object, bool]]:
    """Value and visibility of each field."""
    return {
        f"{each['field']}:{each['tag']}".rstrip(":"): (each["value"], each["public"])
        for each in record["fields"]
    }


async def listed(node: Node, **wanted: object) -> list[Mapping[str, Any]]:
    return [record async for record in node.api.contacts.directory_list(**wanted)]


def field(
    name: str, value: str | None = None, tag: str = "", public: bool | None = None
) -> dict[str, object]:
    return {"field": name, "tag": tag, "value": value, "public": public}


async def test_what_a_member_says_of_himself_is_in_everybodys_directory() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        answer = await bob.api.contacts.profile_set(
            [
                field("about", "Je fais du pain.", "fr", True),
                field("about", "I bake.", "en"),
                field("language", "fr", public=True),
                field("language", "ar"),
                field("name", "بوب", "ar", True),
                field("contact", "mailto:bob@example.org", "bread"),
            ]
        )
        assert answer["entry"]["seq"] == 2
        await meet(alice, bob)
        record = await alice.api.contacts.directory_show("bob")
        assert said(record) == {
            "name:ar": ("بوب", True),
            "language": ("fr", True),
            "contact:bread": ("mailto:bob@example.org", False),
            "about:en": ("I bake.", False),
            "about:fr": ("Je fais du pain.", True),
        }
        assert (record["name"], record["published"], record["public"]) == ("Bob", "Bob", True)
        assert [each["name"] for each in record["sections"]] == ["Lyon"]
        assert [each["name"] for each in await listed(alice)] == ["Lyon", "Alice", "Bob"]
        assert [each["name"] for each in await listed(alice, language="ar")] == ["Bob"]
        [public] = await listed(alice, public=True)
        assert set(said(public)) == {"name:ar", "language", "about:fr"}
        assert [each["name"] for each in await listed(alice, search="pain")] == ["Bob"]
        assert [each["name"] for each in await listed(alice, section="lyon", limit=2)] == ["Lyon", "Alice"]
        with pytest.raises(BadData, match="no word"):
            await listed(alice, search="…")


async def test_one_field_changes_and_the_others_stay() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        contacts = alice.api.contacts
        await contacts.profile_set([field("territory", "Lyon", public=True), field("about", "one", "en")])
        await contacts.profile_set([field("about", "two", "en", True)])
        assert said(await contacts.profile_show()) == {"territory": ("Lyon", True), "about:en": ("two", True)}
        await contacts.profile_set([field("territory", None, public=False)])
        await contacts.profile_unset(["about:en"])
        assert said(await contacts.profile_show()) == {"territory": ("Lyon", False)}
        with pytest.raises(Missing):
            await contacts.profile_unset(["about"])
        with pytest.raises(BadRequest):
            await contacts.profile_unset(["name"])
        for nothing in (contacts.profile_set, contacts.profile_unset):
            with pytest.raises(BadRequest):
                await nothing([])


async def test_the_own_name_changes_with_everything_else_in_place() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        contacts = alice.api.contacts
        await contacts.profile_set([field("about", "I bake.", "en")])
        record = await contacts.profile_set([field("name", "Alicia")])
        assert (record["name"], record["published"]) == ("Alicia", "Alicia")
        assert said(record) == {"about:en": ("I bake.", False)}
        record = await contacts.profile_set([field("name", None, public=True)])
        assert said(record)["name"] == ("Alicia", True)
        record = await contacts.profile_set([field("name", "Ada")])
        assert said(record)["name"] == ("Ada", True)
        record = await contacts.profile_set([field("name", None, public=False)])
        assert "name" not in said(record)
        with pytest.raises(BadData):
            await contacts.profile_set([field("name", "\u202eecilA")])


async def test_a_new_device_that_says_only_a_name_wipes_nothing() -> None:
    with homes(LYON, [ALICE], "phone") as [second]:
        async with gathering(LYON, ALICE) as [alice], running(second) as phone:
            await alice.api.contacts.profile_set([field("about", "I bake.", "en")])
            body = bodies.compose("Alice on the phone", bytes(16))
            await phone.author.write(LOG_PROFILE, [Intent(body)])
            await meet(alice, phone)
            for node in (alice, phone):
                record = await node.api.contacts.profile_show()
                assert (record["name"], said(record)["about:en"]) == (
                    "Alice on the phone",
                    ("I bake.", False),
                )
            await phone.api.contacts.profile_set([field("language", "fr")])
            await meet(alice, phone)
            assert set(said(await alice.api.contacts.profile_show())) == {"about:en", "language"}


async def test_a_steward_speaks_for_the_section_and_nobody_else() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        record = await alice.api.contacts.profile_set([field("about", "Bakers.", "en", True)], "Lyon")
        assert (record["type"], record["name"], record["by"]["name"]) == ("section", "Lyon", "Alice")
        with pytest.raises(Refused, match="no steward"):
            await bob.api.contacts.profile_set([field("about", "Mine.", "en", True)], "Lyon")
        with pytest.raises(BadRequest, match="stewards together"):
            await alice.api.contacts.profile_set([field("name", "Paris")], "Lyon")
        forged = bodies.compose_section(
            from_text(record["id"]), [bodies.Field(bodies.ABOUT, "en", "Mine.", True)], bytes(16)
        )
        await bob.author.write(LOG_PROFILE, [Intent(forged)])
        await meet(alice, bob)
        for node in (alice, bob):
            shown = await node.api.contacts.directory_show("lyon")
            assert said(shown) == {"about:en": ("Bakers.", True)}
            assert shown["members"] == 2
        await alice.api.contacts.profile_unset(["about"], "Lyon")
        assert said(await alice.api.contacts.profile_show("Lyon")) == {}


async def test_any_steward_goes_on_from_what_another_said() -> None:
    async with gathering(PAIR, ALICE, BOB) as [alice, bob]:
        await meet(alice, bob)
        await alice.api.contacts.profile_set([field("about", "Bakers.", "en", True)], "Pair")
        await meet(alice, bob)
        record = await bob.api.contacts.profile_set([field("page", "https://example.org")], "Pair")
        await meet(alice, bob)
        for node in (alice, bob):
            shown = await node.api.contacts.profile_show("Pair")
            assert shown["by"]["name"] == "Bob"
            assert said(shown) == said(record)
            assert set(said(shown)) == {"about:en", "page"}


async def test_a_picture_is_made_small_and_kept_as_a_blob(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), "green").save(tmp_path / "me.png")
    (tmp_path / "text.png").write_text("no picture")
    async with gathering(LYON, ALICE) as [alice]:
        contacts = alice.api.contacts
        record = await contacts.profile_set([field("picture", str(tmp_path / "me.png"), public=True)])
        [picture] = record["fields"]
        assert (picture["field"], picture["held"], picture["public"]) == ("picture", True, True)
        pieces: list[bytes] = []
        alice.home.blobs.read(from_text(picture["value"]), pieces.append)
        data = b"".join(pieces)
        assert len(data) == picture["size"]
        assert Image.open(BytesIO(data)).size == (512, 341)
        again = await contacts.profile_set([field("picture", None, public=False)])
        assert again["fields"] == [{**picture, "public": False}]
        for wrong, error in (("text.png", BadData), ("none.png", Missing), (".", BadRequest)):
            with pytest.raises(error):
                await contacts.profile_set([field("picture", str(tmp_path / wrong))])


async def test_bad_fields_change_nothing() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        before = await alice.api.contacts.profile_show()
        for wrong in (
            field("about", "x" * 4_001, "en"),
            field("about", "\ud800", "en"),
            field("about", "x", "\ud800"),
            field("page", "javascript:alert(1)"),
            field("language", "German"),
            {"field": "about"},
        ):
            with pytest.raises(NodeError) as caught:
                await alice.api.contacts.profile_set([wrong])
            assert caught.value.advice
        assert await alice.api.contacts.profile_show() == before


async def test_nobody_and_nothing_of_that_name() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        with pytest.raises(Missing, match="Nobody and no section"):
            await alice.api.contacts.directory_show("Zoe")
        with pytest.raises(BadRequest):
            await alice.api.contacts.directory_show()


async def test_in_an_open_circle_devices_speak_for_themselves() -> None:
    async with gathering(CIRCLE, ALICE) as [alice]:
        record = await alice.api.contacts.profile_set([field("about", "I bake.", "en", True)])
        assert (record["member"], record["sections"]) == (None, [])
        [same] = await listed(alice)
        assert said(same) == {"about:en": ("I bake.", True)}
        with pytest.raises(BadRequest, match="open circle"):
            await alice.api.contacts.profile_show("Lyon")


async def test_the_directory_is_read_without_a_daemon_too() -> None:
    with homes(LYON, [ALICE]) as [home]:
        async with running(home) as alice:
            await alice.api.contacts.profile_set([field("about", "I bake.", "en", True)])
            shown = await alice.api.contacts.profile_show()
        paths = home.paths
        publish_name(home, "Ada")
        home.close()
        door = OfflineDoor(paths, lambda: None)
        assert door.call("profile/show", {}) == {**shown, "name": "Ada", "published": "Ada"}
        records = list(door.stream("directory/list", {"search": "ada"}))
        assert [record["name"] for record in records] == ["Ada"]
        assert door.call("directory/show", {"section": "Lyon"})["by"] is None


async def test_a_search_over_everything_finds_what_counts_now() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await bob.api.contacts.profile_set([field("about", "I bake rolls.", "en")])
        await bob.api.contacts.profile_set([field("about", "I bake bread.", "en")])
        await bob.author.write(LOG_PROFILE, [Intent(bodies.compose("Robert", bytes(16)))])
        await alice.api.contacts.profile_set([field("about", "Bakers.", "en", True)], "Lyon")
        lyon = (await alice.api.contacts.profile_show("Lyon"))["id"]
        forged = bodies.compose_section(from_text(lyon), [bodies.Field(7, "en", "Mine.", True)], bytes(16))
        await bob.author.write(LOG_PROFILE, [Intent(forged)])
        await meet(alice, bob)
        store = alice.home.entries
        keys = [
            store.key_of(entry.id)
            for log_id in store.logs()
            if log_id.log == LOG_PROFILE
            for entry in store.range(log_id, 1, 99, 10**6)
        ]
        found = [each for each in await alice.api._room.ask(hits, alice.api._queries, keys, 2**60) if each]
        assert sorted((each.what, each.title, each.text) for each in found) == [
            ("member", "Alice", "Alice"),
            ("member", "Robert", "I bake bread."),
            ("member", "Robert", "Robert"),
            ("section", "Lyon", "Bakers."),
        ]
        assert len({each.id for each in found}) == 3
        assert ("directory", "show", "--section", lyon[:10]) in {each.opens for each in found}
