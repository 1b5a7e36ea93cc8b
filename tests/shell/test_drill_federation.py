"""The drill in a federation: three hubs find the same, and each says what it would take to go on."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio

from node.drill.rebuilding import Out, drill
from node.drill.replay import Replay
from node.errors import BadData, BadRequest, Refused
from node.federation.limits import MAX_DEVICES
from node.federation.views import Standing
from node.founding import create_home
from node.home import Home, open_home
from node.paths import Paths
from node.running import keep
from node.testing.citizens import Citizen, Device, act_of
from node.testing.federations import Federation, cut_at, terms_of
from node.testing.homes import temporary_home
from store.crypto import SigningKey
from store.entry import SALT_BYTES, Entry, make_body, sign
from store.ids import LOG_FEED, LOG_ID, AuthorId, to_text
from store.log import LogId, fork_proof
from store.sqlite.home import Peer

DEADLINE_S = 60


def nobody() -> str | None:
    return None


def quiet(*news: object) -> None:
    return None


def run(home: Home, out: Path | None = None, root: SigningKey | None = None) -> dict[str, Any]:
    return drill(home.paths, nobody, None if out is None else Out(out, None, root), quiet)


def posts(device: Device, count: int) -> list[Entry]:
    """A feed with so many entries."""
    entries: list[Entry] = []
    for seq in range(1, count + 1):
        body = make_body(bytes(SALT_BYTES), [1, f"{device.citizen.name} says {seq}", ""])
        back = entries[-1].id if entries else b""
        when = 1_763_000_000_000 + 1_000 * seq
        entries.append(sign(device.key, device.network, LOG_FEED, seq, back, body, when))
    return entries


def take_in(home: Home, logs: Sequence[Sequence[Entry]]) -> None:
    """Whole logs come from a peer, `id` logs in front, until none is taken any more."""

    async def ingest() -> None:
        with trio.fail_after(DEADLINE_S):
            async with keep(home) as keeping:
                for _ in logs:
                    before = keeping.intake.entries
                    for log in logs:
                        await keeping.intake.ingest([tuple(log)], home.device, each_signature=True)
                    await keeping.intake.settled()
                    if keeping.intake.entries == before:
                        break

    trio.run(ingest)


def spread(source: Home, target: Home) -> None:
    """Everything that one holds comes to the other."""

    async def replay() -> None:
        async with keep(target) as keeping:
            await Replay(source, source.entries.logs(), keeping.intake, (), quiet).run()

    trio.run(replay)


class World:
    """Three sections with a steward and a hub each, and what their members said."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.federation = Federation(sections=3, endorsements=2)
        self.stewards = [each for [each] in self.federation.stewards]
        self.hubs: list[Home] = []
        for number, steward in enumerate(self.stewards):
            place = Paths(folder / f"hub{number}")
            name = f"hub {number}"
            home = create_home(place, name, self.federation.charter, None, root=steward.citizen.key)
            self.hubs.append(stack.enter_context(home))
        first, second, _ = self.stewards
        self.bob = self.federation.join("bob", self.federation.invite(first))
        self.carol = self.federation.join("carol", self.federation.invite(second, self.federation.state(1)))
        self.lost = self.federation.device(self.bob.citizen, "lost laptop")
        self.dave, self.berlin = self.federation.new_section(
            "Berlin", [(first, self.federation.state()), (second, self.federation.state(1))]
        )
        self.feeds = {each.id: posts(each, 5) for each in (self.bob, self.carol, self.lost, self.dave)}
        self.bob.cut(cut_at(self.lost, None, [(LOG_FEED, 3)]))

    def logs(self, without: Sequence[Device] = ()) -> list[list[Entry]]:
        left_out = {device.id for device in without}
        ids = [list(log) for device, log in self.federation.logs().items() if device not in left_out]
        return [*ids, *(feed for device, feed in self.feeds.items() if device not in left_out)]

    def fill(self, number: int = 0, without: Sequence[Device] = ()) -> Home:
        """One hub gets what everybody said but those left out."""
        take_in(self.hubs[number], self.logs(without))
        return self.hubs[number]

    def fill_all(self) -> list[Home]:
        """All three hold the same in the end, in different orders of arrival."""
        one, two, three = self.hubs
        self.fill(0)
        for source, target in ((two, one), (three, one), (one, three), (one, two)):
            spread(source, target)
        return self.hubs


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with ExitStack() as stack:
        yield World(tmp_path, stack)


