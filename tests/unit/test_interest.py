"""Interests: their values on the wire, which logs and bodies they choose, and what two of them share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault
from gossip.proto import limits
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import ALWAYS_WHOLE, EVERYTHING, Interest, choose, parse_interest
from node.testing.people import NETWORK, people
from store.codec import decode, encode
from store.entry import MAX_TIME_MS
from store.frontier import Frontier, Selection
from store.ids import LOG_BOX_0, LOG_DELETIONS, LOG_FEED, LOG_ID, LOG_KEYS, AuthorId, EntryId, LogNo
from store.interface import LogState
from store.log import Head, LogId

LYON, BERLIN, ROMA = (bytes([n]) * 32 for n in (1, 2, 3))
ALICE, BOB, CAROL, DAVE = (AuthorId(bytes([n]) * 32) for n in (11, 12, 13, 14))
SECTIONS = {
    ALICE: frozenset({LYON}),
    BOB: frozenset({BERLIN}),
    CAROL: frozenset({LYON, ROMA}),
}
INTERESTS = st.builds(
    choose,
    st.integers(0, ALL_LOGS),
    st.none()
    | st.sets(st.sampled_from([LYON, BERLIN, ROMA]) | st.binary(min_size=32, max_size=32), max_size=4),
    st.just(0) | st.integers(0, MAX_TIME_MS),
    st.just(ALL_LOGS) | st.integers(0, ALL_LOGS),
)


def sections_of(author: AuthorId) -> frozenset[bytes]:
    return SECTIONS.get(author, frozenset())


# On the wire.


@given(INTERESTS)
def test_what_stands_for_an_interest_is_read_as_the_same(interest: Interest) -> None:
    data = encode([interest.value()])
    value = decode(data, 10_000, 100)
    assert isinstance(value, tuple)
    assert parse_interest(value[0]) == interest


def test_everything_is_a_number_of_five_bytes_and_only_more_costs_more() -> None:
    assert encode(EVERYTHING.value()) == b"\xce\xff\xff\xff\xff"
    assert encode(Interest(5).value()) == b"\x05"
    assert choose(5, [BERLIN, LYON, BERLIN]).value() == [5, [LYON, BERLIN], 0, 5]
    assert choose(5, None, 9).value() == [5, None, 9, 5]
    assert choose(5, []).value() == [5, [], 0, 5]
    assert choose(5, bodies=1).value() == [5, None, 0, 1]
    assert choose(5, bodies=ALL_LOGS) == choose(5, bodies=5) == Interest(5)


@pytest.mark.parametrize(
    "value",
    [
        *(-1, 2**32, True, 1.0, "1", None, b"1", ()),
        *((1, None), (1, None, 1), (1, None, 1, 1, 1), (True, None, 1, 1), (2**32, None, 1, 1)),
        *((1, None, True, 1), (1, None, -1, 1), (1, None, 2**53, 1), (1, (), None, 1), (1, (LYON,), -1, 1)),
        *((1, LYON, 0, 1), (1, (LYON[:31],), 0, 1), (1, (1,), 0, 1), (1, (LYON, LYON), 0, 1)),
        *((1, (BERLIN, LYON), 0, 1), (1, None, 0, 1), (0, None, 0, 0), (ALL_LOGS, None, 0, ALL_LOGS)),
        *((5, None, 0, None), (5, None, 0, True), (5, None, 0, -1), (5, None, 0, 2**32), (5, None, 0, 1.0)),
        *((5, None, 0, 7), (1, None, 9, 5), (5, None, 0, 4), (6, None, 0, 4), (0x404, None, 0, 4)),
        (1, tuple(n.to_bytes(32, "big") for n in range(limits.MAX_SECTIONS + 1)), 0, 1),
    ],
)
def test_what_is_no_interest_or_has_a_shorter_form_is_refused(value: object) -> None:
    with pytest.raises(RemoteFault):
        parse_interest(value)


def test_the_largest_interest_is_read() -> None:
    sections = tuple(n.to_bytes(32, "big") for n in range(limits.MAX_SECTIONS))
    value = (ALL_LOGS, sections, MAX_TIME_MS, ALWAYS_WHOLE)
    assert parse_interest(value) == choose(ALL_LOGS, sections, MAX_TIME_MS, 0)


@pytest.mark.parametrize(
    ("logs", "sections", "since_ms", "bodies"),
    [
        *(
            (2**32, None, 0, 1),
            (-1, None, 0, 1),
            (1, [b"short"], 0, 1),
            (1, None, -1, 1),
            (1, None, 2**53, 1),
        ),
        *((1, None, 0, 2**32), (1, None, 0, -1)),
    ],
)
def test_we_choose_nothing_that_others_refuse(
    logs: int, sections: list[bytes] | None, since_ms: int, bodies: int
) -> None:
    with pytest.raises(ValueError, match=r"an interest has|sections, each"):
        choose(logs, sections, since_ms, bodies)


def test_we_choose_at_most_so_many_sections() -> None:
    with pytest.raises(ValueError, match="at most 64 sections"):
        choose(1, (n.to_bytes(32, "big") for n in range(limits.MAX_SECTIONS + 1)))


# What is chosen.


@pytest.mark.parametrize(
    ("sections", "carried"),
    [
        (None, [ALICE, BOB, CAROL, DAVE]),
        ([], [DAVE]),
        ([LYON], [ALICE, CAROL, DAVE]),
        ([BERLIN], [BOB, DAVE]),
        ([BERLIN, ROMA], [BOB, CAROL, DAVE]),
        ([bytes(32)], [DAVE]),
    ],
)
def test_sections_choose_the_logs_of_who_belongs_to_one_or_to_none(
    sections: list[bytes] | None, carried: list[AuthorId]
) -> None:
    interest = choose(1 << LOG_FEED | 1 << LOG_ID | 1 << LOG_DELETIONS, sections)
    everyone = [ALICE, BOB, CAROL, DAVE]
    assert [who for who in everyone if interest.carries(LogId(who, LOG_FEED), sections_of)] == carried
    for log in (LOG_ID, LOG_DELETIONS):
        assert all(interest.carries(LogId(who, log), sections_of) for who in everyone)
    assert not any(interest.carries(LogId(who, LogNo(9)), sections_of) for who in everyone)


def test_age_chooses_bodies_but_not_those_of_who_belongs_and_what_is_deleted() -> None:
    (eve,) = people(["eve"])
    old, new = eve.post("old", time_ms=999), eve.post("new", time_ms=1_000)
    identity = eve.write([16, "eve"], LOG_ID, time_ms=1)
    deletion = eve.write([96, ""], LOG_DELETIONS, [old.id], time_ms=1)
    interest = choose(bodies_since_ms=1_000)
    assert [interest.wants_body(entry) for entry in (old, new, identity)] == [False, True, True]
    assert interest.fitted(deletion) is deletion
    assert interest.fitted(old) == old.without_body()
    assert interest.fitted(new) is new
    assert interest.fitted(identity) is identity
    assert EVERYTHING.fitted(old) is old


BOX_3, BOX_4 = LogNo(LOG_BOX_0 + 3), LogNo(LOG_BOX_0 + 4)
OWN_BOX = choose(bodies=0xFFFF | 1 << BOX_3)


def test_bodies_are_wanted_of_the_logs_that_were_chosen_and_all_logs_are_carried() -> None:
    (eve,) = people(["eve"])
    mine, other, said = eve.write([114, b"1"], BOX_3), eve.write([114, b"2"], BOX_4), eve.post("said")
    assert [OWN_BOX.wants_body(entry) for entry in (mine, other, said)] == [True, False, True]
    assert OWN_BOX.fitted(mine) is mine
    assert OWN_BOX.fitted(other) == other.without_body()
    assert all(OWN_BOX.carries(LogId(ALICE, LogNo(log)), sections_of) for log in range(32))
    assert EVERYTHING.fitted(other) is other


def test_a_log_that_is_not_carried_has_no_body_that_is_wanted() -> None:
    assert choose(1 << LOG_FEED).bodies == 1 << LOG_FEED
    assert not choose(1 << LOG_FEED).wants_bodies(BOX_3, 1)


def test_bodies_of_a_few_logs_are_wanted_whatever_was_chosen() -> None:
    least = choose(bodies=0)
    assert least.bodies == ALWAYS_WHOLE == 1 << LOG_ID | 1 << LOG_KEYS | 1 << LOG_DELETIONS
    assert choose(1 << LOG_FEED | 1 << LOG_KEYS, bodies=0).bodies == 1 << LOG_KEYS
    assert [least.wants_bodies(LogNo(log), 1) for log in range(32)] == [
        log in (LOG_ID, LOG_KEYS, LOG_DELETIONS) for log in range(32)
    ]


def test_what_came_without_bodies_is_withheld_from_who_wants_them_alone() -> None:
    (eve,) = people(["eve"])
    packet, said = eve.write([114, b"2"], BOX_4), eve.post("said")
    bare = [packet.without_body()]
    assert OWN_BOX.withholds(bare, EVERYTHING)
    assert not OWN_BOX.withholds(bare, OWN_BOX)
    assert not OWN_BOX.withholds([packet], EVERYTHING)
    assert not EVERYTHING.withholds(bare, EVERYTHING)
    assert not OWN_BOX.withholds([said.without_body()], EVERYTHING)


# What two share.


@given(INTERESTS, INTERESTS, st.integers(0, 31), st.sampled_from([ALICE, BOB, CAROL, DAVE]))
def test_two_nodes_share_what_both_carry(one: Interest, other: Interest, log: int, who: AuthorId) -> None:
    assert one.meet(other) == other.meet(one) == one._replace(bare=0).meet(other._replace(bare=0))
    log_id = LogId(who, LogNo(log))
    frontier = Frontier(NETWORK, {log_id: LogState(Head(1, EntryId(bytes(32))), 1, None)})
    frontier.group_by(sections_of)
    both = one.carries(log_id, sections_of) and other.carries(log_id, sections_of)
    assert frontier.count(one.meet(other)) == both


def test_everything_meets_as_numbers_did() -> None:
    assert EVERYTHING.meet(Interest(12)) == Selection(12)
    assert choose(3, [LYON]).meet(choose(5, [LYON])) == Selection(1, (frozenset({LYON}),))


def test_a_frontier_counts_anew_when_somebody_joins_a_section() -> None:
    joined: set[bytes] = set()
    log_id = LogId(ALICE, LOG_FEED)
    frontier = Frontier(NETWORK, {log_id: LogState(Head(1, EntryId(bytes(32))), 1, None)})
    frontier.group_by(lambda author: frozenset(joined))
    berlin = choose(ALL_LOGS, [BERLIN]).meet(EVERYTHING)
    before = frontier.digest(berlin)
    assert frontier.count(berlin) == 1
    joined.add(LYON)
    frontier.group_by(lambda author: frozenset(joined))
    assert frontier.count(berlin) == 0
    assert frontier.digest(berlin) != before
    assert frontier.digest(Selection(ALL_LOGS)) == before == frontier.digest(ALL_LOGS)
