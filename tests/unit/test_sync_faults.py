"""One sync session against a peer that does not keep the rules, or whose intake says no."""

from collections.abc import Iterable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto import sync_messages as wire
from gossip.proto.admission import Everyone
from gossip.proto.context import Terms
from gossip.proto.events import Effect, SessionId, Token
from gossip.proto.interest import EVERYTHING
from gossip.proto.parts import Listed, Part, Positions, Split, Wanted
from gossip.proto.sync import Phase, SyncSession
from gossip.proto.sync_messages import SyncMessage
from node.testing.people import NETWORK, people
from store.frontier import Frontier, place_of
from store.ids import AuthorId
from store.interface import LogState
from store.log import Head, LogId, fork_proof

ALICE, BOB, EVE = people(["alice", "bob", "eve"])
POSTS = ALICE.posts(limits.RUN_WINDOW + 4)
OURS = BOB.posts(3)
PEER = AuthorId(b"p" * 32)
SESSION = SessionId(1)
ALL = 2**32 - 1
FORK = fork_proof(*(EVE.sign_at(1, b"", [1, text, ""]) for text in ("1", "2")), NETWORK)


def a_session(*, initiator: bool = True, evidence_is_news: bool = True) -> SyncSession:
    """Of a node that holds three posts of Bob's and the first two of Alice's."""
    states = {
        BOB.log_id(): LogState(Head(3, OURS[-1].id), 3, None),
        ALICE.log_id(): LogState(Head(2, POSTS[1].id), 2, None),
    }
    tokens = count(1)
    terms = Terms(
        frontier=Frontier(NETWORK, states),
        interests=(EVERYTHING, EVERYTHING),
        last_carried=Everyone().last_carried,
        unwanted=set(),
        is_news=lambda evidence: evidence_is_news,
        new_token=lambda: Token(next(tokens)),
        nonce=b"n" * 16,
        entry_bytes=100.0,
    )
    session = SyncSession(SESSION, PEER, initiator=initiator, terms=terms)
    session.opened()
    return session


def position(log_id: LogId, seq: int, mark: bytes = b"\1" * 6, evidence: bytes = bytes(5)) -> bytes:
    return place_of(log_id).to_bytes(8, "big") + seq.to_bytes(5, "big") + mark + evidence


def differ(*parts: Part) -> wire.Differ:
    return wire.Differ(EVERYTHING, bytes(16), bytes(32), parts)


def comparing() -> SyncSession:
    session = a_session()
    session.received(differ(Listed(0, 0, b"")), 1)
    assert session.phase is Phase.COMPARING
    return session


def trading(*positions: bytes) -> SyncSession:
    """Ours after the comparison: the peer is ahead with Alice (at 40) and has nothing of Bob."""
    session = comparing()
    session.received(wire.Turn((Positions(b"".join(positions or [position(ALICE.log_id(), 40)])),)), 1)
    session.received(wire.Totals(38, 1000, True), 1)
    assert session.phase is Phase.TRADING
    return session


def sent(effects: Iterable[Effect]) -> list[SyncMessage]:
    return [effect.message for effect in effects if isinstance(effect, events.SendSync)]


def reads(effects: Iterable[Effect]) -> list[events.ReadRun]:
    return [effect for effect in effects if isinstance(effect, events.ReadRun)]


def delivered(effects: Iterable[Effect]) -> events.Deliver:
    (found,) = [effect for effect in effects if isinstance(effect, events.Deliver)]
    return found


def run(first: int, last: int) -> wire.Run:
    return wire.Run(POSTS[first - 1 : last])


def accepted(seq: int) -> events.Accepted:
    return events.Accepted(ALICE.log_id(), Head(seq, POSTS[seq - 1].id), 1)


