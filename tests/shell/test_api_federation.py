"""Sections, stewards, invites and members through the api of running nodes, each with a store of its own."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from gossip.net.memory import MemoryNet
from node.apps.directory import bodies as directory
from node.apps.registry import LOG_PROFILE
from node.errors import BadData, BadRequest, Conflict, Missing, Refused
from node.federation import bare
from node.federation import code as codes
from node.federation.bare import cut_message, invite_key
from node.federation.code import Contact, Invite
from node.federation.statements import Claim, compose_claim, compose_inception
from node.founding import create_home
from node.home import Home
from node.paths import Paths
from node.queries import Queries
from node.signing import Intent
from node.testing.citizens import Citizen, found, inception
from node.testing.homes import temporary_home
from node.testing.nodes import Node, running
from store.charter import Charter
from store.ids import LOG_ID, EntryId, from_text, short, to_text
from store.log import LogId

DEADLINE_S = 60
ALICE, BOB, CAROL, DORA = (Citizen(name) for name in ("Alice", "Bob", "Carol", "Dora"))


@contextmanager
def homes(charter: Charter, people: Sequence[Citizen], device: str = "laptop") -> Iterator[list[Home]]:
    """A home for each of these people, that vanishes afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="asterism-")))
        made = []
        for number, each in enumerate(people):
            paths = Paths(folder / str(number))
            home = create_home(paths, each.name, charter, None, root=each.key, device_name=device)
            made.append(stack.enter_context(home))
        yield made


async def meet(*nodes: Node) -> None:
    """Every node gets what all of them hold, `id` logs first."""
    for is_id in (True, False):
        for one in nodes:
            for other in nodes:
                pieces = [
                    tuple(one.home.entries.range(log_id, 1, 10_000, 10**8))
                    for log_id, state in one.home.entries.logs().items()
                    if state.head is not None and (log_id.log == LOG_ID) is is_id
                ]
                if one is not other:
                    await other.intake.ingest(pieces, one.home.device, each_signature=True)


@asynccontextmanager
async def gathering(charter: Charter, *people: Citizen) -> AsyncIterator[list[Node]]:
    """Running nodes of these people, in one network in memory, who have not met."""
    with trio.fail_after(DEADLINE_S), homes(charter, people) as made:
        async with trio.open_nursery() as nursery, _running(made, MemoryNet(nursery)) as nodes:
            yield nodes
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def _running(made: Sequence[Home], net: MemoryNet) -> AsyncIterator[list[Node]]:
    if not made:
        yield []
        return
    async with running(made[0], net) as first, _running(made[1:], net) as others:
        yield [first, *others]


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
    monkeypatch.setattr("node.settling.WAIT_MS", 0)
    monkeypatch.setattr("node.federation_api.LOOK_S", 0.01)
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


async def join(steward: Node, newcomer: Node, person: Citizen, signed: bytes | None = None) -> None:
    """What `aster join` and `aster section join` do: use an invite, and be known to who made it."""
    federation = steward.api.federation
    made = await (federation.invite_create() if signed is None else federation.section_invite())
    invite = codes.parse(made["code"])
    assert isinstance(invite, Invite)
    grant, device, nonce = EntryId(from_text(made["id"])), newcomer.home.device, bytes(16)
    message = bare.claim_message(steward.home.network, grant, person.root, device, invite.hub, nonce)
    claim = Claim(grant, person.root, invite.hub, nonce, invite_key(invite.secret).sign(message))
    begun = [] if signed is None else [compose_inception(bytes(16), signed)]
    bodies = [*begun, compose_claim(bytes(16), claim)]
    await newcomer.author.write(LOG_ID, [Intent(body) for body in bodies])
    await meet(steward, newcomer)


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
            await bob.api.post("from the laptop")
            await phone.api.post("from the phone")
            await meet(alice, bob, phone)
            posts = [shown async for shown in alice.api.read(author="bob")]
            assert [post["text"] for post in posts] == ["from the laptop", "from the phone"]
            assert {(post["name"], post["member"]) for post in posts} == {("Bob", to_text(BOB.root))}
            own = [shown async for shown in alice.api.read(author=to_text(phone.home.device))]
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
            assert ends == {"id": 1, "profile": 1}


async def _rename(node: Node, name: str) -> None:
    await node.author.write(LOG_PROFILE, [Intent(directory.compose(name, bytes(16)))])


async def test_a_membership_ends_together_and_what_was_said_before_stays() -> None:
    async with gathering(LYON, ALICE, BOB, CAROL) as [alice, bob, carol]:
        for each in (BOB, CAROL):
            await alice.api.federation.member_admit(to_text(each.root))
        await bob.api.post("before")
        await meet(alice, bob, carol)
        preview = await alice.api.federation.member_end("bob", preview=True)
        assert preview["acts"] == []
        [device] = preview["devices"]
        assert ("feed", 1, 1) in {(log["log"], log["entries"], log["held"]) for log in device["logs"]}
        assert bob.home.device in [LogId(*each).author for each in alice.home.entries.logs()]
        [act] = (await alice.api.federation.member_end("bob"))["acts"]
        assert act["effective"]
        await bob.api.post("after")
        await meet(alice, carol)
        await meet(bob, alice)
        assert names((await alice.api.federation.member_list())["members"]) == ["Alice", "Carol"]
        assert [post["text"] async for post in alice.api.read(author="bob")] == ["before"]
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
        await old.api.post("by the old words")
        await meet(alice, old)
        answer = await alice.api.federation.member_replace("bob", to_text(fresh.root))
        assert [act["effective"] for act in answer["acts"]] == [True]
        assert answer["left_out"] == []
        await new.api.post("by the new words")
        await old.api.post("by a thief")
        await meet(alice, new)
        await meet(alice, old)
        posts = [post async for post in alice.api.read(author="bob")]
        assert [post["text"] for post in posts] == ["by the old words", "by the new words"]
        assert {(post["name"], post["member"]) for post in posts} == {("Bob", to_text(BOB.root))}
        shown = await alice.api.federation.whois("bob")
        assert shown["roots"] == [to_text(BOB.root), to_text(fresh.root)]
        assert shown["root"] == to_text(fresh.root)


async def test_the_roster_can_be_seen_as_it_was() -> None:
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        before_ms = (await alice.api.post("a moment"))["time_ms"]
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


def test_a_device_that_published_no_name_is_shown_by_its_member() -> None:
    with TemporaryDirectory(prefix="asterism-") as folder:
        paths = Paths(Path(folder) / "phone")
        with create_home(paths, None, LYON, None, root=BOB.key, device_name="phone") as home:
            names_now = Queries(home).names.now()
            assert names_now.of(home.device) == short(BOB.root)
            assert names_now.member(home.device) == to_text(BOB.root)


async def test_when_we_were_in_step_outlives_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.federation_api.KEEP_SYNCED_S", 0.01)
    async with gathering(LYON, ALICE, BOB) as [alice, bob]:
        await alice.api.federation.member_admit(to_text(BOB.root))
        await meet(alice, bob)
        await bob.api.peer_add(address=alice.address)
        assert [news["ok"] async for news in bob.api.sync() if news["event"] == "result"] == [True]
        synced: list[int] = []
        while not any(synced):
            await trio.sleep(0.01)
            synced = [each["synced_ms"] for each in Queries(bob.home).status()["federation"]["sections"]]


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
