"""What a home chose to carry: kept, told to the mesh, and seen by others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from gossip.net.memory import MemoryNet
from gossip.proto.interest import EVERYTHING
from node.affairs.interest import SETTING, Choice, Wish, interest_of, read_choice
from node.errors import BadData, BadRequest, Missing
from node.founding import create_home
from node.home import Home
from node.paths import Paths
from node.queries import Queries
from node.testing.citizens import Citizen, found, inception, section_of
from node.testing.homes import temporary_home
from node.testing.nodes import running
from store.ids import LOG_DELETIONS, LOG_DOCS, LOG_FEED, LOG_ID, LOG_NAMES, LogNo, log_number

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
    assert Wish(everything=True).applied(choice) == Choice()


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (Wish(), BadRequest),
        (Wish(everything=True, age_ms=1), BadRequest),
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