HASH, NONCE = b"h" * 32, bytes(16)
OPEN = wire.Open(EVERYTHING, NONCE, HASH, 1)
TURN = wire.Turn((Listed(0, 0, b""),))
TRADE: list[SyncMessage] = [
    run(3, 4),
    wire.Ack(1),
    wire.Done(),
    wire.Bye(),
    wire.Contradiction(FORK.encode()),
    wire.Probe(ALICE.log_id(), 1),
    wire.Shown(POSTS[0]),
    wire.Absent(ALICE.log_id(), 1),
    wire.Decline(ALICE.log_id()),
]
ANY: list[SyncMessage] = [OPEN, wire.Same(), differ(*TURN.parts), TURN, wire.Totals(0, 0, True), *TRADE]


def names(messages: list[SyncMessage]) -> list[str]:
    return [type(message).__name__ for message in messages]


# Out of place.


@pytest.mark.parametrize(
    "message", unasked := [m for m in ANY if not isinstance(m, wire.Open)], ids=names(unasked)
)
def test_a_responder_takes_nothing_before_open(message: SyncMessage) -> None:
    with pytest.raises(RemoteFault):
        a_session(initiator=False).received(message, 1)


@pytest.mark.parametrize(
    "message", unasked := [m for m in ANY if not isinstance(m, wire.Same | wire.Differ)], ids=names(unasked)
)
def test_an_initiator_takes_nothing_but_an_answer_first(message: SyncMessage) -> None:
    with pytest.raises(RemoteFault):
        a_session().received(message, 1)


@pytest.mark.parametrize(
    "message", early := [OPEN, wire.Same(), differ(*TURN.parts), *TRADE], ids=names(early)
)
def test_nothing_but_turns_and_totals_is_taken_while_comparing(message: SyncMessage) -> None:
    with pytest.raises(RemoteFault):
        comparing().received(message, 1)


@pytest.mark.parametrize(
    "message",
    late := [OPEN, wire.Same(), differ(*TURN.parts), TURN, wire.Totals(0, 0, True)],
    ids=names(late),
)
def test_the_comparison_is_not_begun_again(message: SyncMessage) -> None:
    with pytest.raises(RemoteFault):
        trading().received(message, 1)


def test_a_responder_that_has_sent_a_turn_is_not_told_that_nothing_differs() -> None:
    session = a_session(initiator=False)
    session.received(OPEN, 1)
    session.received(wire.Turn((Positions(position(ALICE.log_id(), 40)),)), 1)
    with pytest.raises(RemoteFault):
        session.received(wire.Same(), 1)


@pytest.mark.parametrize(
    "messages",
    [
        [wire.Ack(1)],
        [wire.Bye()],
        [wire.Done(), wire.Done()],
        [wire.Done(), run(3, 4)],
        [wire.Done(), wire.Bye(), wire.Bye()],
        [wire.Shown(POSTS[0])],
        [wire.Absent(ALICE.log_id(), 1)],
        [wire.Decline(ALICE.log_id())],
        [run(2, 4)],
        [run(4, 5)],
        [run(3, 4), run(3, 4)],
        [run(3, 4), run(6, 7)],
        [wire.Run(EVE.posts(1))],
        [run(seq, seq) for seq in range(3, 4 + limits.RUN_WINDOW)],
        [wire.Probe(ALICE.log_id(), 1)] * (limits.MAX_PROBES + 1),
    ],
    ids=[
        "an acknowledgement of nothing",
        "bye before done",
        "done twice",
        "a run after done",
        "bye twice",
        "an entry that was not asked for",
        "no entry that was not asked for",
        "a log declined that was not sent",
        "a run of what we hold",
        "a run after a gap",
        "the same run twice",
        "a gap between runs",
        "a log that was not asked for",
        "more runs than the window",
        "more probes than the bound",
    ],
)
def test_what_is_out_of_place_while_trading_is_the_peers_fault(messages: list[SyncMessage]) -> None:
    session = trading()
    for message in messages[:-1]:
        session.received(message, 1)
    with pytest.raises(RemoteFault) as caught:
        session.received(messages[-1], 1)
    assert caught.value.severity is Severity.BAD


