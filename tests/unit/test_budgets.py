"""Who takes how much, who is beyond his quota, and which texts go: values, and one store."""

import io
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.budgets.bounds import Bounds
from node.budgets.letting_go import choose
from node.budgets.planning import Parties, Taken, Usage, ends_of, plan_of, usage_of
from node.budgets.quotas import (
    HUB,
    LAPTOP,
    MEMBER,
    MIB,
    SECTION,
    Allowance,
    Choice,
    Quotas,
    Wish,
    quotas_of,
    read_choice,
)
from node.config import Config
from node.errors import BadRequest
from node.home import Home
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.entry import MAX_SEQ
from store.ids import LOG_DELETIONS, LOG_FEED, LOG_ID, LOG_PROFILE, AuthorId, LogNo
from store.log import LogId
from store.sqlite.holdings import Holding, HoldingTable

ANN, BOB, EVE, OWN = (AuthorId(name.encode() * 32) for name in "abeo")
LYON = b"L" * 32
SMALL = Quotas(Allowance(1_000, 100), Allowance(2_000, 1_000), {}, {})


def parties(sections: Mapping[bytes, tuple[bytes, ...]] | None = None) -> Parties:
    return Parties(lambda device: device, lambda member: (sections or {}).get(member, ()), OWN)


def in_lyon(*members: bytes) -> Parties:
    return parties(dict.fromkeys(members, (LYON,)))


def usage(by: Mapping[bytes, Taken], who: Parties) -> Usage:
    sections: dict[bytes, Taken] = {}
    for member, taken in by.items():
        for section in who.sections(member):
            sections[section] = sections.get(section, Taken()).plus(taken)
    return Usage(by, sections)


def holding(author: AuthorId, log: LogNo, heads: int, bodies: int) -> Holding:
    return Holding(LogId(author, log), heads, bodies, 0)


# Quotas.


def test_what_was_chosen_counts_before_the_settings_and_these_before_the_defaults() -> None:
    config = Config(texts_member_mib=7, headers_section_mib=9)
    quotas = quotas_of(config, Choice(member=Allowance(0, 5 * MIB)), hub=False)
    assert quotas.member == Allowance(7 * MIB, 5 * MIB)
    assert quotas.section == Allowance(LAPTOP[1].texts, 9 * MIB)
    assert quotas_of(Config(), Choice(), hub=True)[:2] == HUB


def test_one_member_can_have_a_quota_of_his_own_and_lose_it() -> None:
    choice = Wish(MEMBER, ANN, texts=3 * MIB).applied(Choice())
    quotas = quotas_of(Config(), choice, hub=False)
    assert quotas.of_member(ANN) == Allowance(3 * MIB, LAPTOP[0].headers)
    assert quotas.of_member(BOB) == LAPTOP[0]
    assert Wish(MEMBER, ANN, texts=0).applied(choice) == Choice()


def test_a_choice_is_read_again_as_it_was_made() -> None:
    choice = Wish(SECTION, LYON, headers=3 * MIB).applied(Wish(MEMBER, None, texts=MIB).applied(Choice()))
    assert read_choice(choice.encode()) == choice


@pytest.mark.parametrize("value", [None, b"", b"no json", b"[]", b'{"member": 7}', b'{"members": {"x": 1}}'])
def test_a_choice_that_cannot_be_read_is_none(value: bytes | None) -> None:
    assert read_choice(value) == Choice()


@pytest.mark.parametrize("wish", [Wish(MEMBER, None), Wish(MEMBER, None, texts=5), Wish(MEMBER, None, 2**60)])
def test_a_choice_that_makes_no_sense_is_refused(wish: Wish) -> None:
    with pytest.raises(BadRequest):
        wish.applied(Choice())


# Planning.


def test_what_is_held_is_summed_by_member_and_section() -> None:
    holdings = [
        holding(ANN, LOG_ID, 999, 999),
        holding(ANN, LOG_FEED, 10, 20),
        holding(ANN, LOG_DELETIONS, 3, 4),
        holding(BOB, LOG_FEED, 1, 2),
    ]
    found = usage_of(holdings, in_lyon(ANN, BOB))
    assert found.members == {ANN: Taken(20, 10, 7), BOB: Taken(2, 1, 0)}
    assert found.sections == {LYON: Taken(22, 11, 7)}


