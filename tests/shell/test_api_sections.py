"""Sections, stewards and invites through the api of running nodes, each with a store of its own."""

import pytest
import trio

from node.errors import BadData, BadRequest, Conflict, Missing, Refused
from node.federation import code as codes
from node.federation.bare import invite_key
from node.federation.code import Invite
from node.queries import Queries
from node.testing.citizens import Citizen, found, inception
from node.testing.gatherings import DEADLINE_S, gathering, homes, join, meet
from node.testing.homes import temporary_home
from node.testing.nodes import running
from store.ids import to_text

ALICE, BOB, CAROL, DORA = (Citizen(name) for name in ("Alice", "Bob", "Carol", "Dora"))
LYON = found([inception("Lyon", [ALICE])])


def names(answer: list[dict[str, object]]) -> list[object]:
    return [each["name"] for each in answer]


async def test_a_founder_alone_is_a_member_and_the_steward_of_the_section() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        [section] = (await alice.api.federation.section_list())["sections"]
        assert {"name": "Lyon", "valid": True, "founding": True, "threshold": 1}.items() <= section.items()
        assert names(section["stewards"]) == ["Alice"]
        assert (section["own"], section["steward"]) == (True, True)
        status = await alice.api.status()
        assert status["name"] == "Alice"
        assert status["federation"]["member"] == to_text(ALICE.root)
        assert status["federation"]["standing"] == "member"
        assert [each["name"] for each in status["federation"]["sections"]] == ["Lyon"]
        shown = await alice.api.federation.whois()
        assert (shown["name"], shown["self"], shown["steward"]) == ("Alice", True, True)
        assert [device["name"] for device in shown["devices"]] == ["laptop"]
        assert [each["how"] for each in shown["admitted"]] == ["steward"]


async def test_stewards_collect_consents_across_machines() -> None:
    async with gathering(LYON, ALICE, BOB, CAROL) as [alice, bob, carol]:
        for each in (BOB, CAROL):
            await alice.api.federation.member_admit(to_text(each.root))
        await meet(alice, bob, carol)
        [done] = (await alice.api.federation.steward_add("bob"))["acts"]
        assert (done["effective"], done["kind"]) == (True, "change")
        [waits] = (await alice.api.federation.steward_add("carol"))["acts"]
        assert (waits["complete"], len(waits["consents"]), waits["needed"]) == (False, 1, 2)
        assert waits["what"].startswith("adds Carol; 2 of 3")
        assert waits["yours"]
        await meet(alice, bob, carol)
        assert (await bob.api.status())["federation"]["pending"] == 1
        assert (await alice.api.status())["federation"]["pending"] == 0
        [pending] = (await bob.api.federation.steward_pending())["acts"]
        assert (pending["id"], pending["yours"]) == (waits["id"], False)
        [done] = (await bob.api.federation.steward_consent(pending["id"][:8]))["acts"]
        assert done["effective"]
        assert (await bob.api.federation.steward_pending())["acts"] == []
        await meet(alice, bob, carol)
        for node in (alice, bob, carol):
            listed = await node.api.federation.steward_list()
            assert sorted(names(listed["stewards"])) == ["Alice", "Bob", "Carol"]
            assert listed["threshold"] == 2
        await alice.api.federation.steward_threshold(3)
        with pytest.raises(Conflict, match="another change"):
            await alice.api.federation.steward_retire("bob")


async def test_a_retired_steward_is_one_no_more_and_what_he_did_stays() -> None:
    async with gathering(LYON, ALICE, BOB, CAROL) as [alice, bob, carol]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        await alice.api.federation.steward_add("bob")
        await meet(alice, bob)
        await bob.api.federation.member_admit(to_text(CAROL.root))
        await meet(alice, bob, carol)
        [act] = (await alice.api.federation.steward_retire("bob"))["acts"]
        await meet(alice, bob)
        [act] = (await bob.api.federation.steward_consent(act["id"]))["acts"]
        assert act["effective"]
        await meet(alice, bob, carol)
        for node in (alice, bob, carol):
            assert names((await node.api.federation.steward_list())["stewards"]) == ["Alice"]
            assert names((await node.api.federation.member_list())["members"]) == ["Alice", "Bob", "Carol"]
        with pytest.raises(Refused):
            await bob.api.federation.member_admit(to_text(DORA.root))