def test_data_before_totals_is_the_peers_fault() -> None:
    session = comparing()
    session.received(wire.Turn((Positions(position(ALICE.log_id(), 2)),)), 1)
    for message in (wire.Done(), run(3, 4)):
        with pytest.raises(RemoteFault):
            session.received(message, 1)


def test_acknowledgements_only_grow_and_stay_within_what_was_sent() -> None:
    session = comparing()
    effects = session.received(wire.Turn((Positions(position(BOB.log_id(), 0)),)), 1)
    (read,) = reads(effects)
    assert (read.log_id, read.first_seq, read.last_seq) == (BOB.log_id(), 1, 3)
    session.received(wire.Totals(0, 0, True), 1)
    assert sent(session.run_read(read.token, OURS)) == [wire.Run(OURS), wire.Done()]
    with pytest.raises(RemoteFault):
        session.received(wire.Ack(2), 1)
    session.received(wire.Ack(1), 1)
    with pytest.raises(RemoteFault):
        session.received(wire.Ack(1), 1)


def test_a_comparison_without_end_is_cut_short() -> None:
    session = a_session(initiator=False)
    session.received(OPEN, 1)
    session.rounds = limits.MAX_ROUNDS
    effects = session.received(wire.Turn((Positions(position(ALICE.log_id(), 40)),)), 1)
    assert sent(effects)[0] == wire.Totals(0, 0, False)
    assert not session.is_whole


# What the intake says.


def test_an_invalid_run_is_hostile() -> None:
    session = trading()
    deliver = delivered(session.received(run(3, 4), 1))
    with pytest.raises(RemoteFault) as caught:
        session.judged(deliver.token, (events.Rejected(ALICE.log_id(), "badly signed"),))
    assert caught.value.severity is Severity.HOSTILE


def test_long_runs_are_checked_by_their_last_signature_short_ones_by_each() -> None:
    session = trading()
    few = delivered(session.received(run(3, 2 + limits.CAREFUL_ENTRIES), 1))
    assert few.each_signature
    many = delivered(trading().received(run(3, 3 + limits.CAREFUL_ENTRIES), 1))
    assert not many.each_signature


def test_a_full_disk_ends_the_session_with_a_word() -> None:
    session = trading()
    deliver = delivered(session.received(run(3, 4), 1))
    effects = session.judged(deliver.token, (events.Failed(ALICE.log_id(), "the disk is full\udc80"),))
    assert sent(effects) == [wire.Stop("the disk is full?")]
    assert effects[-1] == events.CloseSync(SESSION, "the disk is full?")
    assert session.judged(deliver.token, (accepted(4),)) == []


def test_a_stop_is_shown_without_what_a_terminal_obeys() -> None:
    (ended, _) = trading().received(wire.Stop("\x1b[2Jgone"), 1)
    assert isinstance(ended, events.SyncEnded)
    assert ended.why == "the peer stopped: ?[2Jgone"


def test_a_log_that_is_not_carried_is_declined_once_and_remembered() -> None:
    session = trading()
    unwanted = events.Unwanted(ALICE.log_id(), "not admitted")
    one = delivered(session.received(run(3, 4), 1))
    two = delivered(session.received(run(5, 6), 1))
    assert sent(session.judged(one.token, (unwanted,))) == [wire.Decline(ALICE.log_id()), wire.Ack(1)]
    assert sent(session.judged(two.token, (unwanted,))) == [wire.Ack(2)]
    assert session.is_whole


def test_what_cannot_be_placed_makes_the_session_incomplete() -> None:
    session = trading()
    one = delivered(session.received(run(3, 4), 1))
    effects = session.judged(one.token, (events.Behind(ALICE.log_id(), 1),))
    assert sent(effects) == [wire.Decline(ALICE.log_id()), wire.Ack(1)]
    assert not session.is_whole


