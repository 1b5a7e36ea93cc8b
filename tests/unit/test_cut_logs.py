"""Logs that are carried in part: what gossip does about entries beyond, and when a log gets shorter."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.proto import events
from gossip.proto import messages as wire
from gossip.proto.admission import Everyone
from gossip.proto.announce import Announcement, Announcer, HeadMark
from gossip.proto.context import Context
from gossip.proto.evidence import glance, is_news
from gossip.proto.fields import ALL_LOGS
from gossip.proto.interest import EVERYTHING
from gossip.proto.push import Link, Push
from gossip.proto.syncing import Syncing
from node.testing.people import NETWORK, people
from store.entry import MAX_SEQ, Entry
from store.frontier import Frontier
from store.ids import LOG_FEED, LOG_ID, AuthorId, EntryId, LogNo
from store.interface import NOTHING_HELD, LogState
from store.log import Evidence, Head, LogId, fork_proof

NOW = 1_800_000_000.0
ALICE, BOB, CAROL, EVE = people(["alice", "bob", "carol", "eve"])
POSTS = EVE.posts(9)
OF_EVE = EVE.log_id()


class Limits(Everyone):
    """Carries Eve's feed up to a seq."""

    def __init__(self, seq: int) -> None:
        self.seq = seq

    def last_carried(self, log_id: LogId) -> int:
        return self.seq if log_id == OF_EVE else MAX_SEQ


class Desk:
    """Alice's push and what it stands on; Bob and Carol are neighbours."""

    def __init__(self, carried: int) -> None:
        self.limits = Limits(carried)
        self.frontier = Frontier(NETWORK)
        self.context = Context(ALICE.id, NETWORK, self.limits, self.frontier, Random(1), Random(2))
        self.push = Push(self.context)
        for person in (BOB, CAROL):
            self.push.link_up(person.id, Link(NOW, True, "", allowance_at=NOW))
            self.push.received(person.id, wire.Hello(NETWORK, EVERYTHING, False, ()), NOW)

    def receive(self, *entries: Entry) -> events.Deliver | None:
        for effect in self.push.received(BOB.id, wire.Entries(entries), NOW):
            assert isinstance(effect, events.Deliver)
            return effect
        return None

    def commit(self, *entries: Entry, now: float = NOW) -> list[events.Effect]:
        self.hold(len(entries) and entries[-1].seq)
        change = events.Committed((entries,) if entries else (), BOB.id)
        return self.push.committed(change, lambda piece: False, now)

    def shrink(self, seq: int) -> list[events.Effect]:
        self.hold(seq)
        return self.push.committed(events.Committed((), None, (), (OF_EVE,)), lambda piece: False, NOW)

    def hold(self, seq: int) -> None:
        head = Head(seq, POSTS[seq - 1].id) if seq else None
        self.frontier.update(OF_EVE, LogState(head, 0, None))


def test_pushed_entries_beyond_what_is_carried_are_not_handed_on_and_not_remembered() -> None:
    desk = Desk(3)
    deliver = desk.receive(*POSTS[:5])
    assert deliver is not None
    assert deliver.pieces == (POSTS[:3],)
    assert desk.receive(*POSTS[3:]) is None
    desk.limits.seq = MAX_SEQ
    again = desk.receive(*POSTS[3:])
    assert again is not None
    assert again.pieces == (POSTS[3:],)


def test_what_was_cut_is_taken_again_once_it_is_carried_again() -> None:
    desk = Desk(MAX_SEQ)
    desk.receive(*POSTS)
    desk.commit(*POSTS)
    desk.push.flush(NOW + 1)
    assert desk.receive(*POSTS[5:]) is None
    desk.limits.seq = 5
    assert desk.shrink(5) == []
    assert desk.receive(*POSTS[5:]) is None
    desk.limits.seq = MAX_SEQ
    again = desk.receive(*POSTS[5:])
    assert again is not None
    assert again.pieces == (POSTS[5:],)


@pytest.mark.parametrize("left", [0, 5])
def test_what_was_cut_is_not_handed_on(left: int) -> None:
    desk = Desk(MAX_SEQ)
    desk.commit(*POSTS[:2])
    desk.push.flush(NOW)
    desk.commit(*POSTS[2:], now=NOW)
    assert desk.push.links[CAROL.id].outbox
    desk.shrink(left)
    sent = [
        entry.seq
        for effect in desk.push.flush(NOW + 1)
        if isinstance(effect, events.SendPush) and effect.peer == CAROL.id
        for entry in getattr(effect.message, "entries", ())
    ]
    assert sent == [seq for seq in range(3, 10) if seq <= left]