def test_who_is_beyond_his_quota_is_brought_below_it() -> None:
    plan = plan_of(usage({ANN: Taken(1_100), BOB: Taken(1_000)}, parties()), parties(), SMALL)
    assert plan.excess == {ANN: 150}, "to 950, a twentieth below"
    assert plan.full == frozenset()


def test_our_own_member_is_never_touched() -> None:
    plan = plan_of(usage({OWN: Taken(10**9, 10**9, 10**9)}, in_lyon(OWN)), in_lyon(OWN), SMALL)
    assert plan == ({}, frozenset(), frozenset())


def test_in_a_full_section_those_who_write_little_lose_nothing() -> None:
    who = in_lyon(ANN, BOB, EVE)
    quotas = SMALL._replace(member=Allowance(10**6, 10**6))
    plan = plan_of(usage({ANN: Taken(100), BOB: Taken(1_000), EVE: Taken(3_000)}, who), who, quotas)
    assert plan.excess == {BOB: 100, EVE: 2_100}, "both to 900: 100 + 900 + 900 is 1,900"


def test_who_is_full_is_carried_no_further_and_his_deletions_still_are() -> None:
    plan = plan_of(usage({ANN: Taken(0, 100, 24), BOB: Taken(0, 99, 25)}, parties()), parties(), SMALL)
    assert plan.full == {ANN}
    assert plan.full_of_deletions == {BOB}
    held = {LogId(ANN, LOG_FEED): 7, LogId(BOB, LOG_DELETIONS): 3}
    ends = ends_of(plan, [ANN, BOB, EVE], held, parties())
    assert set(ends) == {ANN, BOB}
    assert ends[ANN][LOG_FEED] == 7
    assert ends[ANN][LOG_PROFILE] == 0
    assert LOG_DELETIONS not in ends[ANN]
    assert ends[BOB] == {LOG_DELETIONS: 3}


def test_in_a_section_full_of_headers_those_with_the_most_are_carried_no_further() -> None:
    who = in_lyon(ANN, BOB)
    quotas = SMALL._replace(member=Allowance(10**6, 10**6))
    plan = plan_of(usage({ANN: Taken(0, 900), BOB: Taken(0, 100)}, who), who, quotas)
    assert plan.full == {ANN}


@given(
    st.dictionaries(st.sampled_from([bytes([n]) * 32 for n in range(9)]), st.integers(0, 5_000), min_size=1)
)
@settings(max_examples=60)
def test_after_what_is_planned_everybody_is_within_his_quota(texts: dict[bytes, int]) -> None:
    who = in_lyon(*texts)
    plan = plan_of(usage({member: Taken(size) for member, size in texts.items()}, who), who, SMALL)
    left = {member: size - plan.excess.get(member, 0) for member, size in texts.items()}
    assert all(0 <= size <= SMALL.member.texts for size in left.values())
    assert sum(left.values()) <= SMALL.section.texts


def test_bounds_end_some_logs_and_never_id_logs() -> None:
    bounds = Bounds()
    assert bounds.last_taken(LogId(ANN, LOG_FEED)) == MAX_SEQ
    assert bounds.replace({ANN: {LOG_FEED: 7, LOG_PROFILE: 0, LOG_ID: 0}})
    assert not bounds.replace({ANN: {LOG_FEED: 7, LOG_PROFILE: 0, LOG_ID: 0}})
    assert bounds.last_taken(LogId(ANN, LOG_FEED)) == 7
    assert bounds.is_full(LogId(ANN, LOG_FEED))
    assert not bounds.is_full(LogId(ANN, LOG_PROFILE)), "nothing of it is held"
    assert bounds.last_taken(LogId(ANN, LOG_ID)) == MAX_SEQ
    assert bounds.last_taken(LogId(BOB, LOG_FEED)) == MAX_SEQ


# Counting, and what goes.


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home("host") as made:
        yield made


