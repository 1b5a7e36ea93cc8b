"""What a home chose to carry: kept, told to the mesh, and seen by others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from gossip.net.memory import MemoryNet
from gossip.proto.interest import EVERYTHING, Interest, choose
from node.affairs.interest import (
    ALL,
    AUTO,
    HUB_KNOWN_MS,
    OWN,
    SETTING,
    Choice,
    Nearby,
    Wish,
    interest_of,
    read_choice,
)
from node.apps.messenger.bodies import box_of
from node.deletion.hubs import Heard, write_hubs
from node.errors import BadData, BadRequest, Missing
from node.founding import create_home
from node.home import Home
from node.paths import Paths
from node.queries import Queries
from node.testing.citizens import Citizen, found, inception, section_of
from node.testing.homes import temporary_home
from node.testing.nodes import running
from node.testing.people import people
from store.ids import LOG_DELETIONS, LOG_DOCS, LOG_FEED, LOG_ID, LOG_NAMES, AuthorId, LogNo, log_number
from store.sqlite.home import Peer

DEADLINE_S = 60
DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS + 5_000
PROFILE = log_number("profile")
ALICE, CAROL = Citizen("Alice"), Citizen("Carol")
LYON, BERLIN = inception("Lyon", [ALICE]), inception("Berlin", [CAROL])
CHARTER = found([LYON, BERLIN])


@contextmanager
def alices_home() -> Iterator[Home]:
    with (
        TemporaryDirectory(prefix="asterism-") as folder,
        create_home(Paths(Path(folder)), "Alice", CHARTER, None, root=ALICE.key) as home,
    ):
        yield home


def test_everything_is_carried_where_nothing_was_chosen() -> None:
    assert Choice().interest((), NOW_MS) == EVERYTHING
    with alices_home() as home:
        assert interest_of(home, NOW_MS) == EVERYTHING
        assert Queries(home).interest.interest_show()["everything"]


def test_who_belongs_and_is_called_what_is_carried_whatever_the_purpose() -> None:
    interest = Choice(purposes=(LOG_FEED,)).interest((), NOW_MS)
    assert [n for n in range(32) if interest.logs >> n & 1] == sorted(
        (LOG_ID, LOG_FEED, PROFILE, LOG_DELETIONS)
    )


def test_ones_own_sections_are_carried_whatever_was_chosen() -> None:
    with alices_home() as home:
        queries = Queries(home).interest
        answer = queries.interest_set(sections=["Berlin"])
        assert [each["name"] for each in answer["sections"]] in (["Lyon", "Berlin"], ["Berlin", "Lyon"])
        assert interest_of(home, NOW_MS).sections == tuple(sorted((section_of(LYON), section_of(BERLIN))))
        assert read_choice(home).sections == (section_of(BERLIN),)


def test_an_age_is_a_day_that_moves_on() -> None:
    choice = Choice(age_ms=90 * DAY_MS)
    first = choice.interest((), NOW_MS).bodies_since_ms
    assert first == 19_910 * DAY_MS
    assert choice.interest((), NOW_MS + 1_000).bodies_since_ms == first
    assert choice.interest((), NOW_MS + DAY_MS).bodies_since_ms == first + DAY_MS
    assert Choice(age_ms=NOW_MS * 2).interest((), NOW_MS).bodies_since_ms == 0


def test_what_is_not_given_stays_as_it_is_and_all_takes_a_choice_back() -> None:
    choice = Wish(purposes=["docs", "feed", "feed"]).applied(Choice())
    choice = Wish(age_ms=DAY_MS).applied(choice)
    choice = Wish(sections=(b"b" * 32, b"a" * 32)).applied(choice)
    assert choice == Choice((b"a" * 32, b"b" * 32), (LOG_FEED, LOG_DOCS), DAY_MS)
    assert Wish(sections=()).applied(choice).sections is None
    assert Wish(purposes=["ALL"]).applied(choice).purposes is None
    assert Wish(age_ms=0).applied(choice).age_ms == 0
    assert Wish(boxes=" Own").applied(choice) == choice._replace(boxes=OWN)
    assert Wish(everything=True).applied(choice) == Choice()


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (Wish(), BadRequest),
        (Wish(everything=True, age_ms=1), BadRequest),
        (Wish(everything=True, boxes=ALL), BadRequest),
        (Wish(boxes="mine"), BadData),
        (Wish(purposes=["letters"]), BadData),
        (Wish(purposes=["feed", "all"]), BadData),
    ],
)
def test_what_cannot_be_chosen_is_told(wish: Wish, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        wish.applied(Choice())
    assert caught.value.advice  # type: ignore[attr-defined]


def test_more_sections_than_an_interest_may_name_are_told() -> None:
    many = tuple(bytes([number]) * 32 for number in range(65))
    with pytest.raises(BadData, match="64 sections"):
        Choice(sections=many).interest((), NOW_MS)


def test_every_purpose_can_be_chosen_by_its_name() -> None:
    for number, name in enumerate(LOG_NAMES):
        assert Wish(purposes=[name]).applied(Choice()).purposes == (LogNo(number),)


@pytest.mark.parametrize("boxes", [AUTO, ALL, OWN])
def test_a_choice_is_kept(boxes: str) -> None:
    choice = Choice((b"a" * 32,), (LOG_FEED,), DAY_MS, boxes)
    with temporary_home("alice") as home:
        home.tables.set({SETTING: choice.encode()})
        assert read_choice(home) == choice


# Packets.


@contextmanager
def home_that_met(hub: AuthorId, ago_ms: int, *, is_let_in: bool = True) -> Iterator[Home]:
    """A home that was connected to a hub some time before `NOW_MS`."""
    with temporary_home("alice") as home:
        if is_let_in:
            home.tables.put_peer(Peer(hub, "hub", (), "", 1))
            home.reload_peers()
        write_hubs(home, {hub: Heard(NOW_MS - ago_ms, NOW_MS)})
        yield home


(HUB,) = people(["hub"])


@pytest.mark.parametrize(
    ("ago_ms", "leaves_out"), [(0, True), (HUB_KNOWN_MS - 1, True), (HUB_KNOWN_MS, False)]
)
def test_packets_of_others_are_left_to_a_hub_that_was_met_lately(ago_ms: int, leaves_out: bool) -> None:
    with home_that_met(HUB.id, ago_ms) as home:
        own = 1 << box_of(home.device)
        interest = interest_of(home, NOW_MS)
        assert interest == (choose(bodies=0xFFFF | own) if leaves_out else EVERYTHING)
        assert interest_of(home, NOW_MS, Nearby(is_hub=True)) == EVERYTHING, "a hub carries all"
        shown = Queries(home, lambda: NOW_MS).interest.interest_show()
        assert (shown["boxes"], len(shown["without_bodies"])) == (AUTO, 15 if leaves_out else 0)
        assert shown["everything"] is not leaves_out
        home.tables.set({SETTING: Choice(boxes=ALL).encode()})
        assert interest_of(home, NOW_MS) == EVERYTHING
        home.tables.set({SETTING: Choice(boxes=OWN).encode()})
        assert interest_of(home, NOW_MS).bare == EVERYTHING.logs & ~(0xFFFF | own)


def test_a_hub_that_is_let_in_no_longer_is_none() -> None:
    with home_that_met(HUB.id, 0, is_let_in=False) as home:
        assert interest_of(home, NOW_MS) == EVERYTHING


def test_a_hub_that_leaves_packets_out_carries_none_for_others() -> None:
    with home_that_met(HUB.id, 0) as home:
        for said in (choose(bodies=0xFFFF), Interest(1 << LOG_FEED), choose(bodies_since_ms=NOW_MS + 1)):
            assert interest_of(home, NOW_MS, Nearby(False, interests={HUB.id: said})) == EVERYTHING
        assert interest_of(home, NOW_MS, Nearby(False, interests={HUB.id: EVERYTHING})) != EVERYTHING


def test_a_hub_that_the_mesh_has_met_counts_at_once() -> None:
    with home_that_met(HUB.id, HUB_KNOWN_MS) as home:
        assert interest_of(home, NOW_MS) == EVERYTHING
        assert interest_of(home, NOW_MS, Nearby(False, {HUB.id: Heard(NOW_MS, NOW_MS)})).bare
        assert not interest_of(home, NOW_MS, Nearby(False, {HUB.id: Heard(0, NOW_MS)})).bare, "heard of only"


def test_a_home_that_was_a_hub_when_it_last_ran_is_taken_for_one() -> None:
    with home_that_met(HUB.id, 0) as home:
        write_hubs(home, {HUB.id: Heard(NOW_MS, NOW_MS), home.device: Heard(NOW_MS, NOW_MS)})
        assert interest_of(home, NOW_MS) == EVERYTHING
        assert interest_of(home, NOW_MS, Nearby(is_hub=False)).bare


def test_an_own_home_alone_is_no_hub_to_leave_packets_to() -> None:
    with temporary_home("alice") as home:
        write_hubs(home, {home.device: Heard(NOW_MS, NOW_MS)})
        assert interest_of(home, NOW_MS, Nearby(is_hub=False)) == EVERYTHING


def test_a_choice_of_purposes_without_boxes_leaves_no_packets_to_leave_out() -> None:
    assert Choice(purposes=(LOG_FEED,)).interest((), NOW_MS, LogNo(16)).bare == 0


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b'{"sections": 1}', b'{"sections": ["zz"]}', b"\xff"])
def test_a_setting_that_cannot_be_read_is_no_choice(value: bytes) -> None:
    with temporary_home("alice") as home:
        home.tables.set({SETTING: value})
        assert read_choice(home) == Choice()
        assert interest_of(home, NOW_MS) == EVERYTHING


async def test_a_choice_counts_at_once_and_after_a_restart_and_others_see_it() -> None:
    with trio.fail_after(DEADLINE_S), temporary_home("alice") as first, temporary_home("bob") as second:
        async with trio.open_nursery() as nursery:
            net = MemoryNet(nursery)
            async with running(first, net) as alice, running(second, net) as bob:
                await alice.api.peer_add(address=bob.address, name="bob")
                await bob.api.peer_add(address=alice.address, name="alice")
                assert [news["ok"] async for news in alice.api.sync() if news["event"] == "result"] == [True]
                answer = await alice.api.interest.interest_set(purposes=["docs"])
                assert answer["purposes"] == ["id", "docs", "profile", "deletions"]
                assert not alice.mesh.interest.logs >> LOG_FEED & 1
                await bob.api.social.post("a post that Alice does not carry")
                assert [news["ok"] async for news in alice.api.sync() if news["event"] == "result"] == [True]
                assert [post async for post in alice.api.social.read()] == []
                others = (await bob.api.interest.interest_show())["others"]
                said = {other["name"]: other["purposes"] for other in others}
                assert said["alice"] == ["id", "docs", "profile", "deletions"]
                with pytest.raises(BadRequest, match="no sections"):
                    await bob.api.interest.interest_set(sections=["Lyon"])
                assert interest_of(first, NOW_MS) == alice.mesh.interest
                await alice.api.interest.interest_set(everything=True)
                assert [news["ok"] async for news in alice.api.sync() if news["event"] == "result"] == [True]
                assert await alice.api.wait(DEADLINE_S, entries=3) == {"ok": True}
            nursery.cancel_scope.cancel()


async def test_sections_are_chosen_by_name_and_unknown_ones_told() -> None:
    with trio.fail_after(DEADLINE_S), alices_home() as home:
        async with running(home) as alice:
            with pytest.raises(Missing, match="no section"):
                await alice.api.interest.interest_set(sections=["Paris"])
            answer = await alice.api.interest.interest_set(sections=["lyon"], age_ms=30 * DAY_MS)
            assert [each["name"] for each in answer["sections"]] == ["Lyon"]
            assert answer["since_ms"] > 0
            assert alice.mesh.interest.sections == (section_of(LYON),)
            shown = await alice.api.federation.section_show("Berlin")
            assert (shown["carried_by"], shown["declined_by"]) == ([], [])  # no hub is known
            answer = await alice.api.interest.interest_set(sections=["all"])
            assert answer["sections"] is None