def differing(found: dict[str, Any]) -> list[str]:
    return [each["what"] for each in found["digests"] if not each["equal"]]


def test_every_hub_alone_gives_the_whole_federation_again(world: World) -> None:
    found = [run(home) for home in world.fill_all()]
    assert [(each["ok"], differing(each), each["lost"]["entries"]["listed"]) for each in found] == [
        (True, [], [])
    ] * 3
    assert found[0]["digests"] == found[1]["digests"] == found[2]["digests"]
    assert "roster" in {each["what"] for each in found[0]["digests"]}
    assert found[0]["entries"] > 40


def test_of_each_section_it_is_said_who_decides(world: World) -> None:
    sections = run(world.fill())["sections"]
    assert [(each["name"], each["valid"], each["threshold"]) for each in sorted(sections, key=by_name)] == [
        ("Berlin", True, 1),
        ("section 0", True, 1),
        ("section 1", True, 1),
        ("section 2", True, 1),
    ]
    [lead] = [each for each in sections if each["name"] == "section 0"]
    assert lead["known"] == 1
    assert lead["members"] == 2
    [steward] = lead["stewards"]
    assert (steward["member"], steward["devices"]) == (to_text(world.stewards[0].citizen.root), 2)


def by_name(each: dict[str, Any]) -> str:
    return str(each["name"])


def test_a_lost_laptop_is_cut_everywhere_and_nothing_is_lost_by_it(world: World) -> None:
    found = run(world.fill())
    assert found["ok"]
    [ended] = found["ended"]["listed"]
    assert (ended["author"], ended["log"], ended["seq"], ended["kind"]) == (
        to_text(world.lost.id),
        "feed",
        4,
        "cut",
    )


def test_entries_that_a_cut_calls_good_are_lost_where_they_are_not_here(world: World) -> None:
    del world.feeds[world.lost.id][2:]
    found = run(world.fill())
    assert (found["ok"], found["equal"]) == (False, True)
    [lost] = found["lost"]["entries"]["listed"]
    assert (lost["author"], lost["first"], lost["last"]) == (to_text(world.lost.id), 3, 3)


def test_what_is_missing_at_one_hub_is_named_there_and_nowhere_else(world: World) -> None:
    one, two, three = world.fill_all()
    [entry] = two.entries.range(LogId(world.carol.id, LOG_FEED), 4, 4, 2**20)
    two.shelf.drop_body(entry.id)
    found = [run(home) for home in (one, two, three)]
    assert [each["ok"] for each in found] == [True, False, True]
    [lost] = found[1]["lost"]["bodies"]["listed"]
    assert (lost["author"], lost["log"], lost["count"]) == (to_text(world.carol.id), "feed", 1)
    assert found[0]["digests"] != found[1]["digests"]


def test_of_a_section_whose_stewards_are_not_heard_it_is_said_so(world: World) -> None:
    found = run(world.fill(2, without=[world.stewards[0], world.stewards[1], world.bob]))
    assert (found["ok"], found["equal"]) == (False, True)
    assert {each["name"] for each in found["lost"]["sections"]["listed"]} == {"section 0", "section 1"}


def test_an_act_that_others_consented_to_and_is_not_here_is_named(world: World) -> None:
    first = world.stewards[0]
    unheard = first.change([world.federation.state()], terms_of([first], name="Lyon"))
    act = act_of(unheard, world.federation.network)
    del first.log[-1]
    first.consent(act)
    found = run(world.fill())
    assert found["ok"]
    [named] = found["named"]["listed"]
    assert (named["author"], named["what"], named["id"]) == (to_text(first.id), "act", to_text(act))