async def test_an_invite_is_a_code_for_this_hub_and_is_listed_and_revoked() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        made = await alice.api.federation.invite_create(uses=2)
        assert len(made["code"]) == 149
        invite = codes.parse(made["code"])
        assert isinstance(invite, Invite)
        assert invite.network == LYON.network_id()[:16]
        assert invite.hub == alice.home.device
        assert made["held"]
        assert "no hub" in made["warning"]
        [grant] = alice.home.membership.roster.grants() if alice.home.membership else []
        assert grant.grant.invite_key == invite_key(invite.secret).author
        [listed] = (await alice.api.federation.invite_list())["invites"]
        assert {"state": "open", "uses": 2, "used": 0, "for": "members"}.items() <= listed.items()
        assert "code" not in listed
        with pytest.raises(Missing, match="no invite"):
            await alice.api.federation.invite_revoke("zzzzzz")
        revoked = await alice.api.federation.invite_revoke(made["id"][:6])
        assert revoked["state"] == "revoked"
        assert (await alice.api.federation.invite_revoke(made["id"]))["state"] == "revoked"
        with pytest.raises(Refused):
            await bob.api.federation.invite_create()
        for wrong in ({"uses": 0}, {"uses": 51}, {"valid_ms": 0}, {"valid_ms": 2**50}):
            with pytest.raises(BadData):
                await alice.api.federation.invite_create(**wrong)


async def test_an_invite_waits_until_the_hub_that_it_names_holds_it() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, hub]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, hub)
        await alice.api.peer_add(address=hub.address)
        made = await alice.api.federation.invite_create(hub="bob")
        assert made["held"]
        invite = codes.parse(made["code"])
        assert isinstance(invite, Invite)
        assert invite.hub == hub.home.device
        assert [each["id"] for each in (await hub.api.federation.invite_list())["invites"]] == [made["id"]]
        with pytest.raises(Missing):
            await alice.api.federation.invite_create(hub="nobody")


async def test_a_hub_that_cannot_be_reached_is_warned_of_and_the_code_is_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.mesh.REACH_S", 0.2)
    async with gathering(LYON, ALICE, BOB) as [alice, hub]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, hub)
        gone = hub.address.replace("/tcp/", "/tcp/1")
        await alice.api.peer_add(address=gone)
        made = await alice.api.federation.invite_create(hub="bob")
        assert not made["held"]
        assert "Bob does not have it yet" in made["warning"]
        assert codes.parse(made["code"]).hub == hub.home.device


async def test_an_invite_that_has_expired_is_settled_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.affairs.settling.WAIT_MS", 0)
    monkeypatch.setattr("node.affairs.api.LOOK_S", 0.01)
    async with gathering(LYON, ALICE) as [alice]:
        made = await alice.api.federation.invite_create(valid_ms=1)
        seen, state = alice.intake.commits - 1, "open"
        while state != "settled":
            await alice.intake.changed(seen)
            seen = alice.intake.commits
            [listed] = (await alice.api.federation.invite_list())["invites"]
            state = listed["state"]
            if state == "expired":
                await alice.intake.changed(seen)
        assert listed["id"] == made["id"]


