"""What holds of the engine whatever happens, and of the look that it takes at evidence."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip.errors import RemoteFault, Severity
from gossip.proto import events, limits
from gossip.proto import messages as wire
from gossip.proto import sync_messages as sync_wire
from gossip.proto.admission import Everyone
from gossip.proto.engine import Engine
from gossip.proto.events import Effect, Event, SessionId, Token
from gossip.proto.evidence import glance
from gossip.proto.interest import EVERYTHING, Interest, choose
from gossip.proto.messages import encode_push, parse_push
from gossip.proto.parts import Listed, Part, Positions, Split, Wanted
from gossip.proto.sync_messages import encode_sync, parse_sync
from node.testing.people import NETWORK, chain_after, people, spoiled
from store.entry import Entry
from store.frontier import Frontier, place_of
from store.interface import LogState
from store.log import Evidence, Head, LogId, bad_proof, fork_proof

NOW = 1_800_000_000.0
ALICE, BOB, CAROL, EVE = people(["alice", "bob", "carol", "eve"])
POSTS = (*BOB.posts(8), *EVE.posts(3), BOB.post("x" * 5_000))
FORK = fork_proof(*(EVE.sign_at(1, b"", [1, text, ""]) for text in ("1", "2")), NETWORK)
WHERE = ("/ip4/192.0.2.1/tcp/4001",)

PEERS = st.sampled_from([BOB.id, CAROL.id, EVE.id])
HASHES = st.sampled_from([bytes(32), b"h" * 32])
IDS = st.sampled_from([entry.id for entry in POSTS])
SESSIONS = st.integers(1, 4).map(SessionId)
LOGS = st.sampled_from([BOB.log_id(), EVE.log_id()])
MARKS = st.lists(st.binary(min_size=5, max_size=5), min_size=1, max_size=3).map(b"".join)


def entries_of(numbers: list[int], bare: bool) -> tuple[Entry, ...]:
    chosen = [POSTS[number] for number in numbers]
    return tuple(entry.without_body() if bare else entry for entry in chosen)


def position_of(log_id: LogId, seq: int) -> Positions:
    return Positions(place_of(log_id).to_bytes(8, "big") + seq.to_bytes(5, "big") + bytes(11))


INTERESTS = st.sampled_from(
    [EVERYTHING, Interest(4), choose(sections=[bytes(32)]), choose(bodies_since_ms=9), choose(bodies=4)]
)
SHOWN = st.builds(entries_of, st.lists(st.integers(0, 11), min_size=1, max_size=4), st.booleans())
RUNS = st.tuples(st.integers(0, 7), st.integers(1, 8)).map(
    lambda cut: POSTS[cut[0] : max(cut[0] + 1, cut[1])]
)
NETWORKS = st.sampled_from([NETWORK, NETWORK, bytes(32)])
PUSHES: st.SearchStrategy[wire.PushMessage] = st.one_of(
    st.builds(wire.Hello, NETWORKS, INTERESTS, st.booleans(), st.just(WHERE)),
    st.builds(wire.Entries, SHOWN),
    st.builds(wire.WantBodies, st.lists(IDS, min_size=1, max_size=3).map(tuple)),
    st.builds(lambda i: wire.Bodies((wire.BodyAnswer(i, wire.NOT_HELD, b""),)), IDS),
    st.builds(lambda i: wire.Bodies((wire.BodyAnswer(i, wire.HELD, bytes(20)),)), IDS),
    st.sampled_from([wire.EvidenceFound(FORK.encode()), wire.EvidenceFound(b"x")]),
    st.builds(wire.Nudge, HASHES),
    st.builds(wire.Interested, INTERESTS),
)
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(lambda bits: Split(0, 0, bits, bytes(5 << bits)), st.integers(1, 3)),
    st.builds(lambda marks: Listed(0, 0, marks), MARKS),
    st.builds(position_of, LOGS, st.integers(0, 9)),
    st.builds(Wanted, MARKS),
)
TURNS = st.lists(PARTS, min_size=1, max_size=2).map(tuple)
SYNCS: st.SearchStrategy[sync_wire.SyncMessage] = st.one_of(
    st.builds(sync_wire.Open, INTERESTS, st.just(bytes(16)), HASHES, st.just(3)),
    st.builds(sync_wire.Differ, INTERESTS, st.just(bytes(16)), HASHES, TURNS),
    st.builds(sync_wire.Turn, TURNS),
    st.builds(sync_wire.Totals, st.integers(0, 9), st.integers(0, 9), st.booleans()),
    st.builds(sync_wire.Run, RUNS),
    st.builds(sync_wire.Ack, st.integers(1, 3)),
    st.sampled_from([sync_wire.Same(), sync_wire.Done(), sync_wire.Bye(), sync_wire.Stop("no")]),
    st.just(sync_wire.Contradiction(FORK.encode())),
    st.builds(sync_wire.Probe, LOGS, st.integers(1, 9)),
    st.builds(sync_wire.Absent, LOGS, st.integers(1, 9)),
    st.builds(sync_wire.Shown, st.sampled_from(POSTS).map(Entry.without_body)),
    st.builds(sync_wire.Decline, LOGS),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(events.LinkUp, PEERS, st.just(WHERE[0]), st.booleans()),
    st.builds(events.LinkDown, PEERS, st.just("")),
    st.builds(events.DialFailed, PEERS, st.just("")),
    st.builds(events.PushReceived, PEERS, PUSHES),
    st.builds(events.PushReceived, PEERS, PUSHES),
    st.builds(events.SyncOpened, SESSIONS, PEERS, st.just(False)),
    st.builds(events.SyncReceived, SESSIONS, SYNCS, st.just(10)),
    st.builds(events.SyncReceived, SESSIONS, SYNCS, st.just(10)),
    st.builds(events.SyncClosed, SESSIONS, st.just("")),
    st.builds(events.RunRead, st.integers(1, 9).map(Token), RUNS),
    st.builds(events.EvidenceRead, SESSIONS, st.just(FORK.encode())),
    st.builds(lambda piece, source: events.Committed((piece,), source), RUNS, st.one_of(st.none(), PEERS)),
    st.builds(lambda source: events.Committed((), source, (FORK,)), PEERS),
    st.builds(events.BodyKept, IDS),
    st.builds(lambda i: events.BodiesMissing((i,)), IDS),
    st.builds(events.Faulted, PEERS, st.sampled_from(Severity), st.just("")),
    st.builds(events.Announced, PEERS, st.binary(max_size=20)),
    st.builds(events.PeerFound, PEERS, st.just(WHERE), st.booleans()),
    st.builds(events.SyncWanted, PEERS),
    st.builds(lambda log_id: events.Committed((), None, (), (log_id,)), LOGS),
    st.just(events.AdmissionChanged()),
    st.builds(events.InterestChanged, INTERESTS),
    st.just(events.AddressesChanged(WHERE)),
    st.just(events.TimerFired()),
)


def verdict_on(piece: events.Piece, choice: int) -> events.Verdict:
    log_id, last = LogId(piece[0].author, piece[0].log), piece[-1]
    return (
        events.Accepted(log_id, Head(last.seq, last.id), len(piece)),
        events.Behind(log_id, 1),
        events.Diverged(log_id, last.seq),
        events.Stopped(log_id, FORK),
        events.Unwanted(log_id, ""),
        events.Rejected(log_id, "invalid"),
        events.Failed(log_id, ""),
    )[choice]


def answer_to(effect: Effect, choice: int) -> Event | None:
    """What the shell says when it has done something; not always what was hoped for."""
    match effect:
        case events.Deliver(token, _, pieces):
            return events.Judged(token, tuple(verdict_on(piece, choice % 7) for piece in pieces))
        case events.ReadRun(token, log_id, first, last):
            held = [entry for entry in POSTS if entry.author == log_id.author and first <= entry.seq <= last]
            return events.RunRead(token, tuple(held) if choice % 4 else ())
        case events.ReadBodies(token, ids):
            return events.BodiesRead(token, tuple(wire.BodyAnswer(i, wire.NOT_HELD, b"") for i in ids))
        case events.ReadEvidence(session):
            return events.EvidenceRead(session, FORK.encode())
        case events.OpenSync(session, peer):
            closed = events.SyncClosed(session, "refused")
            return events.SyncOpened(session, peer, True) if choice % 3 else closed
        case events.DeliverBody(_, entry_id):
            return events.BodyKept(entry_id)
        case _:
            return None


def check(effects: Iterable[Effect]) -> None:
    """Whatever is sent is what others take."""
    for effect in effects:
        match effect:
            case events.SendPush(_, message):
                data = encode_push(message)
                assert parse_push(data) == message
                assert len(data) <= limits.MAX_FRAME_BYTES
            case events.SendSync(_, sync_message):
                data = encode_sync(sync_message)
                assert parse_sync(data) == sync_message
                assert len(data) <= limits.MAX_FRAME_BYTES


def an_engine(states: dict[LogId, LogState] | None = None) -> Engine:
    return Engine(
        ALICE.id, NETWORK, Everyone(), Frontier(NETWORK, states), random=Random(1), secret=Random(2)
    )


@given(st.lists(st.tuples(EVENTS, st.integers(0, 83), st.integers(0, 20)), max_size=40))
@settings(deadline=None, max_examples=150)
def test_handle_never_raises_and_sends_only_what_others_take(steps: list[tuple[Event, int, int]]) -> None:
    engine, now = an_engine({BOB.log_id(): LogState(Head(3, POSTS[2].id), 3, None)}), NOW
    waiting = engine.start(now)
    for peer in (BOB.id, CAROL.id):
        engine.handle(events.LinkUp(peer, WHERE[0], False), now)
        engine.handle(events.PushReceived(peer, wire.Hello(NETWORK, EVERYTHING, False, WHERE)), now)
    for event, choice, seconds in steps:
        now += seconds**2 / 10
        effects = engine.handle(event, now)
        check(effects)
        waiting += effects
        for effect in list(waiting) if choice % 2 else []:
            waiting.remove(effect)
            answer = answer_to(effect, choice)
            if answer is not None:
                more = engine.handle(answer, now)
                check(more)
                waiting += more


@given(st.lists(st.tuples(EVENTS, st.integers(0, 20)), max_size=25))
@settings(deadline=None)
def test_the_same_seed_and_events_give_the_same_effects(steps: list[tuple[Event, int]]) -> None:
    histories = []
    for _ in range(2):
        engine, now = an_engine(), NOW
        effects = engine.start(now)
        for event, seconds in steps:
            now += seconds
            effects += engine.handle(event, now)
        histories.append(effects)
    assert histories[0] == histories[1]


# A look at evidence.


def proofs() -> list[Evidence]:
    bad = spoiled(EVE.sign_at(1, b"", [1, "x", ""]))
    return [FORK, bad_proof((bad, *chain_after(EVE, bad, ["y", "z"])), NETWORK)]


@pytest.mark.parametrize("proof", proofs(), ids=["fork", "bad"])
def test_a_glance_names_evidence_as_its_digest_does(proof: Evidence) -> None:
    assert glance(proof.encode()) == (proof.log_id, proof.seq, proof.digest())


@given(st.binary(max_size=80))
def test_noise_is_no_evidence(data: bytes) -> None:
    with pytest.raises(RemoteFault):
        glance(data)


@given(st.sampled_from(proofs()), st.data())
def test_mutated_evidence_is_glanced_at_or_a_remote_fault(proof: Evidence, data: st.DataObject) -> None:
    mutant = bytearray(proof.encode())
    mutant[data.draw(st.integers(0, len(mutant) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = glance(bytes(mutant))
    except RemoteFault:
        return
    assert len(found.digest) == 32