def test_an_entry_that_the_intake_cut_off_is_taken_again_later() -> None:
    desk = Desk(MAX_SEQ)
    deliver = desk.receive(*POSTS)
    assert deliver is not None
    desk.limits.seq = 4
    verdict = events.Accepted(OF_EVE, Head(4, POSTS[3].id), 4)
    assert desk.push.judged(deliver.token, (verdict,), NOW) == []
    desk.limits.seq = MAX_SEQ
    again = desk.receive(*POSTS)
    assert again is not None
    assert again.pieces == (POSTS[4:],)


# What is missing is what is carried.


@pytest.mark.parametrize(("held", "missed"), [(0, True), (2, True), (3, False)])
def test_announced_heads_are_missed_as_far_as_they_are_carried(held: int, missed: bool) -> None:
    desk = Desk(3)
    desk.hold(held)
    announcer = Announcer(desk.context)
    said = Announcement(int(NOW * 1_000), False, EVERYTHING, (), (HeadMark(LOG_FEED, 9, bytes(16)),))
    announcer.hear(EVE.id, said.encode(), NOW)
    assert announcer.still_missing(NOW + 99) == ([EVE.id] if missed else [])


@pytest.mark.parametrize(("held", "open_"), [(0, True), (2, True), (3, False)])
def test_a_gap_beyond_what_is_carried_calls_for_no_sync(held: int, open_: bool) -> None:
    desk = Desk(3)
    desk.hold(held)
    syncing = Syncing(desk.context)
    syncing.wish(BOB.id, NOW, (OF_EVE, 9))
    [name] = desk.context.schedule.pop_due(NOW)
    assert syncing.is_wish(name) == (BOB.id if open_ else None)


def a_fork(log: LogNo, seq: int) -> Evidence:
    one, other = (EVE.sign_at(seq, b"" if seq == 1 else bytes(32), [1, text, ""], log) for text in ("1", "2"))
    return fork_proof(one, other, NETWORK)


@pytest.mark.parametrize(("seq", "is_new"), [(3, True), (4, False)])
def test_evidence_beyond_what_is_carried_is_no_news(seq: int, is_new: bool) -> None:
    desk = Desk(3)
    assert is_news(desk.context, glance(a_fork(LOG_FEED, seq).encode())) == is_new


def test_evidence_against_an_id_log_is_news_where_something_of_it_is_held() -> None:
    desk, proof = Desk(3), a_fork(LOG_ID, 2)
    assert not is_news(desk.context, glance(proof.encode()))
    desk.frontier.update(proof.log_id, LogState(Head(1, EntryId(bytes(32))), 1, None))
    assert is_news(desk.context, glance(proof.encode()))
    desk.frontier.update(proof.log_id, LogState(Head(1, EntryId(bytes(32))), 1, proof))
    assert not is_news(desk.context, glance(proof.encode()))


# Frontiers.


def test_an_id_log_of_which_only_evidence_is_known_has_no_position() -> None:
    proof = a_fork(LOG_ID, 1)
    nothing = Frontier(NETWORK).digest(ALL_LOGS)
    frontier = Frontier(NETWORK, {proof.log_id: LogState(None, 0, proof)})
    assert frontier.digest(ALL_LOGS) == nothing
    frontier.update(proof.log_id, LogState(Head(1, EntryId(bytes(32))), 1, None))
    assert frontier.digest(ALL_LOGS) != nothing
    frontier.update(proof.log_id, LogState(None, 0, proof))
    assert (len(frontier), frontier.digest(ALL_LOGS)) == (0, nothing)


states = st.builds(
    lambda seq: NOTHING_HELD if seq == 0 else LogState(Head(seq, EntryId(bytes([seq]) * 32)), 0, None),
    st.integers(0, 5),
)
changes = st.lists(st.tuples(st.integers(0, 6), states), max_size=30)


@given(changes)
def test_a_frontier_is_the_same_however_its_logs_went_forth_and_back(
    steps: list[tuple[int, LogState]],
) -> None:
    frontier = Frontier(NETWORK)
    last: dict[LogId, LogState] = {}
    for number, state in steps:
        log_id = LogId(AuthorId(bytes([number]) * 32), LOG_FEED)
        last[log_id] = state
        frontier.update(log_id, state)
    expected = Frontier(NETWORK, last)
    assert frontier.digest(ALL_LOGS) == expected.digest(ALL_LOGS)
    assert len(frontier) == sum(state != NOTHING_HELD for state in last.values())