async def test_a_new_section_waits_until_it_is_endorsed() -> None:
    async with gathering(LYON, ALICE, CAROL) as [alice, carol]:
        await join(alice, carol, CAROL, inception("Berlin", [CAROL], network=LYON.network_id()))
        [invite] = (await alice.api.federation.invite_list())["invites"]
        assert invite["for"] == "sections"
        assert [(claim["brought"], claim["stands"]) for claim in invite["claims"]] == [("Berlin", True)]
        listed = (await alice.api.federation.section_list())["sections"]
        assert [(each["name"], each["valid"]) for each in listed] == [("Lyon", True), ("Berlin", False)]
        assert (listed[1]["needed"], listed[1]["endorsed_by"]) == (1, [])
        [mine, other] = (await carol.api.federation.section_list())["sections"]
        assert (other["name"], other["own"], other["steward"]) == ("Berlin", False, True)
        assert mine["own"] is False
        with pytest.raises(Refused, match="0 of 1 endorsements"):
            await carol.api.federation.invite_create(section="Berlin")
        with pytest.raises(Missing, match="no section"):
            await alice.api.federation.section_endorse("Paris")
        [act] = (await alice.api.federation.section_endorse("berlin"))["acts"]
        assert (act["effective"], act["what"]) == (True, "endorses Berlin")
        await meet(alice, carol)
        for node in (alice, carol):
            shown = await node.api.federation.section_show("Berlin")
            assert shown["valid"]
            assert names(shown["endorsed_by"]) == ["Lyon"]
            assert names(shown["people"]) == ["Carol"]
        with pytest.raises(Conflict, match="in already"):
            await alice.api.federation.section_endorse("Berlin")


async def test_the_roster_can_be_seen_as_it_was() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        before_ms = (await alice.api.social.post("a moment"))["time_ms"]
        await trio.sleep(0.002)
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        now = [line async for line in alice.api.federation.roster()]
        then = [line async for line in alice.api.federation.roster(before_ms)]
        assert [(line["type"], line["name"]) for line in now] == [
            ("section", "Lyon"),
            ("member", "Alice"),
            ("member", "Bob"),
        ]
        assert [(line["type"], line["name"]) for line in then] == [("section", "Lyon"), ("member", "Alice")]
        assert {line["section_name"] for line in now if line["type"] == "member"} == {"Lyon"}


async def test_a_section_changes_its_name_and_the_rest_stays() -> None:
    async with gathering(LYON, ALICE) as [alice]:
        [act] = (
            await alice.api.federation.section_change(name="Lugdunum", territory="Rhône", languages=["la"])
        )["acts"]
        assert act["effective"]
        shown = await alice.api.federation.section_show()
        assert (shown["name"], shown["territory"], shown["languages"]) == ("Lugdunum", "Rhône", ["la"])
        assert names(shown["stewards"]) == ["Alice"]
        for wrong in ({"name": "x" * 65}, {"languages": ["d!"]}, {}):
            with pytest.raises(BadData):
                await alice.api.federation.section_change(**wrong)  # type: ignore[arg-type]


async def test_reading_works_without_a_daemon() -> None:
    with homes(LYON, [ALICE]) as [home]:
        queries = Queries(home).federation
        assert names(queries.section_list()["sections"]) == ["Lyon"]
        assert names(queries.section_show()["people"]) == ["Alice"]
        assert queries.steward_list()["threshold"] == 1
        assert queries.steward_pending()["acts"] == []
        assert queries.invite_list()["invites"] == []
        assert names(queries.member_list()["members"]) == ["Alice"]
        assert [line["type"] for line in queries.roster()] == ["section", "member"]
        assert queries.whois("alice")["self"]
        assert len(queries.device_list()["devices"]) == 1
        assert Queries(home).status()["federation"]["member_name"] == "Alice"


async def test_a_circle_has_no_sections_and_says_so() -> None:
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as home:
        async with running(home) as node:
            assert (await node.api.status())["federation"] is None
            for ask in (
                node.api.federation.section_list,
                node.api.federation.whois,
                node.api.federation.invite_create,
                node.api.federation.contact,
                node.api.federation.petname_list,
            ):
                with pytest.raises(BadRequest, match="open circle") as caught:
                    await ask()
                assert caught.value.advice
