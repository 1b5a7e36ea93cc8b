"""Range reconciliation: both sides learn exactly the differing logs, within bounds of turns and bytes."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.errors import RemoteFault
from gossip.proto import limits
from gossip.proto.parts import Listed, Part, Positions, Split, Wanted
from gossip.proto.reconcile import Ahead, Forked, Reconciler
from gossip.proto.sync_messages import Turn, encode_sync, parse_sync
from node.testing.people import NETWORK, people
from store import frontier
from store.crypto import keyed_digest
from store.frontier import Frontier, place_of
from store.ids import LOG_FEED, AuthorId, EntryId, LogNo
from store.interface import LogState
from store.log import Evidence, Head, LogId, fork_proof

ALL = 2**32 - 1
KEY = b"k" * 32

States = dict[LogId, LogState]


def a_log(number: int) -> LogId:
    return LogId(AuthorId(number.to_bytes(32, "big")), LOG_FEED)


def at(seq: int, branch: int = 0, evidence: Evidence | None = None) -> LogState:
    return LogState(Head(seq, EntryId(bytes([branch]) * 32)) if seq else None, 0, evidence)


def proofs() -> list[Evidence]:
    (eve,) = people(["eve"])
    one, two, three = (eve.sign_at(1, b"", [1, text, ""]) for text in ("1", "2", "3"))
    return [fork_proof(one, two, NETWORK), fork_proof(two, three, NETWORK)]


PROOFS = proofs()


class Exchange:
    """Two reconcilers that talk until neither has anything to say. The second speaks first."""

    def __init__(self, ours: States, theirs: States, interest: int = ALL, key: bytes = KEY) -> None:
        self.first = Reconciler(Frontier(NETWORK, ours).snapshot(interest), key)
        self.second = Reconciler(Frontier(NETWORK, theirs).snapshot(interest), key)
        self.turns: list[tuple[Part, ...]] = []

    def run(self) -> "Exchange":
        parts, listener, speaker = self.second.first_turn(), self.first, self.second
        while parts:
            data = encode_sync(Turn(parts))
            assert len(data) <= limits.MAX_FRAME_BYTES
            assert parse_sync(data) == Turn(parts)
            self.turns.append(parts)
            assert len(self.turns) <= limits.MAX_ROUNDS
            parts, listener, speaker = listener.answer(parts), speaker, listener
        return self


def lead(ours: States, theirs: States) -> dict[LogId, tuple[int, int]]:
    """The logs of which the first holds more than the second, without evidence: their seq and ours."""
    found = {}
    for log_id, state in ours.items():
        other = theirs.get(log_id, at(0))
        ours_seq, their_seq = (side.head.seq if side.head else 0 for side in (state, other))
        if other.evidence is None and ours_seq > their_seq:
            found[log_id] = (their_seq, ours_seq)
    return found


def planned(side: Reconciler) -> dict[LogId, tuple[int, int]]:
    return {log_id: (ahead.their_seq, ahead.our_seq) for log_id, ahead in side.ahead.items()}


LOG_STATES = st.one_of(st.builds(at, st.integers(1, 4), st.integers(0, 1)), st.none())
PAIRS = st.dictionaries(st.integers(0, 5_000), st.tuples(LOG_STATES, LOG_STATES, st.booleans()), max_size=200)


@given(PAIRS)
def test_both_learn_exactly_the_logs_in_which_they_are_ahead_or_forked(
    pairs: dict[int, tuple[LogState | None, LogState | None, bool]],
) -> None:
    ours, theirs = States(), States()
    for number, (one, other, is_same) in pairs.items():
        other = one if is_same else other
        ours |= {} if one is None else {a_log(number): one}
        theirs |= {} if other is None else {a_log(number): other}
    talk = Exchange(ours, theirs).run()
    assert planned(talk.first) == lead(ours, theirs)
    assert planned(talk.second) == lead(theirs, ours)
    forked = {
        Forked(log_id, state.head.seq)
        for log_id, state in ours.items()
        if state.head and (other := theirs.get(log_id)) is not None and other.head is not None
        if other.head.seq == state.head.seq and other.head.id != state.head.id
    }
    assert set(talk.first.forked) | set(talk.second.forked) == forked
    assert not talk.first.truncated
    assert not talk.second.truncated


@given(st.sampled_from([0, 1, 2, 17, 300]), st.sampled_from([0, 1, 5, 300]), st.integers(0, 2**32))
@settings(max_examples=40)
def test_it_ends_with_none_few_and_many_logs(count: int, changes: int, seed: int) -> None:
    chance = Random(seed)
    logs = [LogId(AuthorId(chance.randbytes(32)), LogNo(chance.randrange(32))) for _ in range(count)]
    ours = {log_id: at(5) for log_id in logs}
    theirs = dict(ours)
    for log_id in chance.sample(logs, min(changes, count)):
        theirs[log_id] = at(chance.choice([3, 7]))
    interest = chance.choice([ALL, 0xFFFF, 1 << 5, 0])
    talk = Exchange(ours, theirs, interest).run()
    for side, expected in ((talk.first, lead(ours, theirs)), (talk.second, lead(theirs, ours))):
        shared = {log_id: seqs for log_id, seqs in expected.items() if interest >> log_id.log & 1}
        assert planned(side) == shared


@given(st.sampled_from([None, *PROOFS]), st.sampled_from([None, *PROOFS]), st.booleans())
def test_evidence_that_one_side_lacks_is_found(
    one: Evidence | None, other: Evidence | None, has_head: bool
) -> None:
    seq = 3 if has_head else 0
    talk = Exchange({a_log(1): at(seq, 0, one)}, {a_log(1): at(seq, 0, other)}).run()
    differ = one != other
    assert talk.first.contradicted == ([a_log(1)] if one and differ else [])
    assert talk.second.contradicted == ([a_log(1)] if other and differ else [])


def test_evidence_about_a_log_that_the_other_side_never_heard_of_is_found() -> None:
    talk = Exchange({a_log(1): at(0, 0, PROOFS[0])}, {}).run()
    assert talk.first.contradicted == [a_log(1)]
    assert talk.first.ahead == {}


def test_a_plan_carries_the_mark_of_the_others_head() -> None:
    talk = Exchange({a_log(1): at(5)}, {a_log(1): at(3, 7)}).run()
    mark = keyed_digest(KEY, b"\7" * 32, 6)
    assert talk.first.ahead == {a_log(1): Ahead(a_log(1), 3, 5, mark)}
    assert talk.first.head_mark(b"\7" * 32) == mark


def test_a_log_that_is_unwanted_is_not_asked_for_but_can_be_given() -> None:
    ours, theirs = {a_log(1): at(1), a_log(3): at(9)}, {a_log(1): at(5), a_log(2): at(5), a_log(3): at(1)}
    places = {place_of(a_log(number)) for number in (1, 2, 3)}
    talk = Exchange(ours, theirs)
    talk.first = Reconciler(Frontier(NETWORK, ours).snapshot(ALL), KEY, places)
    talk.run()
    assert talk.second.ahead == {}
    assert talk.first.told == {}
    assert planned(talk.first) == {a_log(3): (1, 9)}


@pytest.mark.parametrize("is_first", [True, False])
def test_of_a_log_that_is_full_nothing_is_sent_to_us_but_what_we_hold_is_given(is_first: bool) -> None:
    ours = {a_log(1): at(3), a_log(2): at(3), a_log(3): at(9)}
    theirs = {a_log(1): at(5), a_log(3): at(1)}
    sides = (ours, theirs) if is_first else (theirs, ours)
    talk = Exchange(*sides)
    full = Reconciler(Frontier(NETWORK, ours).snapshot(ALL), KEY, is_full=lambda log_id: True)
    if is_first:
        talk.first = full
    else:
        talk.second = full
    talk.run()
    other = talk.second if is_first else talk.first
    assert other.ahead == {}
    assert planned(full) == {a_log(2): (0, 3), a_log(3): (1, 9)}


@pytest.mark.parametrize("seed", range(6))
def test_ten_differences_in_ten_thousand_logs_take_five_turns_and_three_kilobytes(seed: int) -> None:
    chance = Random(seed)
    logs = [LogId(AuthorId(chance.randbytes(32)), LOG_FEED) for _ in range(10_000)]
    ours = {log_id: at(5) for log_id in logs}
    theirs = ours | {log_id: at(7) for log_id in chance.sample(logs, 10)}
    for one, other in ((ours, theirs), (theirs, ours)):
        talk = Exchange(one, other).run()
        assert len(talk.turns) <= 5
        assert sum(len(encode_sync(Turn(parts))) for parts in talk.turns) < 3_000


def test_keys_searched_to_lie_side_by_side_cost_turns_but_not_the_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frontier, "place_of", lambda log_id: log_id.author[-1] | 0xABCDEF << 40)
    ours = {a_log(number): at(2) for number in range(250)}
    theirs = ours | {a_log(number): at(3) for number in range(0, 250, 10)}
    talk = Exchange(ours, theirs).run()
    assert planned(talk.second) == {a_log(number): (2, 3) for number in range(0, 250, 10)}
    assert len(talk.turns) <= limits.MAX_ROUNDS


def test_what_does_not_fit_into_a_turn_is_left_for_another_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossip.proto.reconcile.TURN_BYTES", 2_000)
    ours = {a_log(number): at(1) for number in range(400)}
    theirs: States = {}
    sessions = 0
    while ours != theirs:
        talk = Exchange(ours, theirs).run()
        assert talk.first.truncated == (talk.first.ahead.keys() != ours.keys() - theirs.keys())
        assert talk.first.ahead
        theirs |= {log_id: ours[log_id] for log_id in talk.first.ahead}
        sessions += 1
        assert all(len(encode_sync(Turn(parts))) <= 2_100 for parts in talk.turns)
    assert 2 <= sessions <= 10


def test_no_more_positions_are_told_than_the_other_side_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossip.proto.reconcile.MAX_POSITIONS", 30)
    ours = {a_log(number): at(1) for number in range(100)}
    for one, other in ((ours, States()), (States(), ours)):
        talk = Exchange(one, other).run()
        assert len(talk.first.ahead) + len(talk.second.ahead) == 30
        assert talk.first.truncated or talk.second.truncated


# What a hostile peer may try.


def responder() -> Reconciler:
    """One with 100 logs that has sent its first turn, a split of the whole line into 8 parts."""
    made = Reconciler(Frontier(NETWORK, {a_log(n): at(1) for n in range(100)}).snapshot(ALL), KEY)
    (first,) = made.first_turn()
    assert isinstance(first, Split)
    assert (first.depth, first.prefix, first.bits) == (0, 0, 3)
    return made


def marks_of(part: Listed) -> list[bytes]:
    return [part.fingerprints[at : at + 6] for at in range(0, len(part.fingerprints), 6)]


def garbage(depth: int, prefix: int, bits: int = 1) -> Split:
    return Split(depth, prefix, bits, bytes(limits.FINGERPRINT_BYTES << bits))


@pytest.mark.parametrize(
    "parts",
    [
        (garbage(0, 0),),
        (garbage(2, 0),),
        (garbage(4, 0),),
        (garbage(3, 1), garbage(3, 0)),
        (garbage(3, 1), garbage(3, 1)),
        (Listed(3, 1, b""), Listed(3, 1, b"")),
        (Listed(64, 2**64 - 1, b""),),
        (Wanted(b"?" * 6),),
    ],
    ids=[
        "again",
        "larger",
        "smaller",
        "out of order",
        "twice",
        "listed twice",
        "elsewhere",
        "what we did not list",
    ],
)
def test_only_what_was_split_is_described_once_and_in_order(parts: tuple[Part, ...]) -> None:
    with pytest.raises(RemoteFault):
        responder().answer(parts)


def test_a_range_that_we_listed_is_not_split_by_the_peer() -> None:
    made = responder()
    listed = [part for part in made.answer((garbage(3, 0, 6),)) if isinstance(part, Listed)]
    assert listed
    with pytest.raises(RemoteFault):
        made.answer((garbage(listed[0].depth, listed[0].prefix),))


def test_a_peer_that_calls_everything_different_costs_each_log_once() -> None:
    answer = responder().answer(tuple(garbage(3, prefix, 6) for prefix in range(8)))
    listed = [mark for part in answer if isinstance(part, Listed) for mark in marks_of(part)]
    assert len(listed) == len(set(listed)) == 100


def test_a_position_told_twice_is_refused() -> None:
    position = Positions(bytes(7) + b"\1" + bytes(16))
    made = responder()
    assert made.answer((position,)) == (position,), "we have nothing there"
    with pytest.raises(RemoteFault):
        made.answer((position,))


def test_positions_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gossip.proto.reconcile.MAX_POSITIONS", 10)
    packed = b"".join(number.to_bytes(8, "big") + bytes(16) for number in range(1, 12))
    with pytest.raises(RemoteFault):
        responder().answer((Positions(packed),))


RANGES = st.integers(0, 64).flatmap(lambda depth: st.tuples(st.just(depth), st.integers(0, (1 << depth) - 1)))
FINGERPRINTS = st.lists(st.binary(min_size=5, max_size=5), min_size=1, max_size=4).map(b"".join)
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(lambda where: garbage(*where), RANGES.filter(lambda where: where[0] < 64)),
    st.builds(lambda where, marks: Listed(*where, marks), RANGES, FINGERPRINTS),
    st.builds(garbage, st.just(3), st.integers(0, 7), st.integers(1, 6)),
    st.builds(Listed, st.just(3), st.integers(0, 7), FINGERPRINTS),
    st.builds(Positions, st.lists(st.binary(min_size=24, max_size=24), min_size=1, max_size=3).map(b"".join)),
    st.builds(Wanted, FINGERPRINTS),
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4), max_size=4))
def test_whatever_a_peer_says_is_answered_or_a_remote_fault(turns: list[list[Part]]) -> None:
    made = responder()
    try:
        for parts in turns:
            for part in made.answer(tuple(parts)):
                assert parse_sync(encode_sync(Turn((part,)))) == Turn((part,))
    except RemoteFault:
        return
