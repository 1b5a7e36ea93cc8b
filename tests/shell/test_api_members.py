"""Members, their names and their devices through the api of running nodes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from node.apps.directory import bodies as directory
from node.errors import BadData, BadRequest, Conflict, Missing, Refused, Unavailable
from node.federation import code as codes
from node.federation.bare import cut_message
from node.federation.code import Contact
from node.founding import create_home
from node.paths import Paths
from node.queries import Queries
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import gathering, homes, join, meet
from node.testing.nodes import Node, running
from store.ids import LOG_ID, LOG_PROFILE, short, to_text
from store.log import LogId

ALICE, BOB, CAROL, DORA = (Citizen(name) for name in ("Alice", "Bob", "Carol", "Dora"))
LYON = found([inception("Lyon", [ALICE])])


def names(answer: list[dict[str, object]]) -> list[object]:
    return [each["name"] for each in answer]


async def test_a_member_is_admitted_by_hand_and_is_then_one_everywhere() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        assert (await alice.api.federation.member_list())["members"] == [
            (await alice.api.federation.member_list("Lyon"))["members"][0]
        ]
        with pytest.raises(Missing, match="nobody who is admitted"):
            await bob.api.federation.whois()
        answer = await alice.api.federation.member_admit(to_text(BOB.root))
        assert (answer["admitted"], answer["section_name"]) == (True, "Lyon")
        await meet(alice, bob)
        for node in (alice, bob):
            members = (await node.api.federation.member_list("Lyon"))["members"]
            assert names(members) == ["Alice", "Bob"]
            shown = await node.api.federation.whois("bob")
            assert shown["short"] == short(BOB.root)
            [admitted] = shown["admitted"]
            assert (admitted["how"], admitted["by"]["name"]) == ("admission", "Alice")
        with pytest.raises(Conflict, match="already"):
            await alice.api.federation.member_admit("bob")
        for wrong in ("nobody", "aaaa"):
            with pytest.raises(BadData, match="no id of a member"):
                await alice.api.federation.member_admit(wrong)
        with pytest.raises(Refused, match="you are none"):
            await bob.api.federation.member_admit(to_text(CAROL.root))


async def test_two_of_one_name_are_told_apart_and_a_petname_is_ones_own() -> None:
    other = Citizen("another bob")
    other.name = "Bob"
    async with gathering(LYON, ALICE, BOB, other) as nodes:
        alice = nodes[0]
        for each in (BOB, other):
            await alice.api.federation.member_admit(to_text(each.root))
        await meet(*nodes)
        listed = names((await alice.api.federation.member_list())["members"])
        marks = {f"Bob~{to_text(each.root)[:4]}" for each in (BOB, other)}
        assert set(listed) == {"Alice", *marks}
        answer = await alice.api.federation.petname_set(f"bob~{to_text(BOB.root)[:4]}", "Uncle Bob")
        assert answer == {"member": to_text(BOB.root), "name": "Uncle Bob", "petname": "Uncle Bob"}
        listed = names((await alice.api.federation.member_list())["members"])
        assert set(listed) == {"Alice", "Bob", "Uncle Bob"}
        assert (await alice.api.federation.whois("uncle bob"))["petname"] == "Uncle Bob"
        assert (await alice.api.federation.petname_list())["petnames"] == [
            {"member": to_text(BOB.root), "name": "Uncle Bob", "known": True}
        ]
        with pytest.raises(BadData):
            await alice.api.federation.petname_set("Bob", "\n")
        await alice.api.federation.petname_remove("uncle bob")
        with pytest.raises(Missing, match="no petname"):
            await alice.api.federation.petname_remove(to_text(BOB.root))
        shown = names((await nodes[1].api.federation.member_list())["members"])
        assert set(shown) == {"Alice", *marks}
        assert (await nodes[1].api.federation.whois("bob"))["self"]


async def test_a_safety_number_is_the_same_for_both() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        one = (await alice.api.federation.whois("bob", safety=True))["safety"]
        other = (await bob.api.federation.whois("alice", safety=True))["safety"]
        assert one == other
        assert len(one.split()) == 12
        with pytest.raises(BadData, match="two members"):
            await alice.api.federation.whois(safety=True)
        assert "safety" not in await alice.api.federation.whois("bob")


async def test_one_member_has_one_name_whichever_device_speaks() -> None:
    with homes(LYON, [BOB], "phone") as [second]:
        async with gathering(LYON, ALICE, BOB) as [alice, bob], running(second) as phone:
            await alice.api.federation.member_admit(to_text(BOB.root))
            await bob.api.social.post("from the laptop")
            await phone.api.social.post("from the phone")
            await meet(alice, bob, phone)
            posts = [shown async for shown in alice.api.social.read(author="bob")]
            assert [post["text"] for post in posts] == ["from the laptop", "from the phone"]
            assert {(post["name"], post["member"]) for post in posts} == {("Bob", to_text(BOB.root))}
            own = [shown async for shown in alice.api.social.read(author=to_text(phone.home.device))]
            assert [post["text"] for post in own] == ["from the phone"]
            devices = (await alice.api.federation.device_list("bob"))["devices"]
            assert sorted(device["name"] for device in devices) == ["laptop", "phone"]
            logs = (await alice.api.log_list("bob"))["logs"]
            assert {log["name"] for log in logs} == {"Bob"}
            assert len({log["author"] for log in logs}) == 2
            found = await alice.api.federation.whois(short(phone.home.device))
            assert found["name"] == "Bob"


async def test_a_revoked_device_cannot_change_the_name_after_its_cut() -> None:
    with homes(LYON, [BOB], "phone") as [second]:
        async with gathering(LYON, ALICE, BOB) as [alice, stolen], running(second) as phone:
            await alice.api.federation.member_admit(to_text(BOB.root))
            await meet(alice, stolen, phone)
            cut = await phone.api.federation.device_cut("laptop")
            assert (cut["name"], cut["this"]) == ("laptop", False)
            assert [(log["log"], log["entries"], log["held"]) for log in cut["logs"]] == [
                ("id", 1, 1),
                ("keys", 1, 1),
                ("profile", 1, 1),
            ]
            signed = BOB.key.sign(cut_message(LYON.network_id(), bytes.fromhex(cut["cut"]))).hex()
            forged = ALICE.key.sign(cut_message(LYON.network_id(), bytes.fromhex(cut["cut"]))).hex()
            with pytest.raises(Refused, match="words"):
                await phone.api.federation.device_revoke(cut["cut"], forged)
            with pytest.raises(BadData, match="no cut"):
                await phone.api.federation.device_revoke("00", signed)
            await _rename(stolen, "Not Bob")
            answer = await phone.api.federation.device_revoke(cut["cut"], signed)
            assert answer["standing"] == "former"
            await meet(alice, phone)
            await meet(stolen, alice)
            assert names((await alice.api.federation.member_list())["members"]) == ["Alice", "Bob"]
            devices = (await alice.api.federation.whois("bob"))["devices"]
            assert {(each["name"], each["standing"]) for each in devices} == {
                ("laptop", "former"),
                ("phone", "member"),
            }
            [ends] = [each["ends"] for each in devices if each["ends"] is not None]
            assert ends == {"id": 1, "keys": 1, "profile": 1}


async def test_a_device_that_nobody_hears_does_not_revoke_itself() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        cut = await bob.api.federation.device_cut("laptop")
        signed = BOB.key.sign(cut_message(LYON.network_id(), bytes.fromhex(cut["cut"]))).hex()
        before = bob.intake.state(LogId(bob.home.device, LOG_ID))
        with pytest.raises(Unavailable, match="no peer is connected"):
            await bob.api.federation.device_revoke(cut["cut"], signed)
        assert bob.intake.state(LogId(bob.home.device, LOG_ID)) == before


async def _rename(node: Node, name: str) -> None:
    await node.author.write(LOG_PROFILE, [Intent(directory.compose(name, bytes(16)))])


async def test_a_membership_ends_together_and_what_was_said_before_stays() -> None:
    async with gathering(LYON, ALICE, BOB, CAROL) as [alice, bob, carol]:
        for each in (BOB, CAROL):
            await alice.api.federation.member_admit(to_text(each.root))
        await bob.api.social.post("before")
        await meet(alice, bob, carol)
        preview = await alice.api.federation.member_end("bob", preview=True)
        assert preview["acts"] == []
        [device] = preview["devices"]
        assert ("feed", 1, 1) in {(log["log"], log["entries"], log["held"]) for log in device["logs"]}
        assert bob.home.device in [LogId(*each).author for each in alice.home.entries.logs()]
        [act] = (await alice.api.federation.member_end("bob"))["acts"]
        assert act["effective"]
        await bob.api.social.post("after")
        await meet(alice, carol)
        await meet(bob, alice)
        assert names((await alice.api.federation.member_list())["members"]) == ["Alice", "Carol"]
        assert [post["text"] async for post in alice.api.social.read(author="bob")] == ["before"]
        shown = await carol.api.federation.whois("bob")
        assert (names(shown["sections"]), names(shown["left"])) == ([], ["Lyon"])


async def test_a_leaked_phrase_is_replaced_and_the_member_keeps_name_and_posts() -> None:
    fresh = Citizen("new words of bob")
    fresh.name = "Bob"
    async with gathering(LYON, ALICE, BOB, fresh, CAROL) as [alice, old, new, carol]:
        await join(alice, old, BOB)
        await alice.api.federation.member_admit(to_text(CAROL.root))
        await meet(alice, carol)
        with pytest.raises(Refused, match="admitted to Lyon by a steward"):
            await alice.api.federation.member_replace("carol", to_text(fresh.root))
        await old.api.social.post("by the old words")
        await meet(alice, old)
        answer = await alice.api.federation.member_replace("bob", to_text(fresh.root))
        assert [act["effective"] for act in answer["acts"]] == [True]
        assert answer["left_out"] == []
        await new.api.social.post("by the new words")
        await old.api.social.post("by a thief")
        await meet(alice, new)
        await meet(alice, old)
        posts = [post async for post in alice.api.social.read(author="bob")]
        assert [post["text"] for post in posts] == ["by the old words", "by the new words"]
        assert {(post["name"], post["member"]) for post in posts} == {("Bob", to_text(BOB.root))}
        shown = await alice.api.federation.whois("bob")
        assert shown["roots"] == [to_text(BOB.root), to_text(fresh.root)]
        assert shown["root"] == to_text(fresh.root)


async def test_a_contact_names_a_hub_and_holds_no_secret() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        answer = await alice.api.federation.contact()
        contact = codes.parse(answer["code"])
        assert isinstance(contact, Contact)
        assert (contact.hub, len(answer["code"])) == (alice.home.device, 124)


async def test_peer_add_tells_an_address_and_lets_nobody_in() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        added = await alice.api.peer_add(address=bob.address)
        assert added["device"] == to_text(bob.home.device)
        assert not alice.home.allowed.admits_peer(bob.home.device)
        with pytest.raises(BadRequest, match="members have names"):
            await alice.api.peer_add(address=bob.address, name="bob")
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        [peer] = (await alice.api.peer_list())["peers"]
        assert (peer["name"], peer["member"], peer["device_name"]) == ("Bob", to_text(BOB.root), "laptop")
        results = [news async for news in alice.api.sync("bob") if news["event"] == "result"]
        assert [(each["name"], each["ok"]) for each in results] == [("Bob", True)]
        status = await alice.api.status()
        [section] = status["federation"]["sections"]
        assert section["said_ms"] > 0
        [own] = (await bob.api.status())["federation"]["sections"]
        assert own["synced_ms"] > 0  # with Alice, who is its steward


def test_a_device_that_published_no_name_is_shown_by_its_member() -> None:
    with TemporaryDirectory(prefix="asterism-") as folder:
        paths = Paths(Path(folder) / "phone")
        with create_home(paths, None, LYON, None, root=BOB.key, device_name="phone") as home:
            names_now = Queries(home).names.now()
            assert names_now.of(home.device) == short(BOB.root)
            assert names_now.member(home.device) == to_text(BOB.root)


async def test_when_we_were_in_step_outlives_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.affairs.api.KEEP_SYNCED_S", 0.01)
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        await bob.api.peer_add(address=alice.address)
        assert [news["ok"] async for news in bob.api.sync() if news["event"] == "result"] == [True]
        synced: list[int] = []
        while not any(synced):
            await trio.sleep(0.01)
            synced = [each["synced_ms"] for each in Queries(bob.home).status()["federation"]["sections"]]