def counted(home: Home) -> dict[LogId, tuple[int, int]]:
    """What the table says."""
    table = HoldingTable(home.database)
    while table.count():
        pass
    return {each.log_id: (each.head_bytes, each.body_bytes) for each in table.all()}


def looked_up(home: Home) -> dict[LogId, tuple[int, int]]:
    """What there is."""
    found: dict[LogId, tuple[int, int]] = {}
    for log_id in home.entries.logs():
        entries = home.entries.range(log_id, 1, MAX_SEQ, 10**9)
        heads = sum(len(entry.header) + len(entry.signature) for entry in entries)
        found[log_id] = heads, sum(len(entry.body) for entry in entries if entry.body is not None)
    return found


def held(found: dict[LogId, tuple[int, int]]) -> dict[LogId, tuple[int, int]]:
    return {log_id: sizes for log_id, sizes in found.items() if sizes != (0, 0)}


@given(steps=st.lists(st.sampled_from(["append", "bare", "drop", "restore", "cut", "count"]), max_size=14))
@settings(max_examples=25, deadline=None)
def test_counts_are_exact_whatever_comes_and_goes(steps: list[str]) -> None:
    with temporary_home("host") as home:
        bob, said, heads = Person("bob"), [], 0
        for number, step in enumerate(steps):
            match step:
                case "append" | "bare":
                    entry = bob.post("x" * (10 + number))
                    said.append(entry)
                    given = entry if step == "append" else entry.without_body()
                    home.shelf.append([(given,)], checked=True, durable=False)
                    heads += 1
                case "drop" if said:
                    home.shelf.drop_damaged([said[number % len(said)].id])
                    home.shelf.drop_body(said[-1].id)
                case "restore" if said:
                    body = said[number % len(said)].body
                    assert body is not None
                    home.shelf.restore_body(said[number % len(said)].id, body)
                case "cut" if len(said) > 1:
                    home.shelf.truncate(bob.log_id(), len(said) - 1)
                    gone = said.pop()
                    bob._heads[LOG_FEED] = (gone.seq - 1, gone.back)
                case "count":
                    counted(home)
        assert held(counted(home)) == held(looked_up(home))


def test_the_oldest_go_first_by_arrival_whatever_their_log(home: Home) -> None:
    bob = Person("bob")
    first, document, last = bob.post("x" * 100), bob.write([33, "y" * 100], LogNo(3)), bob.post("z" * 100)
    for entry in (first, document, last):
        home.shelf.append([(entry,)], checked=True, durable=False)
    counted(home)
    holdings = HoldingTable(home.database).all()
    keys = [home.entries.key_of(entry.id) for entry in (first, document, last)]
    found = choose(home, holdings, 150)
    assert [drop.key for drop in found.drops] == keys[:2]
    assert not found.is_end
    found = choose(home, holdings, 10**6)
    assert [drop.key for drop in found.drops] == keys
    assert found.is_end


def test_the_last_profile_stays_and_the_ones_before_it_go(home: Home) -> None:
    bob = Person("bob")
    old, new = bob.write([64, "Bob"], LOG_PROFILE), bob.write([64, "Bobby"], LOG_PROFILE)
    home.shelf.append([(old, new)], checked=True, durable=False)
    counted(home)
    found = choose(home, HoldingTable(home.database).all(), 10**6)
    assert [drop.key for drop in found.drops] == [home.entries.key_of(old.id)]


def test_what_names_a_pinned_file_stays(home: Home) -> None:
    manifest = home.blobs.add(io.BytesIO(b"a file"), lambda done: None)
    bob = Person("bob")
    names_it, other = bob.post("look"), bob.post("nothing")
    home.shelf.append([(names_it, other)], checked=True, durable=False)
    counted(home)
    key = home.entries.key_of(names_it.id)
    home.entries.change_views(
        lambda views: views.insert_rows("blobs_referenced", ("blob", "k", "size"), [(manifest.id, key, 6)])
    )
    found = choose(home, HoldingTable(home.database).all(), 10**6)
    assert [drop.key for drop in found.drops] == [home.entries.key_of(other.id)]