def test_evidence_goes_out_once_a_log_and_only_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    session = trading()
    stopped = events.Stopped(ALICE.log_id(), FORK)
    one, two = (delivered(session.received(run(seq, seq), 1)) for seq in (3, 4))
    assert sent(session.judged(one.token, (stopped,))) == [
        wire.Decline(ALICE.log_id()),
        wire.Contradiction(FORK.encode()),
        wire.Ack(1),
    ]
    assert sent(session.judged(two.token, (stopped,))) == [wire.Ack(2)]
    monkeypatch.setattr(limits, "SESSION_EVIDENCE_BYTES", 10)
    poor = trading()
    assert poor.evidence_read(FORK.encode()) == []
    assert not poor.is_whole


def test_evidence_that_is_no_news_is_dropped() -> None:
    session = a_session(evidence_is_news=False)
    session.received(differ(Listed(0, 0, b"")), 1)
    session.received(wire.Totals(0, 0, True), 1)
    assert session.received(wire.Contradiction(b"anything"), 1) == []
    assert trading().received(wire.Contradiction(b"x"), 1) == [events.DeliverEvidence(PEER, b"x")]


def test_a_declined_log_is_sent_no_further() -> None:
    session = comparing()
    effects = session.received(wire.Turn((Positions(position(BOB.log_id(), 0)),)), 1)
    (read,) = reads(effects)
    session.received(wire.Totals(0, 0, True), 1)
    session.received(wire.Decline(BOB.log_id()), 1)
    assert sent(session.run_read(read.token, OURS)) == [wire.Done()]


# Whatever comes.

MARKS = st.lists(st.binary(min_size=6, max_size=6), min_size=1, max_size=3).map(b"".join)
PLACES = st.sampled_from([ALICE.log_id(), BOB.log_id(), EVE.log_id()])
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(lambda bits: Split(0, 0, bits, bytes(6 << bits)), st.integers(1, 3)),
    st.builds(lambda marks: Listed(0, 0, marks), MARKS),
    st.builds(lambda log_id, seq: Positions(position(log_id, seq)), PLACES, st.integers(0, 50)),
    st.builds(Wanted, MARKS),
)
MESSAGES: st.SearchStrategy[SyncMessage] = st.one_of(
    st.sampled_from(ANY),
    st.builds(lambda parts: wire.Turn(tuple(parts)), st.lists(PARTS, min_size=1, max_size=3)),
    st.builds(lambda part: differ(part), PARTS),
    st.builds(lambda first, more: run(first, first + more), st.integers(1, 20), st.integers(0, 3)),
    st.builds(wire.Ack, st.integers(1, 3)),
    st.builds(wire.Probe, PLACES, st.integers(1, 50)),
    st.builds(wire.Decline, PLACES),
)
VERDICTS = st.sampled_from(
    [
        accepted(5),
        events.Behind(ALICE.log_id(), 1),
        events.Diverged(ALICE.log_id(), 2),
        events.Stopped(EVE.log_id(), FORK),
        events.Unwanted(ALICE.log_id(), ""),
        events.Failed(ALICE.log_id(), ""),
    ]
)


@given(st.booleans(), st.lists(MESSAGES, max_size=12), st.data())
def test_whatever_a_peer_says_nothing_but_a_remote_fault_is_raised(
    initiator: bool, messages: list[SyncMessage], data: st.DataObject
) -> None:
    session = a_session(initiator=initiator)
    waiting: list[Effect] = []
    try:
        for message in messages:
            if session.phase is Phase.ENDED:
                return
            waiting += session.received(message, 1)
            while waiting and data.draw(st.booleans()):
                match waiting.pop():
                    case events.ReadRun(token, _, first, last, _):
                        waiting += session.run_read(token, POSTS[first - 1 : last])
                    case events.Deliver(token):
                        waiting += session.judged(token, (data.draw(VERDICTS),))
                    case events.ReadEvidence():
                        waiting += session.evidence_read(FORK.encode())
                    case _:
                        continue
    except RemoteFault:
        return