def test_who_belongs_is_computed_and_not_believed(world: World) -> None:
    home = world.fill()
    stranger = world.federation.newcomer("eve")
    home.shelf.append([stranger.log, posts(stranger, 3)], checked=True, durable=False)
    found = run(home)
    assert differing(found) == ["logs", "feed view", "search index"]
    lost = found["lost"]["entries"]["listed"]
    assert {each["log"] for each in lost} == {"id", "feed"}
    assert {each["author"] for each in lost} == {to_text(stranger.id)}


def test_evidence_against_a_stranger_is_no_log_of_his(world: World) -> None:
    home = world.fill()
    eve = world.federation.newcomer("eve")
    two = [
        sign(eve.key, eve.network, LOG_ID, 1, b"", make_body(bytes(SALT_BYTES), [99, each]), 1)
        for each in (1, 2)
    ]
    home.shelf.end_log(fork_proof(two[0], two[1], home.network))
    found = run(home)
    assert (found["ok"], found["ended"]["count"]) == (True, 1)  # the lost laptop's feed alone


def test_a_statement_whose_body_is_damaged_is_lost(world: World) -> None:
    home = world.fill()
    key = home.entries.key_of(world.stewards[0].log[1].id)
    with home.database.write() as connection:
        connection.execute("UPDATE entries SET body = zeroblob(40) WHERE k = ?", (key,)).fetchall()
    found = run(home)
    assert not found["ok"]
    assert found["lost"]["bodies"]["count"] == 1


# --- the folder that is left ------------------------------------------------------------------------


def test_with_a_members_words_the_folder_is_a_device_of_that_member(world: World, tmp_path: Path) -> None:
    home = world.fill()
    found = run(home, tmp_path / "out", world.dave.citizen.key)
    assert found["ok"]
    with open_home(Paths(tmp_path / "out"), nobody, writing=True) as left:
        assert left.membership is not None
        roster = left.membership.roster
        assert roster.standing(left.device) is Standing.MEMBER
        assert roster.member_of(left.device) == world.dave.citizen.root
        assert left.entries.count() == home.entries.count() + 1
        again = run(left)
    assert again["ok"]
    assert [section["members"] for section in again["sections"]] == [
        section["members"] for section in found["sections"]
    ]


def test_without_words_nobody_knows_the_device_of_the_folder(world: World, tmp_path: Path) -> None:
    first = run(world.fill(), tmp_path / "out")
    with open_home(Paths(tmp_path / "out"), nobody, writing=True) as left:
        assert left.membership is not None
        assert left.membership.roster.standing(left.device) is Standing.UNKNOWN
        assert {**run(left), "out": first["out"]} == first


def test_words_of_nobody_who_belongs_make_no_folder(world: World, tmp_path: Path) -> None:
    home = world.fill()
    for citizen in (Citizen("eve"), Citizen("steward of nothing")):
        with pytest.raises(BadData):
            run(home, tmp_path / "out", citizen.key)
    assert not (tmp_path / "out").exists()


def test_a_member_with_as_many_devices_as_anybody_may_have_gets_no_other(
    world: World, tmp_path: Path
) -> None:
    for number in range(MAX_DEVICES - 1):
        world.federation.device(world.carol.citizen, f"phone {number}")
    with pytest.raises(Refused):
        run(world.fill(), tmp_path / "out", world.carol.citizen.key)
    assert not (tmp_path / "out").exists()


def test_in_an_open_circle_words_are_of_no_use(tmp_path: Path) -> None:
    with temporary_home("alice") as home, pytest.raises(BadRequest):
        run(home, tmp_path / "out", Citizen("alice").key)


def test_addresses_that_were_given_go_along(world: World, tmp_path: Path) -> None:
    home = world.fill()
    home.tables.put_peer(Peer(AuthorId(world.bob.id), "bob", ("/ip4/127.0.0.1/tcp/4711",), "", 1))
    run(home, tmp_path / "out", world.dave.citizen.key)
    with open_home(Paths(tmp_path / "out"), nobody, writing=False) as left:
        assert left.tables.peers() == home.tables.peers()
